"""A rehearsal: decides as the store does, on aggregates of its own, and appends nothing. Then it can be done for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.errors import PulseError, Refusal
from pulse.eventlog.commands import Command, Decided, Decision, Key, subject_of_key
from pulse.eventlog.envelope import own_fields, wire_name
from pulse.eventlog.store import EventStore


class NotAsShown(Refusal):
    """What would happen now is not what was shown, so it was not done. Look at it again."""


@dataclass(slots=True)
class Act:
    """What was rehearsed as one: each decision that had something to do, with its aggregates, and all their events."""

    steps: list[tuple[tuple[Key, ...], Decision]] = field(default_factory=list)
    events: list[AggregateEvent] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Says what would happen, but for when, and at which version."""
        return _digest(self.events)

    async def perform(self, store: EventStore, *, by: str, cause: str) -> Decided:
        """Stores exactly what was rehearsed, all of it or nothing. Raises NotAsShown, and what the store raises."""
        keys = list(dict.fromkeys(key for keys, _ in self.steps for key in keys))
        if not keys:
            return Decided(0, 0, ())

        def once_more(*known: Aggregate | None) -> Iterable[Aggregate | None]:
            # On copies: what turns out otherwise must leave nothing in the store's own.
            now = dict(zip(keys, deepcopy(known), strict=True))
            try:
                for theirs, decision in self.steps:
                    now.update(zip(theirs, _changed(decision(*map(now.get, theirs))), strict=True))
            except PulseError as refusal:
                raise NotAsShown from refusal
            if _digest(_pending(now.values())) != _digest(_in_order(self.events, keys)):
                raise NotAsShown
            return now.values()

        return await store.decide_together(keys, once_more, by=by, cause=cause)


class Rehearsal(EventStore):
    """Stands in for the store. Later decisions see what came of earlier ones; `begin` starts another act."""

    act: Act

    def begin(self) -> Act:
        self.act = Act()
        return self.act

    async def decide_together(
        self, keys: Sequence[Key], decision: Decision, *, by: str, cause: str | None = None, msg_id: str | None = None
    ) -> Decided:
        """Raises the decision's refusal."""
        command = Command(tuple(keys), tuple(map(subject_of_key, keys)), decision, by, cause, msg_id)
        await self.cache.load(command.subjects)
        draft = self.cache.draft(command, set())
        if draft.refusal is not None:
            raise draft.refusal
        if draft.events:
            self.act.steps.append((command.keys, decision))
            self.act.events += draft.events
        return Decided(0, draft.version, tuple(draft.events))


def _changed(result: Aggregate | Iterable[Aggregate | None] | None) -> list[Aggregate | None]:
    return [result] if isinstance(result, Aggregate) or result is None else list(result)


def _pending(aggregates: Iterable[Any]) -> Iterator[AggregateEvent]:
    for aggregate in aggregates:
        yield from aggregate.pending_events if aggregate is not None else ()


def _in_order(events: Iterable[AggregateEvent], keys: Sequence[Key]) -> list[AggregateEvent]:
    """Aggregate by aggregate, as they are stored."""
    place = {aggregate_id: number for number, (_, aggregate_id) in enumerate(keys)}
    return sorted(events, key=lambda event: place[event.originator_id])


def _digest(events: Iterable[AggregateEvent]) -> str:
    said = [
        [*wire_name(type(event)), event.originator_id, [getattr(event, name) for name in own_fields(type(event))]]
        for event in events
    ]
    return sha256(orjson.dumps(said)).hexdigest()[:16]
