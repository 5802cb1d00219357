"""Inbox: the chat list, a row per chat with all it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pulse.aggregates.chat_events import (
    CallbackRequested,
    ChatClosed,
    ChatOpened,
    ChatRenamed,
    ChatReopened,
    CustomerFound,
    CustomerLost,
    MessageEdited,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken, PriorityChanged, TagsChanged
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.entries import preview_of
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 10
NOBODY = UUID(int=0)
Due = tuple[UUID, datetime]
FIRST_DUE: Due = (NOBODY, datetime.min.replace(tzinfo=UTC))
SQL = Statements(__file__)
WRITES = ("insert_chats", "update_chats", "change_words")


def project(recorded: Recorded, changes: Changes) -> None:
    """Every event of a chat moves its version and scope; words also move it to the top of the list."""
    if recorded.kind != "chat":
        return
    event, scope = recorded.event, recorded.scope
    if isinstance(event, ChatOpened):
        changes.add("inbox.insert_chats", _opened(recorded, event))
    row = changes.fold("inbox.update_chats", recorded.aggregate_id)
    row |= {
        "chat_id": recorded.aggregate_id,
        "department_id": scope.department,
        "holder_id": scope.holder,
        "unread_by_staff": scope.unread,
        "unread_by_customer": scope.unread_by_customer,
        "messages": scope.messages,
        "waiting_since": scope.waiting_since,
        "version": recorded.ver,
    }
    _take_words(recorded, row, changes)
    _take_standing(recorded, row)


def _take_words(recorded: Recorded, row: Row, changes: Changes) -> None:
    """What was said, by whom, and what became of it."""
    event, scope = recorded.event, recorded.scope
    match event:
        case MessageReceived(message=message):
            row |= _last_word(recorded, *preview_of(message), "customer") | {"reachable": True}
            row |= _name(message.author.name, scope.group)
        case CallbackRequested(phone=phone, comment=comment):
            row |= _last_word(recorded, (comment or phone)[:200], "callback", "customer")
        case ChatRenamed(title=title):
            row["name"] = title
        case CustomerLost() | CustomerFound():
            row["reachable"] = isinstance(event, CustomerFound)
        case ReplyWritten(text=text):
            row |= _last_word(recorded, text[:200], "text", "moderator")
        case ReplyEchoed(text=text, confirms=None):
            row |= _last_word(recorded, text[:200], "text", "outside")
        case MessageEdited(of=of, message=message) | MessageReread(of=of, message=message):
            _changed_word(recorded, of, *preview_of(message), changes)
            row |= _name(message.author.name, scope.group or isinstance(event, MessageReread))
        case MessagesDeleted(of=of):  # only the latest of them can be the last word
            _changed_word(recorded, max(of), "", "deleted", changes)


def _take_standing(recorded: Recorded, row: Row) -> None:
    """How the chat stands, and how moderators sorted it."""
    match recorded.event:
        case ChatClosed():
            row |= {"status": "closed", "snoozed_until": None, "messages_at_close": recorded.scope.messages}
        case ChatReopened() | ChatWoken():
            row |= {"status": "open", "snoozed_until": None}
        case ChatSnoozed(until=until):
            row |= {"status": "snoozed", "snoozed_until": until}
        case TagsChanged(tags=tags):
            row["tags"] = tags
        case PriorityChanged(priority=priority):
            row["priority"] = priority


def _name(name: str, other: bool) -> Row:
    """A private chat goes by its customer's newest name; not a group, nor by what an old message holds."""
    return {"name": name} if name and not other else {}


def _opened(recorded: Recorded, event: ChatOpened) -> Row:
    return {
        "chat_id": recorded.aggregate_id,
        "source_id": event.source_id,
        "channel": event.channel,
        "peer": event.peer,
        "customer_id": event.customer_id,
        "name": event.title or event.peer,
        "is_group": event.group,
        "department_id": event.department_id,
        "opened_at": recorded.at,
        "last_position": recorded.position,
    }


def _last_word(recorded: Recorded, text: str, kind: str, sender: str) -> Row:
    return {
        "last_text": text,
        "last_kind": kind,
        "last_sender": sender,
        "last_at": recorded.at,
        "last_position": recorded.position,
        "last_version": recorded.ver,
    }


def _changed_word(recorded: Recorded, of: int, text: str, kind: str, changes: Changes) -> None:
    row = changes.fold("inbox.change_words", (recorded.aggregate_id, of))
    row |= {"chat_id": recorded.aggregate_id, "version": of, "last_text": text, "last_kind": kind}


async def of_customers(
    reads: Reads, customers: list[UUID], *, everything: bool, departments: list[UUID], holder: UUID, limit: int
) -> list[Row]:
    """The chats of some customers that somebody may see, the newest word first."""
    rows = await reads.fetch(
        SQL["of_customers"], customers=customers, everything=everything, departments=departments, holder=holder,
        limit=limit,
    )  # fmt: skip
    return [for_person(row) for row in rows]


async def one(reads: Reads, chat_id: UUID, person: UUID = NOBODY) -> Row | None:
    """A chat's row, with what this person has not seen; or None."""
    rows = await reads.fetch(SQL["one"], chat_id=chat_id, holder=person)
    return for_person(rows[0]) if rows else None


def for_person(row: Row) -> Row:
    """A row as its reader sees it. What came before the last close counts as seen by everybody."""
    seen = max(row.pop("seen"), row["messages_at_close"])
    return shown(row) | {"messages_seen": seen, "unread": row["messages"] - seen}


async def open_chats(reads: Reads, departments: list[UUID], after: int, limit: int) -> list[Row]:
    """Open chats that somebody holds or that are in one of the departments, by their last word from a position on."""
    return await reads.fetch(SQL["open_chats"], departments=departments, position=after, limit=limit)


async def due(reads: Reads, now: datetime, limit: int, *, after: Due = FIRST_DUE) -> list[Due]:
    """Chats whose snooze is over, and since when; the longest first, from one on."""
    chat_id, until = after
    rows = await reads.fetch(SQL["due"], now=now, limit=limit, chat_id=chat_id, until=until)
    return [(row["chat_id"], row["snoozed_until"]) for row in rows]


def shown(row: Row) -> Row:
    """A row as the API shows it."""
    return {"id": row["chat_id"], **{key: value for key, value in row.items() if key != "chat_id"}}
