"""Feed: what one producer said on one subscription channel, such as everything about one campaign."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.message import id_key
from pulse.values import value


@value
class CloudEvent:
    """A business event as its producer posted it (CloudEvents 1.0): `source` and `id` together name it.

    `data` is JSON; where the producer sent bytes, their base64, and `binary` says so.
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    media_type: str | None = None
    data_schema: str | None = None
    extensions: dict[str, str] = field(default_factory=dict)
    data: Any = None
    binary: bool = False


@value
class Telling:
    """Where an event is told, as the producer's configuration said when it came: frame name, channel and audience."""

    channel: str
    event: str
    audience: str


class FeedOpened(AggregateCreated):
    """`key` is the subscription channel."""

    producer_id: UUID
    key: str


class EventPublished(AggregateEvent):
    """`delivery` is the id that was signed with it, if one was, and if it came alone: that counts once as well."""

    published: CloudEvent
    telling: Telling
    delivery: str | None

    def apply(self, feed: Feed) -> None:
        feed.known.update(keys_of(self.published, self.delivery))


class Feed(Aggregate):
    """`known` are keys of what it has, for good."""

    producer_id: UUID
    key: str
    known: set[int] = field(default_factory=set)

    @classmethod
    def open(cls, producer: UUID, key: str, *, now: datetime) -> Self:
        """A feed begins; its id follows from producer and key, so a burst can't begin two."""
        return cls._create(FeedOpened, id=feed_id(producer, key), producer_id=producer, key=key, timestamp=now)

    def publish(self, event: CloudEvent, telling: Telling, *, delivery: str | None, now: datetime) -> None:
        """Takes an event in. One that the feed knows, by its own id or by its delivery's, changes nothing."""
        if self.known.isdisjoint(keys_of(event, delivery)):
            self.trigger_event(EventPublished, published=event, telling=telling, delivery=delivery, timestamp=now)


def keys_of(event: CloudEvent, delivery: str | None) -> set[int]:
    """What an event is remembered by: source and id (no NUL is in either), and the delivery."""
    named = {id_key(f"{event.source}\0{event.id}")}
    return named if delivery is None else named | {id_key(f"\0{delivery}")}


def feed_id(producer: UUID, key: str) -> UUID:
    return uuid5(producer, key)
