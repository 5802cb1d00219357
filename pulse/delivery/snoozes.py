"""Wakes chats whose snooze is over. The list says which to look at; what counts is decided on the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat import Chat
from pulse.delivery.unreadable import Unreadable
from pulse.errors import Trouble
from pulse.eventlog.store import EventStore
from pulse.logs import Outage
from pulse.projections import inbox
from pulse.projections.reads import Reads

LOOK_SECONDS = 1.0
AT_ONCE = 100


class Snoozes:
    """Several processes may look at once: a chat wakes only once."""

    def __init__(self, store: EventStore, reads: Reads, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.reads = reads
        self.clock = clock
        self._unreadable = Unreadable("snoozes")

    async def run(self) -> None:
        """Looks every second, for ever; NATS and Postgres may come and go."""
        outage = Outage("snoozes")
        while True:
            try:
                await self.wake_all()
                outage.ended()
            except Trouble as trouble:
                outage.began(trouble)
            await asyncio.sleep(LOOK_SECONDS)

    async def wake_all(self) -> None:
        """Page after page: a chat that stays due stands before no other. Raises Trouble."""
        now = self.clock()
        due = await inbox.due(self.reads, now, AT_ONCE)
        while due:
            for chat_id, _ in due:
                if not self._unreadable.knows(chat_id):
                    with self._unreadable.passing_over(chat_id):
                        await self._wake(chat_id)
            due = await inbox.due(self.reads, now, AT_ONCE, after=due[-1])

    async def _wake(self, chat_id: UUID) -> None:
        decided = await self.store.decide_if_known(
            Chat, chat_id, lambda chat: chat.wake(now=self.clock(), due=True), by="system"
        )
        await self.reads.wait_for(decided.position)  # or the next look would find it again
