"""A command on its way into the log: what it decides on, what it drafted, what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.errors import Trouble
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import kind_of, new_event_id, seal, subject_of
from pulse.values import value

Key = tuple[type[Aggregate], UUID]
Decision = Callable[..., Aggregate | Iterable[Aggregate | None] | None]


class HalfDecided(Trouble):
    """A command method triggered an event and then broke a rule; rules come first."""


@dataclass(slots=True)
class Folded:
    """An aggregate as the log has it, and the position of its last event (0 before the first)."""

    aggregate: Aggregate | None
    position: int


@value
class Decided:
    """What came of a command. `position` is where its last event lies; without events, where the aggregate stands.

    `version` is the first aggregate's.
    """

    position: int
    version: int
    events: tuple[AggregateEvent, ...]


@dataclass(slots=True, eq=False)
class Command:
    keys: tuple[Key, ...]
    subjects: tuple[str, ...]
    decision: Decision
    by: str
    cause: str | None
    msg_id: str | None
    besides: str | None = None
    future: asyncio.Future[Decided] = field(init=False)  # of one that waits for a batch
    event_ids: set[UUID] = field(default_factory=set)
    unsure: bool = False
    drafted_after: int | None = None  # no event of its own can lie at or before this position


@dataclass(slots=True)
class Draft:
    """A decided command, before its events are in the log."""

    command: Command
    appends: list[Append]
    events: list[AggregateEvent]
    version: int = 0
    refusal: Exception | None = None


def make_draft(command: Command, folded: list[Folded], conditioned: set[str]) -> Draft:
    """Runs the decision and seals its events. `conditioned` holds the subjects that already carry a condition.

    A refusal is part of the draft. Anything raised leaves the folded state spoiled: forget it.
    """
    if command.drafted_after is None:
        command.drafted_after = min(f.position for f in folded)
    try:
        result = command.decision(*(f.aggregate for f in folded))
    except Exception as refusal:
        if any(f.aggregate is not None and f.aggregate.pending_events for f in folded):
            raise HalfDecided from refusal
        return Draft(command, [], [], refusal=refusal)
    changed = [result] if isinstance(result, Aggregate) or result is None else list(result)
    if len(changed) != len(folded):
        raise HalfDecided(f"A decision on {len(folded)} aggregates returned {len(changed)}.")
    made = Draft(command, [], [])
    for key, subject, fold, aggregate in zip(command.keys, command.subjects, folded, changed, strict=True):
        _check_returned(key, fold, aggregate)
        if aggregate is not None:
            fold.aggregate = aggregate
            _seal_pending(made, subject, fold, conditioned)
    if made.appends:
        made.appends[0].msg_id = command.msg_id
    made.version = folded[0].aggregate.version if folded[0].aggregate else 0
    return made


def subject_of_key(key: Key) -> str:
    return subject_of(kind_of(key[0]), key[1])


def _seal_pending(made: Draft, subject: str, folded: Folded, conditioned: set[str]) -> None:
    aggregate: Any = folded.aggregate
    events = aggregate.collect_events()
    if not events:
        return
    scope = aggregate.scope() if hasattr(aggregate, "scope") else None
    by, cause, besides = made.command.by, made.command.cause, made.command.besides
    for event in events:
        expect = None if subject in conditioned else folded.position
        conditioned.add(subject)
        event_id = new_event_id()
        made.command.event_ids.add(event_id)
        body = seal(event, event_id=event_id, by=by, cause=cause, scope=scope, besides=besides)
        made.appends.append(Append(subject, body, expect))
        made.events.append(event)


def _check_returned(key: Key, folded: Folded, aggregate: Aggregate | None) -> None:
    """Guards against decisions that would lose events or store them in the wrong place."""
    if aggregate is not None and aggregate.id != key[1]:
        raise HalfDecided(f"A decision on {key[1]} returned {aggregate.id}.")
    if aggregate is not folded.aggregate and folded.aggregate is not None and folded.aggregate.pending_events:
        raise HalfDecided("A decision changed an aggregate and did not return it.")
