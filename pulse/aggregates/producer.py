"""Producer: a service that posts signed business events. What it may say, and to whom that is told, is configured."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal
from pulse.values import value

PRODUCERS = UUID("0b8a4c52-7a0e-5f0b-8a39-3f0f4d1f6e52")


class AnotherScheme(Refusal):
    """This producer signs in another way, and its secrets are for that. Register the new way under another name."""


class LastSecret(Refusal):
    """This is the producer's only secret. Add another one before it is retired."""


@value
class EventType:
    """What a producer may say: `schema` (JSON Schema) is what the data must satisfy.

    It is told as `event` on the subscription channel that the template `channel` names, to `audience`: `staff`, or
    the `person` whose id stands in the channel's name.
    """

    type: str
    channel: str
    audience: str
    event: str
    schema: dict[str, Any]


class ProducerRegistered(AggregateCreated):
    """`scheme` names how it signs."""

    name: str
    scheme: str


class ProducerConfigured(AggregateEvent):
    """Replaces all of its event types."""

    event_types: tuple[EventType, ...]

    def apply(self, producer: Producer) -> None:
        producer.event_types = {found.type: found for found in self.event_types}


class ProducerSecretAdded(AggregateEvent):
    """`sealed` by the vault. The ones before stay good until they are retired."""

    secret_id: UUID
    sealed: str

    def apply(self, producer: Producer) -> None:
        producer.secrets = {**producer.secrets, self.secret_id: self.sealed}


class ProducerSecretRetired(AggregateEvent):
    secret_id: UUID

    def apply(self, producer: Producer) -> None:
        producer.secrets = {known: sealed for known, sealed in producer.secrets.items() if known != self.secret_id}


class ProducerDisabled(AggregateEvent):
    """From now on it is a stranger. Its configuration and its secrets stay."""

    def apply(self, producer: Producer) -> None:
        producer.disabled = True


class ProducerEnabled(AggregateEvent):
    def apply(self, producer: Producer) -> None:
        producer.disabled = False


class Producer(Aggregate):
    """`secrets` are sealed, the oldest first; any of them opens the door."""

    name: str
    scheme: str
    event_types: dict[str, EventType] = field(default_factory=dict)
    secrets: dict[UUID, str] = field(default_factory=dict)
    disabled: bool = False

    @classmethod
    def register(cls, name: str, scheme: str, *, now: datetime) -> Self:
        """A new producer; its id follows from its name, so it can't be registered twice."""
        return cls._create(ProducerRegistered, id=producer_id(name), name=name, scheme=scheme, timestamp=now)

    def configure(self, scheme: str, event_types: tuple[EventType, ...], *, now: datetime) -> None:
        """What it may say from now on; what was said before stays as it was told. Raises AnotherScheme."""
        if scheme != self.scheme:
            raise AnotherScheme
        if event_types != tuple(self.event_types.values()):
            self.trigger_event(ProducerConfigured, event_types=event_types, timestamp=now)

    def add_secret(self, secret_id: UUID, sealed: str, *, now: datetime) -> None:
        """One more (sealed) secret that is as good as the ones before."""
        self.trigger_event(ProducerSecretAdded, secret_id=secret_id, sealed=sealed, timestamp=now)

    def retire_all_but(self, newest: int, *, now: datetime) -> None:
        """Only so many of the newest secrets stay good. Raises LastSecret when none would."""
        if newest < 1:
            raise LastSecret
        for secret_id in list(self.secrets)[:-newest]:
            self.trigger_event(ProducerSecretRetired, secret_id=secret_id, timestamp=now)

    def retire_secret(self, secret_id: UUID, *, now: datetime) -> None:
        """One secret opens the door no more. Raises LastSecret."""
        if set(self.secrets) == {secret_id}:
            raise LastSecret
        if secret_id in self.secrets:
            self.trigger_event(ProducerSecretRetired, secret_id=secret_id, timestamp=now)

    def disable(self, *, now: datetime) -> None:
        """Its posts are refused like a stranger's."""
        if not self.disabled:
            self.trigger_event(ProducerDisabled, timestamp=now)

    def enable(self, *, now: datetime) -> None:
        """Its posts are taken again."""
        if self.disabled:
            self.trigger_event(ProducerEnabled, timestamp=now)

    def seal_purpose(self, secret_id: UUID) -> str:
        """What one of its secrets is bound to when sealed."""
        return seal_purpose(self.id, secret_id)


def seal_purpose(producer: UUID, secret_id: UUID) -> str:
    return f"producer:{producer.hex}:{secret_id.hex}"


def producer_id(name: str) -> UUID:
    return uuid5(PRODUCERS, name)
