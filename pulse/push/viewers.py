"""Tells moderators who looks at a chat and who types in it, whenever that changes. No customer hears of it.

Where the chat stands is asked each time: it may have moved since somebody looked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID

import orjson
import structlog

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat import Chat
from pulse.attention import Attention
from pulse.directory import Directory
from pulse.errors import Trouble
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.eventlog.store import EventStore
from pulse.push.hub import Hub, Peer, fan_out, text_frame

FORGET_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Viewers:
    """A frame names everybody who is there now and may be, so that none has to be heard to understand the next."""

    def __init__(self, attention: Attention, directory: Directory, store: EventStore, hub: Hub) -> None:
        self.attention = attention
        self.directory = directory
        self.store = store
        self.hub = hub
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()
        attention.when_changed = self._note

    async def run(self) -> None:
        """Tells for ever."""
        await self.attention.run()
        loop = asyncio.get_running_loop()
        forget_at = loop.time() + FORGET_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(forget_at):
                    await self._wake.wait()
            if loop.time() >= forget_at:  # however much changes elsewhere
                self.attention.forget()
                forget_at = loop.time() + FORGET_SECONDS
            self._wake.clear()
            changed, self._changed = self._changed, set()
            for chat in changed:
                await self._tell_if_known(chat)

    def _note(self, chat: UUID) -> None:
        self._changed.add(chat)
        self._wake.set()

    async def _tell_if_known(self, chat: UUID) -> None:
        """Nobody is told while the log can't say whom; then it is tried again."""
        try:
            found = await self.store.look(Chat, chat)
        except NEWER_HISTORY:
            log.exception("viewers.beyond", chat=str(chat))  # a newer Pulse wrote in it
        except (Trouble, AppendRefused):
            self._changed.add(chat)
        else:
            await self._tell(chat, Place(found.department_id, found.holder_id) if found else Place(None, None))

    async def _tell(self, chat: UUID, place: Place) -> None:
        data = {"viewers": [
            {"id": viewer.person, "name": self.directory.name_of(viewer.person), "typing": viewer.typing}
            for viewer in self.attention.viewers(chat)
            if self._sees(viewer.person, place)
        ]}  # fmt: skip
        staff = [peer for person_id, peers in self.hub.staff.items() if self._sees(person_id, place) for peer in peers]
        if staff:
            await fan_out(staff, text_frame(orjson.dumps({"type": "chat.viewers", "session_id": chat, "data": data})))
        channel = f"private-chat.{chat}"
        if subscribed := list(self._subscribed(channel, place)):
            told = orjson.dumps({"chat_id": chat, **data}).decode()
            whole = {"event": "ChatViewers", "channel": channel, "data": told}
            await fan_out(subscribed, text_frame(orjson.dumps(whole)))

    def _subscribed(self, channel: str, place: Place) -> Iterator[Peer]:
        for peer, person_id in self.hub.channels.get(channel, {}).items():
            if person_id is None or self._sees(person_id, place):
                yield peer

    def _sees(self, person_id: UUID, place: Place) -> bool:
        person: Person | None = self.directory.person(person_id)
        return person is not None and may_see(person, place)
