"""How an event lies in the log: its wire name and version, its place, who caused it, who may see it, and its data.

Writers call `seal`, readers `open_envelope`; class names never reach the log.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import orjson
from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent, OriginatorVersionError
from eventsourcing.utils import get_topic

from pulse.aggregates import AGGREGATES, EVENTS
from pulse.aggregates.upcasts import UPCASTS
from pulse.errors import Trouble
from pulse.eventlog.appends import Stored

PREFIX = "pulse.ev"
RANDOM = random.Random()  # noqa: S311  seeded by the system; ids have to be different, not secret
SHARDS = 64
PLACE = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})


class UnknownEvent(Trouble):
    """The log holds an event this version of Pulse does not know."""


# What opening an event raises that only a newer Pulse can read, and what folding it raises.
NEWER = (UnknownEvent, msgspec.MsgspecError)
NEWER_HISTORY = (*NEWER, OriginatorVersionError)


class BrokenRegistry(Trouble):
    """An event class does not survive being written and read back."""


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which kind of chat it is, who may see it, and what waits in it, as things stand after the event.

    `messages` counts the customer's words ever; `unread` those that nobody of ours has seen. `waiting_since`
    is when the first of those came that nobody has answered.
    """

    source: UUID | None = None
    group: bool = False
    department: UUID | None = None
    holder: UUID | None = None
    unread: int = 0
    unread_by_customer: int = 0
    messages: int = 0
    waiting_since: datetime | None = None


NOWHERE = Scope()


class Envelope(msgspec.Struct, frozen=True):
    """`ver` is gapless per aggregate; `by` is who did it (`moderator:<id>`, `customer`, `system`).

    `besides` is the socket that sent the command, if it was named: frames leave it out, and nothing else reads it.
    """

    type: str
    v: int
    ver: int
    id: UUID
    at: datetime
    by: str
    data: msgspec.Raw
    cause: str | None = None
    scope: Scope = NOWHERE
    besides: str | None = None


class Identified(msgspec.Struct):
    id: UUID


class Named(msgspec.Struct):
    type: str


class Recorded(msgspec.Struct, frozen=True):
    """An event as read from the log. `position` is its place in the whole log."""

    position: int
    kind: str
    aggregate_id: UUID
    envelope: Envelope
    event: AggregateEvent
    body: bytes

    @property
    def ver(self) -> int:
        return self.envelope.ver

    @property
    def at(self) -> datetime:
        return self.envelope.at

    @property
    def scope(self) -> Scope:
        return self.envelope.scope

    @property
    def besides(self) -> str | None:
        """The id of a socket that is not told of it: whoever sent the command knows already."""
        return self.envelope.besides


@lru_cache(maxsize=65_536)
def subject_of(kind: str, aggregate_id: UUID) -> str:
    """One exact subject per aggregate. The shard, two hex digits, is the id's low six bits (random in every UUID)."""
    return f"{PREFIX}.{kind}.{aggregate_id.int % SHARDS:02x}.{aggregate_id.hex}"


def kind_of(aggregate: type[Aggregate]) -> str:
    """The kind, as it stands in subjects: `Chat` -> `chat`."""
    return _KINDS[aggregate]


def new_event_id() -> UUID:
    """A time-ordered UUID (version 7, RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    tail = RANDOM.getrandbits(76)
    value = milliseconds << 80 | 0x7 << 76 | tail
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def seal(
    event: AggregateEvent, *, event_id: UUID, by: str, cause: str | None = None, scope: Mapping[str, Any] | None = None,
    besides: str | None = None,
) -> bytes:  # fmt: skip
    """The event's JSON as it goes into the log."""
    name, version = _NAMES[type(event)]
    envelope: dict[str, Any] = {
        "type": name,
        "v": version,
        "ver": event.originator_version,
        "id": event_id,
        "at": event.timestamp,
        "by": by,
    }
    if cause is not None:
        envelope["cause"] = cause
    if scope is not None:
        envelope["scope"] = scope
    if besides is not None:
        envelope["besides"] = besides
    envelope["data"] = {field: getattr(event, field) for field in own_fields(type(event))}
    return orjson.dumps(envelope)


def open_envelope(position: int, subject: str, body: bytes) -> Recorded:
    """Reads what `seal` wrote, of this or an earlier version. Raises UnknownEvent, msgspec.ValidationError."""
    envelope = _ENVELOPE.decode(body)
    _, _, kind, _, hexid = subject.split(".")
    aggregate_id = msgspec.convert(hexid, UUID)
    return Recorded(position, kind, aggregate_id, envelope, event_of(aggregate_id, envelope), body)


def open_stored(stored: Stored) -> Recorded:
    """The same, of a message as it lies in the log."""
    return open_envelope(stored.position, stored.subject, stored.body)


def envelope_of(body: bytes) -> Envelope:
    """The envelope alone, its data unread: also of an event that this Pulse does not know."""
    return _ENVELOPE.decode(body)


