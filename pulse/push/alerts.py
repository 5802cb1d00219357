"""What admins are told at once, wherever they are: a source that its provider refuses, that
sends again, or that somebody switched off or on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from pulse.access import Person, may_manage
from pulse.aggregates.source import SourceDisabled, SourceEnabled, SourceHalted, SourceResumed
from pulse.directory import Directory
from pulse.eventlog.envelope import Recorded
from pulse.push.hub import Hub, Peer


@dataclass(frozen=True, slots=True)
class Alert:
    """`reason` is empty unless its provider gave one; `until` is when it tries by itself."""

    type: str
    event: str
    reason: str
    until: datetime | None
    source_id: UUID
    title: str
    position: int
    event_id: UUID


def alert_of(recorded: Recorded, directory: Directory) -> Alert | None:
    """None for whatever needs no admin."""
    match recorded.event:
        case SourceHalted(reason=reason, until=until):
            told = ("source.halted", "SourceHalted", reason, until)
        case SourceResumed():
            told = ("source.resumed", "SourceResumed", "", None)
        case SourceDisabled():
            told = ("source.disabled", "SourceDisabled", "", None)
        case SourceEnabled():
            told = ("source.enabled", "SourceEnabled", "", None)
        case _:
            return None
    source = directory.find_source(recorded.aggregate_id)
    return Alert(*told, recorded.aggregate_id, source.title if source else "", recorded.position, recorded.envelope.id)


def admins(hub: Hub, directory: Directory) -> Iterator[Person]:
    """Who has a window open and manages."""
    for person_id in {*hub.staff, *(person for peers in hub.channels.values() for person in peers.values() if person)}:
        person = directory.person(person_id)
        if person is not None and may_manage(person):
            yield person


def alert_frame(alert: Alert) -> bytes:
    """S2's shape; there is no session, it is about a source."""
    return orjson.dumps({"type": alert.type, "data": data_of(alert), "seq": alert.position})


def pusher_frame(alert: Alert, channel: str) -> bytes:
    """Pusher's shape, on an admin's own channel."""
    data = orjson.dumps(data_of(alert)).decode()
    whole = {"event": alert.event, "channel": channel, "data": data, "seq": alert.position, "id": alert.event_id}
    return orjson.dumps(whole)


def data_of(alert: Alert) -> dict[str, object]:
    return {"source_id": alert.source_id, "title": alert.title, "reason": alert.reason, "until": alert.until}


def own_channel(person: Person, hub: Hub) -> tuple[str, list[Peer]]:
    """A person's channel and who listens there; their own sockets only, or who holds the app's secret."""
    name = f"private-moderator.{person.id}"
    return name, [peer for peer, who in hub.channels.get(name, {}).items() if who in (None, person.id)]
