"""Our events as the `eventsourcing` library stores them, and the library's as they lie in the log.

A topic is the wire name and version (`chat.opened/1`), a state the event's data and its time. What is not an event
of ours lies under the kind `record`, byte for byte.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import msgspec
import orjson
from eventsourcing import persistence as es
from eventsourcing.domain import AggregateEvent, DomainEventProtocol

from pulse.aggregates import EVENTS
from pulse.eventlog.appends import Append, Stored
from pulse.eventlog.envelope import PREFIX, Envelope, event_of, new_event_id, own_fields, subject_of, wire_name

RECORD = "record"
TOPICS = {f"{name}/{version}": (name, version) for name, version in EVENTS}
MARK = b'{"base64":"'
ENVELOPE = msgspec.json.Decoder(Envelope)
TIMED: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("Timed", [("timestamp", datetime)]))

Notifications = list[es.Notification]


class PulseMapper(es.Mapper[UUID]):
    """Event classes of Pulse <-> their wire names and versions; other classes as the library does it.

    The state of a Pulse event is its envelope's `data` and the `timestamp`, for which a stored event has no place.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> es.StoredEvent:
        if not isinstance(domain_event, AggregateEvent) or type(domain_event) not in EVENTS.values():
            return super().to_stored_event(domain_event)
        if self.cipher or self.compressor:
            raise es.ProgrammingError("Pulse's events lie in the log as JSON, neither encrypted nor compressed.")
        name, version = wire_name(type(domain_event))
        own = {field: getattr(domain_event, field) for field in own_fields(type(domain_event))}
        state = orjson.dumps({"timestamp": domain_event.timestamp} | own)
        return es.StoredEvent(domain_event.originator_id, domain_event.originator_version, f"{name}/{version}", state)

    def to_domain_event(self, stored_event: es.StoredEvent) -> DomainEventProtocol[UUID]:
        if stored_event.topic not in TOPICS:
            return super().to_domain_event(stored_event)
        originator_id, state = cast("UUID", stored_event.originator_id), stored_event.state
        try:
            place = (*TOPICS[stored_event.topic], stored_event.originator_version, originator_id)
            at = TIMED.decode(state).timestamp
            return event_of(originator_id, Envelope(*place, at=at, by="", data=msgspec.Raw(state)))
        except msgspec.MsgspecError as error:
            raise es.MapperDeserialisationError(f"{stored_event.topic} can't be read: {error}") from error


def follows(event: es.StoredEvent, last: int | None) -> bool:
    """Pulse's own versions are 1, 2, 3 …; others only rise, from wherever they began."""
    if event.topic in TOPICS:
        return event.originator_version == (last or 0) + 1
    return last is None or event.originator_version > last


def sealed(event: es.StoredEvent, prefix: str, by: str = "system", **beside: Any) -> Append:
    """The event's envelope, proved to be readable."""
    ours, (name, version) = event.topic in TOPICS, TOPICS.get(event.topic, (event.topic, 1))
    subject = subject_in(prefix, name.split(".")[0] if ours else RECORD, event.originator_id)
    at, data = _without_time(event.state) if ours else (datetime.now(UTC), as_json(event.state))
    envelope = {"type": name, "v": version, "ver": event.originator_version, "id": new_event_id(), "at": at, "by": by}
    said = {field: beside[field] for field in ("cause", "scope") if beside.get(field) is not None}
    body = orjson.dumps(envelope | said | {"data": orjson.Fragment(data)})
    if ours:
        event_of(cast("UUID", event.originator_id), ENVELOPE.decode(body))
    return Append(subject, body)


def stored_event(stored: Stored) -> es.StoredEvent:
    """What the library stored, byte for byte; or an event that Pulse itself wrote."""
    envelope = ENVELOPE.decode(stored.body)
    topic, data = envelope.type, bytes(envelope.data)
    _, kind, _, hexid = stored.subject.rsplit(".", 3)
    if kind != RECORD:
        topic, data = f"{topic}/{envelope.v}", orjson.dumps({"timestamp": envelope.at} | orjson.loads(data))
    elif data.startswith(MARK):
        data = b64decode(data[len(MARK) : -2])
    return es.StoredEvent(UUID(hexid), envelope.ver, topic, data)


def notifications(page: list[Stored], topics: Sequence[str]) -> Notifications:
    found = [es.Notification(**vars(stored_event(stored)), id=stored.position) for stored in page]
    return [each for each in found if not topics or each.topic in topics]


def subject_in(prefix: str, kind: str, originator_id: UUID | str) -> str:
    if not isinstance(originator_id, UUID):
        raise es.NotSupportedError(f"Pulse's ids are UUIDs, not {originator_id!r}.")
    return prefix + subject_of(kind, originator_id).removeprefix(PREFIX)


def as_json(state: bytes) -> bytes:
    """JSON stands in the envelope as it is, anything else as base64."""
    with contextlib.suppress(orjson.JSONDecodeError, msgspec.MsgspecError, RecursionError):
        orjson.loads(state)
        [read] = msgspec.json.decode(b"[%b]" % state, type=list[msgspec.Raw])
        if bytes(read) == state and not state.startswith(MARK):
            return state
    return MARK + b64encode(state) + b'"}'


def _without_time(state: bytes) -> tuple[object, bytes]:
    fields = orjson.loads(state)
    at = fields.pop("timestamp", None) if isinstance(fields, dict) else None
    return at or datetime.now(UTC), orjson.dumps(fields)