def id_of(body: bytes) -> UUID:
    """An event's id, without reading the event."""
    return _ID.decode(body).id


def name_of(body: bytes) -> str:
    """An event's wire name, without reading the event."""
    return _NAME.decode(body).type


def event_of(aggregate_id: UUID, envelope: Envelope) -> AggregateEvent:
    """The event inside an envelope, old versions made new."""
    name, version, data = envelope.type, envelope.v, envelope.data
    if (name, version) in UPCASTS:
        version, data = _upcast(name, version, data)
    event_class = EVENTS.get((name, version))
    if event_class is None:
        raise UnknownEvent(f"{name} v{version} is not known to this version of Pulse.")
    own = msgspec.structs.asdict(_decoder(event_class).decode(data))
    # The same event that the constructor makes, five times as fast: that one sets every field of a frozen class.
    event = object.__new__(event_class)
    event.__dict__.update(own, originator_id=aggregate_id, originator_version=envelope.ver, timestamp=envelope.at)
    if issubclass(event_class, AggregateCreated):
        event.__dict__["originator_topic"] = _TOPICS[name.split(".")[0]]
    return event


@cache
def own_fields(event_class: type[AggregateEvent]) -> tuple[str, ...]:
    """The fields that are the event's own, not its place in the log."""
    return tuple(f.name for f in fields(event_class) if f.name not in PLACE)


@cache
def data_struct(event_class: type[AggregateEvent]) -> type[msgspec.Struct]:
    """The event's own fields as a msgspec type: decodes data and generates the schema.

    A field that came later has a default, which older events get.
    """
    hints = _hints(event_class)
    own = [
        (f.name, hints[f.name]) if f.default is MISSING else (f.name, hints[f.name], f.default)
        for f in fields(event_class)
        if f.name not in PLACE
    ]
    return msgspec.defstruct(event_class.__name__, own, kw_only=True)


def wire_name(event_class: type[AggregateEvent]) -> tuple[str, int]:
    """The (newest) wire name and version of an event class."""
    return _NAMES[event_class]


def check_registry() -> None:
    """Writes and reads a specimen of every event. Every role calls this at start. Raises BrokenRegistry."""
    for (name, version), event_class in EVENTS.items():
        if (name, version) in UPCASTS:
            continue
        event = specimen(event_class)
        body = seal(event, event_id=UUID(int=1), by="system")
        found = open_envelope(1, subject_of(name.split(".")[0], event.originator_id), body).event
        if found != event:
            raise BrokenRegistry(f"{name} v{version} reads back as {found!r}, not {event!r}.")


def specimen(event_class: type[AggregateEvent]) -> AggregateEvent:
    """An event with every field filled, always the same."""
    kind = _NAMES[event_class][0].split(".")[0]
    hints = _hints(event_class)
    own = {field: _specimen_value(hints[field]) for field in own_fields(event_class)}
    topic = {"originator_topic": _TOPICS[kind]} if issubclass(event_class, AggregateCreated) else {}
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    return event_class(originator_id=UUID(int=7), originator_version=1, timestamp=moment, **topic, **own)


@cache
def _hints(value: type[Any]) -> dict[str, Any]:
    """The types of a value's fields; reading them takes longer than all else that is done with them."""
    return get_type_hints(value)


def _specimen_value(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not NoneType)
    if is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(**{f.name: _specimen_value(hints[f.name]) for f in fields(hint)})
    if get_origin(hint) is tuple:
        return (_specimen_value(get_args(hint)[0]),)
    if get_origin(hint) is dict:
        return {"key": "value" if get_args(hint)[1] in (str, Any) else _specimen_value(get_args(hint)[1])}
    if hint is Any:
        return {"key": "value"}
    return {
        str: "text", int: 3, bool: True, float: 1.5, UUID: UUID(int=9), datetime: datetime(2026, 11, 21, tzinfo=UTC),
    }[hint]  # fmt: skip


def _upcast(name: str, version: int, data: msgspec.Raw) -> tuple[int, msgspec.Raw]:
    fields_now: dict[str, object] = orjson.loads(bytes(data))
    while upcast := UPCASTS.get((name, version)):
        fields_now, version = upcast(fields_now), version + 1
    return version, msgspec.Raw(orjson.dumps(fields_now))


@cache
def _decoder(event_class: type[AggregateEvent]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(data_struct(event_class))


_ENVELOPE = msgspec.json.Decoder(Envelope)
_ID = msgspec.json.Decoder(Identified)
_NAME = msgspec.json.Decoder(Named)
_KINDS = {aggregate: kind for kind, aggregate in AGGREGATES.items()}
_TOPICS = {kind: get_topic(aggregate) for kind, aggregate in AGGREGATES.items()}
_NAMES = {event_class: name for name, event_class in sorted(EVENTS.items(), key=lambda item: item[0])}
