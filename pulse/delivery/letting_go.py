"""Frees the open chats of people who were disabled, so that none is stuck. Of several processes one works."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from pulse.aggregates.chat import Chat
from pulse.delivery.unreadable import Unreadable
from pulse.directory import Directory
from pulse.errors import Trouble
from pulse.eventlog.store import EventStore
from pulse.projections import holding
from pulse.projections.reads import Reads

CAUSE = "disabled"  # beside each chat that is freed so
AT_ONCE = 200
LOOK_SECONDS = 30.0  # for a chat that was given to somebody at the very moment they were disabled
RETRY_SECONDS = 2.0

log = structlog.get_logger(__name__)


class LettingGo:
    """What the read models say is where to look; whether the chat is held is decided on the chat."""

    def __init__(self, store: EventStore, directory: Directory, reads: Reads, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.directory = directory
        self.reads = reads
        self.clock = clock
        self._unreadable = Unreadable("letting-go")

    async def run(self) -> None:
        """For ever: whenever somebody is disabled, and now and then."""
        while True:
            disabled = self.disabled()
            try:
                await self.free_all(disabled)
            except Trouble as trouble:
                log.warning("letting-go.trouble", trouble=repr(trouble))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.directory.wait_until(lambda: self.disabled() != disabled)  # noqa: B023  asked at once

    def disabled(self) -> frozenset[UUID]:
        return frozenset(person.id for person in self.directory.moderators() if person.disabled)

    async def free_all(self, people: frozenset[UUID]) -> None:
        """Page after page: a chat that can't be freed, as one without a department, keeps no other. Raises Trouble."""
        if not people:
            return
        await self.reads.wait_for(await self.store.log.last_position())
        found = await holding.held_by(self.reads, sorted(people), AT_ONCE)
        while found:
            for row in found:
                if not self._unreadable.knows(row["chat_id"]):
                    with self._unreadable.passing_over(row["chat_id"]):
                        await self._free(row["chat_id"], row["holder_id"])
            before = found[-1]["last_position"]
            found = await holding.held_by(self.reads, sorted(people), AT_ONCE, before=before)

    async def _free(self, chat_id: UUID, holder: UUID) -> None:
        await self.store.decide_if_known(
            Chat, chat_id, lambda chat: chat.let_go(holder, now=self.clock()), by="system", cause=CAUSE
        )
