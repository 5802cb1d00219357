"""What the routes of subscribers share: commands, and how each is doing."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi.responses import Response

from pulse.access import Person, by_moderator
from pulse.aggregates.subscriber import Subscriber
from pulse.desk.guard import Guard
from pulse.errors import Refusal
from pulse.eventlog.commands import Decided
from pulse.progress import Progresses
from pulse.subscribing import Subscribing, shown

SUBSCRIBERS_LIMIT = 100

Row = dict[str, Any]


class TooManySubscribers(Refusal):
    """There are as many subscribers as Pulse tells."""


class SubscriberDesk:
    """`progresses` knows how far each has been told."""

    def __init__(self, guard: Guard, subscribing: Subscribing, progresses: Progresses) -> None:
        self.guard = guard
        self.subscribing = subscribing
        self.progresses = progresses

    async def rows(self) -> list[Row]:
        """All of them, the oldest first."""
        found = sorted(self.guard.directory.subscribers(), key=lambda known: known.created_on)
        end = await self._end()
        return await asyncio.gather(*(self._row(known, end) for known in found))

    async def row(self, subscriber: Subscriber) -> Row:
        return await self._row(subscriber, await self._end())

    async def command(self, subscriber_id: UUID, person: Person, act: Callable[[Subscriber], None]) -> Response:
        """Raises NotFound."""
        decided = await self.subscribing.decide(subscriber_id, act, by=by_moderator(person.id))
        return await self.done(subscriber_id, decided)

    async def done(self, subscriber_id: UUID, decided: Decided, status: int = 200, **more: object) -> Response:
        return await self.guard.done(decided, status, id=str(subscriber_id), **more)

    def require_room(self, subscriber_id: UUID | None) -> None:
        """Raises TooManySubscribers."""
        known = {found.id for found in self.guard.directory.subscribers()}
        if subscriber_id not in known and len(known) >= SUBSCRIBERS_LIMIT:
            raise TooManySubscribers

    async def _row(self, subscriber: Subscriber, end: int) -> Row:
        return shown(subscriber, await self.progresses.of(subscriber), end)

    async def _end(self) -> int:
        return await self.subscribing.store.log.last_position()
