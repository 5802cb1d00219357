"""Tells moderators who looks at a chat and who types in it, whenever that changes. No customer hears of it.

Where the chat stands is asked each time: it may have moved since somebody looked.
"""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

import structlog

from pulse.access import Place
from pulse.aggregates.chat import Chat
from pulse.attention import Attention
from pulse.directory import Directory
from pulse.errors import Trouble
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.eventlog.store import EventStore
from pulse.push.telling import Telling
from pulse.push.viewer_frames import viewers_frame

FORGET_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Viewers:
    """A frame names everybody who is there now and may be, so that none has to be heard to understand the next."""

    def __init__(self, attention: Attention, directory: Directory, store: EventStore, telling: Telling) -> None:
        self.attention = attention
        self.directory = directory
        self.store = store
        self.telling = telling
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
        people = [(self.directory.person(viewer.person), viewer.typing) for viewer in self.attention.viewers(chat)]
        there = [(person, typing) for person, typing in people if person is not None]
        await self.telling.tell(viewers_frame(chat, place, there))
