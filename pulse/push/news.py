"""What producers publish, as the sockets of its subscription channel are told. The producer's own data, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from pulse.access import Subscription, may_hear
from pulse.aggregates.feed import EventPublished
from pulse.directory import Directory
from pulse.eventlog.envelope import Recorded
from pulse.push.hub import Hub, Peer


@dataclass(frozen=True, slots=True)
class News:
    """One business event to tell on one channel, to an `audience` as `access.may_hear` knows it."""

    channel: str
    event: str
    audience: str
    data: Any
    position: int
    event_id: UUID


def news_of(recorded: Recorded) -> News | None:
    """None for whatever no producer published."""
    match recorded.event:
        case EventPublished(published=published, telling=told):
            return News(
                told.channel, told.event, told.audience, published.data, recorded.position, recorded.envelope.id
            )
    return None


def hearers(news: News, hub: Hub, directory: Directory) -> Iterator[Peer]:
    """Who is subscribed and still may hear it; who holds the app's secret (None) may."""
    kind, _, wanted = news.channel.partition(".")
    channel = Subscription(kind, wanted)
    for peer, person_id in hub.channels.get(news.channel, {}).items():
        person = None if person_id is None else directory.person(person_id)
        if person_id is None or (person is not None and may_hear(person, channel, news.audience)):
            yield peer


def news_frame(news: News) -> bytes:
    """Pusher's shape, as for chats: data as JSON in a string, and beside it where the event lies."""
    data = orjson.dumps(news.data).decode()
    whole = {"event": news.event, "channel": news.channel, "data": data, "seq": news.position, "id": news.event_id}
    return orjson.dumps(whole)
