"""What is told of every event is as the table and its schemas say: to staff, to visitors, and on Pusher channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from types import NoneType
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from eventsourcing.domain import AggregateEvent
from msgspec import structs

from pulse.aggregates import EVENTS
from pulse.aggregates.upcasts import UPCASTS
from pulse.eventlog.envelope import Recorded, Scope, own_fields, specimen
from pulse.ingest.shapes import ATTACHMENT, ENTRY, QUOTED
from pulse.message import Author, Incoming
from pulse.push.encoding import ECHO, ROOM, Told
from pulse.push.frames import Frame
from pulse.push.shapes.samples import CURSORS, frames_of, frames_of_all, is_of, recorded_of
from pulse.push.shapes.table import FRAMES, Line
from pulse.shapes.entries import EntryForVisitor
from tests.frame_promises import faults_of, lines_on, told_as_promised

CLASSES = [event_class for name, event_class in EVENTS.items() if name not in UPCASTS]
BARE = Incoming("u1", Author("77"))
STAFF, VISITOR, APP = "/channel/ws?type=staff", "/channel/ws?session=1", "/app/key"


def lined(frame: Frame) -> Line:
    [line] = [line for line in FRAMES if is_of(line, frame)]
    return line


def variants(event_class: type[AggregateEvent]) -> Iterator[AggregateEvent]:
    """A specimen; and others: what may be missing is, by itself and all at once, and whatever is so is not."""
    whole = specimen(event_class)
    others = {name: other(hint, getattr(whole, name)) for name, hint in hints_of(event_class).items()}
    changed = {name: value for name, value in others.items() if value != getattr(whole, name)}
    for changes in ({}, changed, *({name: value} for name, value in changed.items())):
        yield event_class(**{one.name: getattr(whole, one.name) for one in fields(event_class)} | changes)


def hints_of(event_class: type[AggregateEvent]) -> dict[str, Any]:
    hints = get_type_hints(event_class)
    return {name: hints[name] for name in own_fields(event_class)}


def other(hint: Any, value: Any) -> Any:
    """Another value that this field may have."""
    if NoneType in get_args(hint):
        return None
    if isinstance(value, Incoming):
        return BARE
    if isinstance(value, tuple) and not isinstance(value[0], int):  # numbers name entries: there is one at least
        return ()
    return not value if isinstance(value, bool) else value


def held(frame: Frame, size: int = 0) -> None:
    """Every form of it fits its schemas."""
    told = Told(frame, CURSORS, size)
    if frame.type is not None:
        told_as_promised(orjson.loads(told.for_staff().payload), STAFF)
    if frame.for_visitor is not None:
        told_as_promised(orjson.loads(told.for_visitor().payload), VISITOR)
    for channel in frame.channels:
        for namespace in ("", ECHO):
            told_as_promised(orjson.loads(told.for_channel(channel, namespace).payload), APP)


@pytest.mark.parametrize("event_class", CLASSES, ids=lambda event_class: event_class.__name__)
def test_what_is_told_of_an_event_fits_its_schemas(event_class: type[AggregateEvent]) -> None:
    for event in variants(event_class):
        recorded = recorded_of(event)
        for frame in (*frames_of(recorded), *frames_of(placeless(recorded))):
            held(frame)


def placeless(recorded: Recorded) -> Recorded:
    """The same in a chat that is in no department and nobody's."""
    return structs.replace(recorded, envelope=structs.replace(recorded.envelope, scope=Scope(messages=5)))


def test_whatever_is_told_stands_in_the_table_and_everything_there_is_told() -> None:
    told = [frame for frame in frames_of_all() if frame.type is not None]
    assert {lined(frame).name for frame in told} == {line.name for line in FRAMES}
    heard_by_visitors = {lined(frame).name for frame in told if frame.for_visitor is not None}
    assert heard_by_visitors == {line.name for line in FRAMES if line.visitor is not None}


def test_frames_go_to_the_channels_of_their_line_and_to_all_of_them() -> None:
    used: dict[str, set[str]] = {line.name: set() for line in FRAMES}
    for frame in frames_of_all():
        for channel in frame.channels if frame.type is not None else ():
            assert lined(frame) in lines_on(frame.event, channel), (frame.event, channel)
            used[lined(frame).name] |= {one for one in lined(frame).channels if matches(channel, one)}
    assert used == {line.name: set(line.channels) for line in FRAMES}


def matches(channel: str, address: str) -> bool:
    return channel.partition(".")[0] == address.partition(".")[0] and channel.count(".") == address.count(".")


def test_a_frame_that_is_cut_fits_too() -> None:
    by_name = {lined(frame).name: frame for frame in frames_of_all() if frame.type is not None}
    long = "x" * ROOM
    message = by_name["NewChatMessage"]
    shortened = replace(message, data=message.data | {"text": long}, for_visitor=None)
    gone = replace(message, data=message.data | {"attachments": [{"kind": "photo", "name": long}] * 3})
    for frame in (shortened, gone):
        data = orjson.loads(Told(frame, CURSORS, 2 * ROOM).for_staff().payload)["data"]
        assert data["cut"] is True
        assert faults_of("NewChatMessage", data) == []
        held(frame, 2 * ROOM)


def test_what_nobody_declared_is_a_fault() -> None:
    frame = next(frame for frame in frames_of_all() if frame.event == "ChatAlert")
    with pytest.raises(AssertionError, match="raw"):
        held(replace(frame, data=frame.data | {"raw": "{}"}))
    with pytest.raises(AssertionError, match="unread_count"):
        held(replace(frame, data={name: value for name, value in frame.data.items() if name != "unread_count"}))
    with pytest.raises(AssertionError, match="not in the table"):
        held(replace(frame, type="chat.gossip"))
    with pytest.raises(AssertionError, match="not in the table for visitor"):
        held(replace(frame, for_visitor={"version": 1}))


def test_the_widget_and_its_socket_show_the_same_entries() -> None:
    frame = EntryForVisitor.model_json_schema()
    assert frame["properties"].keys() == ENTRY["properties"].keys()
    assert set(frame["required"]) == set(ENTRY["required"])
    quoted, attachment = frame["$defs"]["QuotedShown"], frame["$defs"]["AttachmentShown"]
    assert quoted["properties"].keys() == QUOTED["properties"].keys()
    assert attachment["properties"].keys() == ATTACHMENT["properties"].keys()
