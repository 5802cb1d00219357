"""What is told of a chat's events: to whom may see the chat, and to its visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from pulse.access import Person, Place, may_see
from pulse.aggregates import chat_events
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken, NoteWritten, PriorityChanged, TagsChanged
from pulse.eventlog.envelope import Recorded
from pulse.projections import inbox
from pulse.projections.changes import Changes
from pulse.projections.entries import change_of, entry_of, for_visitor, status_of
from pulse.push.frames import Data, Frame

# What a row holds before anybody said anything.
UNSAID: Data = {
    "status": "open", "last_text": "", "last_kind": "text", "last_sender": "customer", "last_version": 0,
    "messages_at_close": 0, "reachable": True, "tags": [], "priority": "normal", "snoozed_until": None,
    "blocked": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """How people and departments are called."""

    person: Callable[[UUID], str]
    department: Callable[[UUID], str]


@dataclass(frozen=True, slots=True)
class News:
    """What is told, before it is known where and to whom: to staff, and (unless None) to the visitor.

    `to` names a moderator who is told on their own channel too; `was`: where the chat stood before it moved; `mark`:
    how much of the chat one moderator has seen.
    """

    type: str
    event: str
    staff: Data
    visitor: Data | None = None
    to: UUID | None = None
    was: Place | None = None
    mark: Data | None = None


def chat_frames(recorded: Recorded, names: Names) -> Iterator[Frame]:
    """The frames of one event, in the order they are sent; none for what nobody needs to see live.

    `data` holds the changes of the chat's row as `chat`. A `last_word` beside it changes the row only where the row's
    `last_version` is the word's `of`, and a `mark` only the row of its moderator: `messages_seen`.
    """
    if recorded.kind != "chat":
        return
    here = Place(recorded.scope.department, recorded.scope.holder)
    beside = {"version": recorded.ver}
    for news in _tell(recorded, names):
        places = (here, news.was) if news.was else (here,)
        yield Frame(
            type=news.type,
            event=news.event,
            data=news.staff | beside | {"chat": chat_of(recorded, names)} | last_word_of(recorded) | mark_of(news),
            channels=tuple(channels_of(recorded.aggregate_id, places, news.to)),
            hears=seeing(places),
            about=recorded.aggregate_id,
            for_visitor=None if news.visitor is None else news.visitor | beside,
        )


def seeing(places: tuple[Place, ...]) -> Callable[[Person], bool]:
    """Whoever may see one of the places where a chat stands, or stood when it just moved."""
    return lambda person: any(may_see(person, place) for place in places)


def channels_of(chat: UUID, places: tuple[Place, ...], to: UUID | None = None) -> Iterator[str]:
    """The Pusher channels of a chat's frames."""
    yield f"private-chat.{chat}"
    yield f"presence-chat.{chat}"
    yield from dict.fromkeys(f"private-department.{place.department}" for place in places if place.department)
    if to is not None:
        yield f"private-moderator.{to}"


def _tell(recorded: Recorded, names: Names) -> Iterator[News]:
    yield from _tell_words(recorded, names)
    yield from _tell_standing(recorded, names)
    yield from _tell_work(recorded.event)
    yield from _tell_seen(recorded)


def _tell_words(recorded: Recorded, names: Names) -> Iterator[News]:
    """What was said, and what became of it."""
    scope = recorded.scope
    match recorded.event:
        case chat_events.ButtonPressed():
            entry = entry_of(recorded) or {}
            yield News("chat.message", "NewChatMessage", entry, entry)
        case chat_events.MessageReceived() | chat_events.CallbackRequested():
            entry = entry_of(recorded) or {}
            yield News("chat.message", "NewChatMessage", entry, entry)
            yield News("chat.alert", "ChatAlert", {"unread_count": scope.unread, "last_id": recorded.ver})
        case chat_events.ReplyWritten(moderator_id=writer):
            entry = (entry_of(recorded) or {}) | {"sender": _named(writer, names.person)}
            yield News("chat.message", "NewChatMessage", entry, for_visitor(entry), mark=_mark(recorded, writer, 0))
        case NoteWritten(moderator_id=writer):
            yield News(
                "chat.message", "NewChatMessage", (entry_of(recorded) or {}) | {"sender": _named(writer, names.person)}
            )
        case chat_events.ReplyEchoed(confirms=None):
            entry = entry_of(recorded) or {}
            yield News("chat.message", "NewChatMessage", entry, for_visitor(entry))
        case chat_events.CallbackDone(of=of) as done:
            called: Data = {"ids": [of], "done_at": done.timestamp}
            ours = called | {"done_by": done.moderator_id, "outcome": done.outcome}
            yield News("chat.message.changed", "MessageChanged", ours, called)
        case event:
            yield from _tell_changes(event)


def _tell_changes(event: AggregateEvent) -> Iterator[News]:
    """What happens to words that were told before; why a reply did not arrive is for staff only."""
    if (status := status_of(event)) is not None:
        reached: Data = {"ids": list(status[0]), "status": status[1]["status"]}
        yield News("chat.message.status", "MessageStatusUpdated", status[1] | reached, reached)
    elif (change := change_of(event)) is not None:
        changed = {"ids": list(change[0]), **change[1]}
        yield News("chat.message.changed", "MessageChanged", changed, changed)


