"""Samples of frames: what is really told of a specimen of every event, as windows and Pusher clients hear it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import AggregateEvent

from pulse.access import Person, Place
from pulse.aggregates import EVENTS
from pulse.aggregates.source import Source
from pulse.aggregates.upcasts import UPCASTS
from pulse.cursors import Cursors
from pulse.eventlog.envelope import Recorded, open_envelope, seal, specimen, subject_of, wire_name
from pulse.push.chat_frames import Names, chat_frames
from pulse.push.encoding import Told
from pulse.push.feed_frames import feed_frames
from pulse.push.frames import Frame
from pulse.push.notification_frames import notification_frames
from pulse.push.room_frames import room_frames, typing_frame
from pulse.push.shapes.files import file_of
from pulse.push.shapes.table import FRAMES, Line
from pulse.push.source_frames import source_frames
from pulse.push.viewer_frames import viewers_frame

ANNA, BORIS, CHAT, ROOM = (UUID(int=number) for number in (4, 5, 7, 8))
SCOPE = {"source": UUID(int=2), "department": UUID(int=3), "holder": ANNA, "messages": 5, "unread": 1}
# Where a specimen's "text" is no word of its field.
WORDS = {"chat.priority-changed": {"priority": "high"}}
NAMES = Names(lambda who: "Boris" if who == BORIS else "Anna", lambda _: "Sales")
CURSORS = Cursors("5eed5eed", bytes(32))
SEALED = "c2VhbGVkIGZvciBvbmUgY2hhdA=="
# What is said of the connection, and what clients say.
TALK: dict[str, Any] = {
    "pulse:cursor": {"cursor": "5eed5eed.1042"},
    "pulse:resync": {"reason": "too_far"},
    "pulse:feed": {"stale": True},
    "pulse:reconnect": {"delay_ms": 1200},
    "pulse:close": {"code": 4200, "reason": "Pulse is restarting."},
    "error": {"code": "bad-input", "message": "last_id must be a message's id."},
    "pulse:resume": {"cursor": "5eed5eed.1042"},
    "pulse:ack": {"channel": f"private-chat.{CHAT}", "last_id": 7},
}


class Known:
    """One admin, and no source: those that are gone have no title."""

    def find_source(self, source: UUID) -> Source | None:
        return None

    def admins(self) -> frozenset[UUID]:
        return frozenset({ANNA})


def frame_samples() -> dict[str, Any]:
    """A whole frame for each line of the table, by the name of its schema; and for each thing that is said besides."""
    told = sorted(frames_of_all(), key=lambda frame: frame.for_visitor is None)  # those that show both forms first
    files = {file_of(name): {"type": name, "data": data} for name, data in TALK.items()}
    files["ack"] = {"type": "ack", "session_id": str(CHAT), "last_id": 7}
    for line in FRAMES:
        first = next(frame for frame in told if is_of(line, frame))
        files[line.name] = orjson.loads(Told(first, CURSORS).for_staff().payload)
        if line.visitor is not None:
            whole = orjson.loads(Told(first, CURSORS).for_visitor().payload)
            files[f"{line.name}.visitor"] = whole | {"cursor": SEALED}
    message = next(frame for frame in told if frame.event == "NewChatMessage")
    files["envelope.pusher"] = orjson.loads(Told(message, CURSORS).for_channel(message.channels[0]).payload)
    return files


def is_of(line: Line, frame: Frame) -> bool:
    return (frame.type, frame.event) == (line.type, line.event)


def frames_of_all() -> Iterator[Frame]:
    """What is told of a specimen of every event, and what is said live."""
    for name, event_class in EVENTS.items():
        if name not in UPCASTS:
            yield from frames_of(recorded_of(specimen(event_class)))
    yield viewers_frame(CHAT, Place(None, ANNA), [(Person(ANNA, "Anna", "moderator", frozenset()), True)])
    for people in ((), (ANNA, BORIS)):
        yield typing_frame(orjson.dumps({"room_id": ROOM, "people": people, "moderator_id": ANNA}), NAMES.person)


def frames_of(recorded: Recorded) -> Iterator[Frame]:
    """In the general room and in a direct one, if it happened in a room."""
    told = chain(
        chat_frames(recorded, NAMES),
        feed_frames(recorded),
        *(room_frames(recorded, people, NAMES.person) for people in ((), (ANNA, BORIS))),
        notification_frames(recorded, NAMES.person),
        source_frames(recorded, Known()),
    )
    for part, frame in enumerate(told, 1):
        yield replace(frame, position=recorded.position, part=part, event_id=recorded.envelope.id)


def recorded_of(event: AggregateEvent) -> Recorded:
    """An event as the log has it."""
    name, _ = wire_name(type(event))
    kind = name.split(".")[0]
    whole = orjson.loads(seal(event, event_id=UUID(int=1), by="system", scope=SCOPE if kind == "chat" else None))
    whole["data"] |= WORDS.get(name, {})
    return open_envelope(1042, subject_of(kind, event.originator_id), orjson.dumps(whole))
