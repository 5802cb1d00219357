"""Tells a history: aggregates act, their events are sealed as the store would, one decision after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from pulse.aggregates.chat import Chat
from pulse.aggregates.customer import Customer
from pulse.aggregates.delivery import Delivery
from pulse.eventlog.appends import Append, Stored
from pulse.eventlog.envelope import Recorded, kind_of, new_event_id, open_envelope, seal, subject_of
from pulse.projections.batch import Batch, fold
from pulse.projections.changes import Changes, ReadModel
from tests.given import NOW, SHOP, VERA, a_chat

A = TypeVar("A", bound=Aggregate)


class Told:
    """What happened, in order; positions count from 1."""

    def __init__(self) -> None:
        self.appends: list[Append] = []

    def of(self, aggregate: A, *acts: Callable[[A], object]) -> A:
        """Tells what the aggregate did so far, then each act."""
        self._tell(aggregate)
        for act in acts:
            act(aggregate)
            self._tell(aggregate)
        return aggregate

    def raw(self, subject: str, body: bytes) -> None:
        """Something that lies in the log and that no aggregate said."""
        self.appends.append(Append(subject, body))

    def _tell(self, aggregate: Aggregate) -> None:
        scope = aggregate.scope() if hasattr(aggregate, "scope") else None
        for event in aggregate.collect_events():
            body = seal(event, event_id=new_event_id(), by="system", scope=scope)
            self.raw(subject_of(kind_of(type(aggregate)), event.originator_id), body)

    @property
    def page(self) -> list[Stored]:
        return [Stored(number, each.subject, each.body) for number, each in enumerate(self.appends, 1)]

    @property
    def recorded(self) -> list[Recorded]:
        return [open_envelope(stored.position, stored.subject, stored.body) for stored in self.page]

    def through(self, model: ReadModel) -> Changes:
        """What one read model makes of it, as a single batch."""
        changes = Changes()
        for recorded in self.recorded:
            model.project(recorded, changes)
        return changes

    async def folded(self) -> Batch:
        return await fold(self.page, frozenset())


def vera(peer: str = VERA.id, name: str = "Vera") -> Customer:
    return Customer.meet(source_id=SHOP, peer=peer, name=name, username=None, language="ru", now=NOW)


def a_chat_of(peer: str, department: UUID | None) -> Chat:
    return a_chat(peer=peer, department=department)


def kept(external_id: str = "u1", outcome: str = "unhandled", raw: str = "{}", now: datetime = NOW) -> Delivery:
    return Delivery.keep(
        source_id=SHOP, channel="telegram", outcome=outcome, kind="poll", reason="", external_id=external_id,
        raw=raw, raw_base64=None, now=now,
    )  # fmt: skip