def _tell_standing(recorded: Recorded, names: Names) -> Iterator[News]:
    """Whose the chat is, and how it stands."""
    scope = recorded.scope
    match recorded.event:
        case chat_events.ChatOpened(channel=channel, title=name):
            opened = {"channel": channel, "name": name, "status": "open"}
            place = {"department": scope.department, "source": scope.source}
            yield News("chat.session.created", "ChatOpened", opened | place, opened)
        case chat_events.ChatAssigned(moderator_id=holder, from_moderator_id=before):
            held: Data = {"holder": _named(holder, names.person)}
            shown: Data = {"holder": {"name": names.person(holder)}}
            was = Place(scope.department, before)
            yield News("chat.session.assigned", "ChatAssigned", held, shown, to=holder, was=was)
        case chat_events.ChatUnassigned(from_moderator_id=before):
            let_go: Data = {"holder": None}
            yield News("chat.session.assigned", "ChatUnassigned", let_go, let_go, was=Place(scope.department, before))
        case chat_events.ChatTransferred(department_id=department) as moved:
            free: Data = {"holder": None}
            was = Place(moved.from_department_id, moved.from_moderator_id)
            yield News("chat.session.assigned", "ChatTransferred", free | {"department": department}, free, was=was)
        case chat_events.ChatClosed(from_moderator_id=before):
            was, closed = Place(scope.department, before), {"status": "closed"}
            yield News("chat.session.status", "ChatStatusUpdated", closed, closed, was=was)
        case chat_events.ChatReopened():
            reopened = {"status": "open"}
            yield News("chat.session.status", "ChatStatusUpdated", reopened, reopened)
        case chat_events.ChatRenamed(title=name):
            yield News("chat.session.renamed", "ChatRenamed", {"name": name})
        case chat_events.CustomerLost(reason=reason):
            yield News("chat.session.reach", "CustomerReach", {"reachable": False, "reason": reason})
        case chat_events.CustomerFound():
            yield News("chat.session.reach", "CustomerReach", {"reachable": True})


def _tell_work(event: AggregateEvent) -> Iterator[News]:
    """What moderators do with a chat among themselves."""
    match event:
        case ChatSnoozed(until=until):
            yield News("chat.session.status", "ChatStatusUpdated", {"status": "snoozed", "until": until})
        case ChatWoken():
            yield News("chat.session.status", "ChatStatusUpdated", {"status": "open"})
        case TagsChanged(tags=tags):
            yield News("chat.session.sorted", "ChatSorted", {"tags": tags})
        case PriorityChanged(priority=priority):
            yield News("chat.session.sorted", "ChatSorted", {"priority": priority})


def _tell_seen(recorded: Recorded) -> Iterator[News]:
    """Who has read how far."""
    scope = recorded.scope
    unread = {"unread_count": scope.unread, "unread_by_customer": scope.unread_by_customer}
    match recorded.event:
        case chat_events.SeenByStaff(moderator_id=who, up_to=up_to, unseen=unseen):
            seen: Data = {"by": "moderator", "up_to": up_to}
            staff = seen | unread | {"moderator_id": who}
            yield News("chat.seen", "MessageRead", staff, seen, mark=_mark(recorded, who, unseen))
        case chat_events.SeenByCustomer(up_to=up_to):
            read: Data = {"by": "customer", "up_to": up_to, "unread_by_customer": scope.unread_by_customer}
            yield News("chat.seen", "MessageRead", read | unread, read)


def chat_of(recorded: Recorded, names: Names) -> Data:
    """What the event changes in the chat's row, as `GET /api/chats/{id}` shows it; all of a row that is new."""
    row: Data = {}
    if isinstance(recorded.event, chat_events.ChatOpened):
        row |= UNSAID | {"last_at": recorded.at}
    changes = _row_changes(recorded)
    for statement in ("insert_chats", "update_chats"):
        for changed in changes.rows(f"inbox.{statement}"):
            row |= changed
    department, holder = row["department_id"], row["holder_id"]
    return inbox.shown(row) | {
        "department": _named(department, names.department) if department else None,
        "holder": _named(holder, names.person) if holder else None,
    }


def last_word_of(recorded: Recorded) -> Data:
    """A word that was edited or deleted, as `last_word`. Only who knows the row knows whether it is still the last."""
    for word in _row_changes(recorded).rows("inbox.change_words"):
        return {"last_word": {"of": word["version"], "text": word["last_text"], "kind": word["last_kind"]}}
    return {}


def mark_of(news: News) -> Data:
    """How far a moderator has seen the chat. Only they know what that leaves for them."""
    return {} if news.mark is None else {"mark": news.mark}


def _mark(recorded: Recorded, moderator: UUID, unseen: int) -> Data:
    return {"moderator_id": moderator, "messages_seen": recorded.scope.messages - unseen}


def _row_changes(recorded: Recorded) -> Changes:
    changes = Changes()
    inbox.project(recorded, changes)
    return changes


def _named(thing: UUID, name_of: Callable[[UUID], str]) -> Data:
    return {"id": thing, "name": name_of(thing)}
