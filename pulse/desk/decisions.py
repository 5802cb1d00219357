"""Decisions of signed-in people on what the directory knows: sources, departments, themselves."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate
from fastapi.responses import Response

from pulse.access import Person, by_moderator
from pulse.desk.answers import done
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore

A = TypeVar("A", bound=Aggregate)


async def learned(guard: Guard, decided: Decided, status: int = 200, **more: object) -> Response:
    """A command's answer, once this process knows what came of it."""
    if decided.events:
        await guard.learn(decided.position)
    return done(decided, status, **more)


class Decisions:
    def __init__(self, guard: Guard, store: EventStore) -> None:
        self.guard = guard
        self.store = store

    async def decide(self, person: Person, kind: type[A], aggregate_id: UUID, decision: Callable[[A], Any]) -> Decided:
        """Decides on something that must be there, and lets this process know of it. Raises NotFound."""

        def on_known(known: A | None) -> A:
            if known is None:
                raise NotFound
            decision(known)
            return known

        decided = await self.store.decide(kind, aggregate_id, on_known, by=by_moderator(person.id))
        await self.guard.learn(decided.position)
        return decided
