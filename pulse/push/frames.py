"""What people are told about an event, and who may be told. Never a raw event: notes and raw bodies stay inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pulse.access import Place
from pulse.aggregates.chat import (
    ButtonPressed,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
    MessageReceived,
    ReplyEchoed,
    ReplyWritten,
    SeenByCustomer,
    SeenByStaff,
)
from pulse.eventlog.envelope import Recorded
from pulse.projections.thread import change_of, entry_of

NameOf = Callable[[UUID], str]


@dataclass(frozen=True, slots=True)
class Told:
    """What is told, before it is known where and to whom. `was`: where the chat stood before it moved."""

    type: str
    event: str
    data: dict[str, Any]
    for_customer: bool = True
    to: UUID | None = None
    was: Place | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing to tell. `type` is S2's name for it, `event` the Pusher one.

    `places` are where the chat stands (and stood, when it just moved): whoever may see one of them is told.
    `to` names a moderator who is told on their own channel too.
    """

    type: str
    event: str
    chat_id: UUID
    data: dict[str, Any]
    places: tuple[Place, ...]
    position: int
    event_id: UUID
    for_customer: bool
    to: UUID | None


def frames_of(recorded: Recorded, name_of: NameOf) -> list[Frame]:
    """The frames of one event, in the order they are sent; none for what nobody needs to see live."""
    if recorded.kind != "chat":
        return []
    here = Place(recorded.scope.department, recorded.scope.holder)
    return [
        Frame(
            type=told.type,
            event=told.event,
            chat_id=recorded.aggregate_id,
            data={**told.data, "version": recorded.ver},
            places=(here, told.was) if told.was else (here,),
            position=recorded.position,
            event_id=recorded.envelope.id,
            for_customer=told.for_customer,
            to=told.to,
        )
        for told in _tell(recorded, name_of)
    ]


def _tell(recorded: Recorded, name_of: NameOf) -> Iterator[Told]:
    scope = recorded.scope
    unread = {"unread_count": scope.unread, "unread_by_customer": scope.unread_by_customer}
    match recorded.event:
        case MessageReceived() | ButtonPressed():
            yield Told("chat.message", "NewChatMessage", _entry(recorded, name_of))
            alert = {"unread_count": scope.unread, "last_id": recorded.ver}
            yield Told("chat.alert", "ChatAlert", alert, for_customer=False)
        case ReplyWritten() | ReplyEchoed():
            yield Told("chat.message", "NewChatMessage", _entry(recorded, name_of))
        case ChatOpened(channel=channel, title=name):
            place = {"department": scope.department, "source": scope.source}
            opened = {"channel": channel, "name": name, "status": "open"}
            yield Told("chat.session.created", "ChatOpened", opened | place)
        case ChatAssigned(moderator_id=holder, from_moderator_id=before):
            held = {"holder": {"id": holder, "name": name_of(holder)}}
            yield Told("chat.session.assigned", "ChatAssigned", held, to=holder, was=Place(scope.department, before))
        case ChatTransferred(department_id=department) as moved:
            moved_to = {"holder": None, "department": department}
            was = Place(moved.from_department_id, moved.from_moderator_id)
            yield Told("chat.session.assigned", "ChatTransferred", moved_to, was=was)
        case ChatClosed():
            yield Told("chat.session.status", "ChatStatusUpdated", {"status": "closed"})
        case ChatReopened():
            yield Told("chat.session.status", "ChatStatusUpdated", {"status": "open"})
        case SeenByStaff(moderator_id=who, up_to=up_to):
            yield Told("chat.seen", "MessageRead", {"by": "moderator", "moderator_id": who, "up_to": up_to} | unread)
        case SeenByCustomer(up_to=up_to):
            yield Told("chat.seen", "MessageRead", {"by": "customer", "up_to": up_to} | unread)
        case event if (change := change_of(event)) is not None:
            version, patch = change
            yield Told("chat.message.changed", "MessageChanged", {"id": version, **patch})


def _entry(recorded: Recorded, name_of: NameOf) -> dict[str, Any]:
    """The message as the thread shows it, with the moderator's name."""
    entry = entry_of(recorded)
    assert entry is not None
    if entry["sender_type"] == "moderator":
        moderator_id = entry["sender"]["id"]
        entry["sender"] = {"id": moderator_id, "name": name_of(moderator_id)}
    return entry
