"""Tells moderators who looks at a chat and who types in it, whenever that changes. No customer hears of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID

import orjson

from pulse.access import Person, Place, may_see
from pulse.attention import Attention
from pulse.directory import Directory
from pulse.push.hub import Hub, Peer, fan_out, text_frame

FORGET_SECONDS = 1.0


class Viewers:
    """A frame names everybody who is there now, so that none has to be heard to understand the next."""

    def __init__(self, attention: Attention, directory: Directory, hub: Hub) -> None:
        self.attention = attention
        self.directory = directory
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
                await self._tell(chat)

    def _note(self, chat: UUID) -> None:
        self._changed.add(chat)
        self._wake.set()

    async def _tell(self, chat: UUID) -> None:
        place = self.attention.place(chat)
        data = {"viewers": [
            {"id": viewer.person, "name": self.directory.name_of(viewer.person), "typing": viewer.typing}
            for viewer in self.attention.viewers(chat)
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
