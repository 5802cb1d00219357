"""Decisions of signed-in people on what the directory knows: sources, departments, themselves."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from pulse.access import Person, by_moderator
from pulse.desk.guard import Guard
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore

A = TypeVar("A", bound=Aggregate)


class Decisions:
    def __init__(self, guard: Guard, store: EventStore) -> None:
        self.guard = guard
        self.store = store

    async def decide(self, person: Person, kind: type[A], aggregate_id: UUID, decision: Callable[[A], Any]) -> Decided:
        """Decides on something that must be there, and lets this process know of it. Raises NotFound."""
        decided = await self.store.decide_known(kind, aggregate_id, decision, by=by_moderator(person.id))
        await self.guard.learn(decided.position)
        return decided
