"""Customer: a person on one source, as the channel knows them, and whether they can be reached.

Somebody may be several customers, one on each source. Joining says so and changes nothing else; parting takes it back.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal

MOST_JOINED = 20


class JoinedToItself(Refusal):
    """A customer can't be joined with itself."""


class JoinedTooOften(Refusal):
    """This customer is joined with 20 others already. Part one of them first."""


class CustomerMet(AggregateCreated):
    """First contact. `peer` is the channel's id of the person."""

    source_id: UUID
    peer: str
    name: str
    username: str | None
    language: str | None


class CustomerProfileChanged(AggregateEvent):
    """What is known of the person from now on, all of it. `phone` is their own, which they sent."""

    name: str
    username: str | None
    language: str | None
    phone: str | None

    def apply(self, customer: Customer) -> None:
        customer.name, customer.username = self.name, self.username
        customer.language, customer.phone = self.language, self.phone


class CustomerLookedUp(AggregateEvent):
    """The channel was asked who this is; whatever it said, it need not be asked again for a day."""

    def apply(self, customer: Customer) -> None:
        customer.looked_up_at = self.timestamp


class CustomerLeft(AggregateEvent):
    """The person blocked us or forbade messages: nothing can be sent until they return.

    `external_id` and `raw` are there when a delivery said so, not the answer to something we sent.
    """

    reason: str
    external_id: str | None = None
    raw: str | None = None

    def apply(self, customer: Customer) -> None:
        customer.reachable = False
        customer.remember(self.external_id)


class CustomerReturned(AggregateEvent):
    """The person allowed messages again, or wrote, which says the same; then there is no delivery of its own."""

    reason: str
    external_id: str | None = None
    raw: str | None = None

    def apply(self, customer: Customer) -> None:
        customer.reachable = True
        customer.remember(self.external_id)


class CustomerJoined(AggregateEvent):
    """This customer and another are one person. The other's own events say the same."""

    other_id: UUID

    def apply(self, customer: Customer) -> None:
        customer.joined.add(self.other_id)


class CustomerParted(AggregateEvent):
    """They are not, after all."""

    other_id: UUID

    def apply(self, customer: Customer) -> None:
        customer.joined.discard(self.other_id)


class Customer(Aggregate):
    source_id: UUID
    peer: str
    name: str
    username: str | None
    language: str | None
    phone: str | None = None
    reachable: bool = True
    looked_up_at: datetime | None = None
    known: set[str] = field(default_factory=set)
    joined: set[UUID] = field(default_factory=set)

    @classmethod
    def meet(
        cls, *, source_id: UUID, peer: str, name: str, username: str | None, language: str | None, now: datetime
    ) -> Self:
        """First contact; the id follows from source and peer."""
        return cls._create(
            CustomerMet, id=customer_id(source_id, peer), source_id=source_id, peer=peer, name=name,
            username=username, language=language, timestamp=now,
        )  # fmt: skip

    def introduce(
        self, *, name: str = "", username: str | None = None, language: str | None = None, phone: str | None = None,
        now: datetime,
    ) -> None:  # fmt: skip
        """The channel tells who this is; what it does not tell stays as it was."""
        told = (name or self.name, username or self.username, language or self.language, phone or self.phone)
        if told != (self.name, self.username, self.language, self.phone):
            name, username, language, phone = told
            self.trigger_event(
                CustomerProfileChanged, name=name, username=username, language=language, phone=phone, timestamp=now
            )

    def look_up(self, *, name: str = "", username: str | None = None, now: datetime) -> None:
        """The channel was asked who this is, and told something or nothing."""
        self.introduce(name=name, username=username, now=now)
        self.trigger_event(CustomerLookedUp, timestamp=now)

    def leave(self, *, reason: str, external_id: str, raw: str, now: datetime) -> None:
        """The person can't be written to any more."""
        if external_id not in self.known:
            self.trigger_event(CustomerLeft, reason=reason, external_id=external_id, raw=raw, timestamp=now)

    def come_back(self, *, reason: str, external_id: str, raw: str, now: datetime) -> None:
        """The person can be written to again."""
        if external_id not in self.known:
            self.trigger_event(CustomerReturned, reason=reason, external_id=external_id, raw=raw, timestamp=now)

    def unreachable(self, reason: str, *, now: datetime) -> None:
        """The channel refused to bring them something of ours, for good."""
        if self.reachable:
            self.trigger_event(CustomerLeft, reason=reason, timestamp=now)

    def write(self, *, now: datetime) -> None:
        """They wrote, so they can be written to."""
        if not self.reachable:
            self.trigger_event(CustomerReturned, reason="wrote", timestamp=now)

    def join(self, other_id: UUID, *, now: datetime) -> None:
        """Another customer is the same person. It has no direction: tell the other one too, in the same step."""
        if other_id == self.id:
            raise JoinedToItself
        if other_id in self.joined:
            return
        if len(self.joined) >= MOST_JOINED:
            raise JoinedTooOften
        self.trigger_event(CustomerJoined, other_id=other_id, timestamp=now)

    def part(self, other_id: UUID, *, now: datetime) -> None:
        """Takes back the join with another customer, and nothing else."""
        if other_id in self.joined:
            self.trigger_event(CustomerParted, other_id=other_id, timestamp=now)

    def remember(self, external_id: str | None) -> None:
        """A delivery never counts twice."""
        if external_id is not None:
            self.known.add(external_id)

    def scope(self) -> dict[str, object]:
        """Where this customer belongs; travels beside each event."""
        return {"source": self.source_id}


def customer_id(source_id: UUID, peer: str) -> UUID:
    """Computed like a chat's id, in a space of its own (in a private chat both have the same peer)."""
    return uuid5(source_id, f"customer:{peer}")
