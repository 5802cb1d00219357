"""Wakes chats whose snooze is over. The list says which to look at; what counts is decided on the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat import Chat
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

    async def run(self) -> None:
        """Looks every second, for ever; NATS and Postgres may come and go."""
        outage = Outage("snoozes")
        while True:
            try:
                for chat_id in await inbox.due(self.reads, self.clock(), AT_ONCE):
                    await self._wake(chat_id)
                outage.ended()
            except Trouble as trouble:
                outage.began(trouble)
            await asyncio.sleep(LOOK_SECONDS)

    async def _wake(self, chat_id: UUID) -> None:
        def decision(chat: Chat | None) -> Chat | None:
            if chat is not None:
                chat.wake(now=self.clock(), due=True)
            return chat

        decided = await self.store.decide(Chat, chat_id, decision, by="system")
        await self.reads.wait_for(decided.position)  # or the next look would find it again
