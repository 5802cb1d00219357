"""What other systems are told of an event: a CloudEvent of a public shape, never a raw event.

Only what stands in `SHAPES` leaves; raw bodies, references to files, secrets and what the staff say among themselves
have no way out. A shape that has to change gets a new `VERSION`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat_events import (
    ButtonPressed,
    CallbackDone,
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
    ChatUnassigned,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
    SeenByCustomer,
    SeenByStaff,
)
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.aggregates.chat_replies import (
    ReplyAttempted,
    ReplyDelivered,
    ReplyFailed,
    ReplyRead,
    ReplyRequeued,
    ReplySent,
    ReplyUncertain,
    ReplyVouched,
)
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken, PriorityChanged, TagsChanged
from pulse.aggregates.customer import CustomerLeft, CustomerMet, CustomerReturned
from pulse.aggregates.department import DepartmentCreated, DepartmentRenamed
from pulse.aggregates.source import SourceConnected, SourceDepartmentsChanged, SourceRenamed
from pulse.eventlog.envelope import Recorded, wire_name
from pulse.projections.entries import change_of, entry_of

VERSION = 1
DATA_LIMIT = 18_000  # bytes; with all around it a body stays under the 20 kB that Standard Webhooks advises
CUTS = ((4000, 50), (1000, 20), (200, 5), (50, 1))
MARK = " […]"

Told = dict[str, Any]
Shape = Callable[[Recorded], Told | None]


def public_event(recorded: Recorded) -> Told | None:
    """The CloudEvent (1.0, structured) of an event; None for one that is not told. Its id is the event's."""
    shape = SHAPES.get(type(recorded.event))
    data = shape(recorded) if shape else None
    if data is None:
        return None
    source = f"/pulse/sources/{recorded.scope.source}" if recorded.scope.source else "/pulse"
    about = {"version": recorded.ver, "by": recorded.envelope.by}
    if recorded.kind == "chat":
        about |= {"chat_id": recorded.aggregate_id, **_place(recorded)}
    return cloud_event(
        recorded.envelope.id, wire_name(type(recorded.event))[0], source=source,
        subject=f"{recorded.kind}/{recorded.aggregate_id}", time=recorded.at, data=fitted(about | data),
    ) | {"sequence": f"{recorded.position:020}"}  # fmt: skip


def cloud_event(event_id: UUID, name: str, *, source: str, subject: str, time: object, data: Told) -> Told:
    """The envelope around what is told."""
    return {
        "specversion": "1.0", "id": str(event_id), "source": source, "type": f"pulse.{name}.v{VERSION}",
        "subject": subject, "time": time, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


def fitted(data: Told) -> Told:
    """As it is, if it is not too large; else with long texts and lists cut, and `cut` set."""
    found = data
    for characters, things in CUTS:
        if len(orjson.dumps(found)) <= DATA_LIMIT:
            return found
        found = {**_cut(data, characters, things), "cut": True}
    return found


def _cut(told: Any, characters: int, things: int) -> Any:
    match told:
        case str() if len(told) > characters:
            return told[:characters] + MARK
        case dict():
            return {name: _cut(value, characters, things) for name, value in told.items()}
        case list() | tuple():
            return [_cut(value, characters, things) for value in told[:things]]
        case _:
            return told


def _place(recorded: Recorded) -> Told:
    """Where the chat stands after the event."""
    return {"department_id": recorded.scope.department, "holder_id": recorded.scope.holder}


def _entry(recorded: Recorded) -> Told | None:
    entry = entry_of(recorded)
    return None if entry is None else {"message": entry}


def _change(recorded: Recorded) -> Told | None:
    """`ids` are the messages it is about."""
    change = change_of(recorded.event)
    return None if change is None else {"ids": list(change[0]), **change[1]}


def _fields(*names: str) -> Shape:
    """The event's own fields of these names, and no others."""

    def shape(recorded: Recorded) -> Told:
        return {name: getattr(recorded.event, name) for name in names}

    return shape


SHAPES: dict[type[AggregateEvent], Shape] = {
    ChatOpened: _fields("channel", "title", "group", "customer_id"),
    MessageReceived: _entry,
    ButtonPressed: _entry,
    CallbackRequested: _entry,
    CallbackDone: _fields("of", "moderator_id"),
    ReplyWritten: _entry,
    ReplyEchoed: _entry,
    MessageEdited: _change,
    MessageReread: _change,
    MessagesDeleted: _change,
    MessageReacted: _change,
    AttachmentStored: _change,
    AttachmentLost: _change,
    ReplyAttempted: _change,
    ReplySent: _change,
    ReplyDelivered: _change,
    ReplyRead: _change,
    ReplyFailed: _change,
    ReplyUncertain: _change,
    ReplyRequeued: _change,
    ReplyVouched: _change,
    ChatAssigned: _fields("moderator_id", "from_moderator_id"),
    ChatTransferred: _fields("department_id", "from_department_id", "from_moderator_id"),
    ChatClosed: _fields("moderator_id", "from_moderator_id"),
    ChatReopened: _fields(),
    ChatUnassigned: _fields("from_moderator_id"),
    ChatSnoozed: _fields("until"),
    ChatWoken: _fields(),
    TagsChanged: _fields("tags"),
    PriorityChanged: _fields("priority"),
    SeenByStaff: _fields("moderator_id", "up_to"),
    SeenByCustomer: _fields("up_to"),
    CustomerMet: _fields("peer", "name", "username", "language"),
    CustomerLeft: _fields("reason"),
    CustomerReturned: _fields("reason"),
    DepartmentCreated: _fields("name"),
    DepartmentRenamed: _fields("name"),
    SourceConnected: _fields("channel", "identifier", "title", "departments"),
    SourceRenamed: _fields("title"),
    SourceDepartmentsChanged: _fields("departments"),
}

TYPES = tuple(wire_name(event)[0] for event in SHAPES)
