"""What producers publish, as the sockets of its subscription channel are told. The producer's own data, unchanged."""

from __future__ import annotations

from collections.abc import Iterator

from pulse.access import Subscription, may_hear
from pulse.aggregates.feed import EventPublished
from pulse.eventlog.envelope import Recorded
from pulse.push.frames import Frame


def feed_frames(recorded: Recorded) -> Iterator[Frame]:
    """None for whatever no producer published. Whoever is there (`presence-…`) hears what is told in private."""
    match recorded.event:
        case EventPublished(published=published, telling=told):
            kind, _, wanted = told.channel.partition(".")
            channel, audience = Subscription(kind, wanted), told.audience
            beside = told.channel.replace("private-", "presence-", 1)
            channels = tuple(dict.fromkeys((told.channel, beside)))
            yield Frame(None, told.event, published.data, channels, lambda person: may_hear(person, channel, audience))
