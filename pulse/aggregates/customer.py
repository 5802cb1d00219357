"""Customer: a person on one source, as the channel knows them, and whether they can be reached."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent


class CustomerMet(AggregateCreated):
    """First contact. `peer` is the channel's id of the person."""

    source_id: UUID
    peer: str
    name: str
    username: str | None
    language: str | None


class CustomerLeft(AggregateEvent):
    """The person blocked us or forbade messages: nothing can be sent until they return."""

    reason: str
    external_id: str
    raw: str

    def apply(self, customer: Customer) -> None:
        customer.reachable = False
        customer.known.add(self.external_id)


class CustomerReturned(AggregateEvent):
    """The person allowed messages again."""

    reason: str
    external_id: str
    raw: str

    def apply(self, customer: Customer) -> None:
        customer.reachable = True
        customer.known.add(self.external_id)


class Customer(Aggregate):
    source_id: UUID
    peer: str
    name: str
    username: str | None
    language: str | None
    reachable: bool = True
    known: set[str] = field(default_factory=set)

    @classmethod
    def meet(
        cls, *, source_id: UUID, peer: str, name: str, username: str | None, language: str | None, now: datetime
    ) -> Self:
        """First contact; the id follows from source and peer."""
        return cls._create(
            CustomerMet, id=customer_id(source_id, peer), source_id=source_id, peer=peer, name=name,
            username=username, language=language, timestamp=now,
        )  # fmt: skip

    def leave(self, *, reason: str, external_id: str, raw: str, now: datetime) -> None:
        """The person can't be written to any more."""
        if external_id not in self.known:
            self.trigger_event(CustomerLeft, reason=reason, external_id=external_id, raw=raw, timestamp=now)

    def come_back(self, *, reason: str, external_id: str, raw: str, now: datetime) -> None:
        """The person can be written to again."""
        if external_id not in self.known:
            self.trigger_event(CustomerReturned, reason=reason, external_id=external_id, raw=raw, timestamp=now)

    def scope(self) -> dict[str, object]:
        """Where this customer belongs; travels beside each event."""
        return {"source": self.source_id}


def customer_id(source_id: UUID, peer: str) -> UUID:
    """Computed like a chat's id, in a space of its own (in a private chat both have the same peer)."""
    return uuid5(source_id, f"customer:{peer}")
