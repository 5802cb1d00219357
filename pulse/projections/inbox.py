"""Inbox: the chat list, a row per chat with all it shows."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat_events import (
    ChatClosed,
    ChatOpened,
    ChatReopened,
    MessageEdited,
    MessageReceived,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.projections.thread import preview_of

VERSION = 3
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
        "unread": scope.unread,
        "unread_by_customer": scope.unread_by_customer,
        "version": recorded.ver,
    }
    match event:
        case MessageReceived(message=message):
            row |= _last_word(recorded, *preview_of(message), "customer")
            if message.author.name and not scope.group:
                row["name"] = message.author.name
        case ReplyWritten(text=text):
            row |= _last_word(recorded, text[:200], "text", "moderator")
        case ReplyEchoed(text=text, confirms=None):
            row |= _last_word(recorded, text[:200], "text", "outside")
        case MessageEdited(of=of, message=message):
            _changed_word(recorded, of, *preview_of(message), changes)
        case MessagesDeleted(of=of):  # only the latest of them can be the last word
            _changed_word(recorded, max(of), "", "deleted", changes)
        case ChatClosed():
            row["status"] = "closed"
        case ChatReopened():
            row["status"] = "open"


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


async def page(
    reads: Reads, *, everything: bool, departments: list[UUID], holder: UUID, limit: int, cursor: str | None
) -> Page:
    """Chats somebody may see, the newest word first. A cursor comes from an earlier page."""
    at = Cursor.of(cursor)
    place = {"position": at.position, "limit": limit + 1}
    if everything:
        rows = await reads.fetch(SQL[f"{at.way}_of_all"], **place)
    else:
        rows = await reads.fetch(SQL[f"{at.way}_of_mine"], departments=departments, holder=holder, **place)
    return at.page([shown(row) for row in rows], limit, "last_position")


async def one(reads: Reads, chat_id: UUID) -> Row | None:
    """A chat's row, or None."""
    rows = await reads.fetch(SQL["one"], chat_id=chat_id)
    return shown(rows[0]) if rows else None


async def open_chats(reads: Reads, departments: list[UUID], after: int, limit: int) -> list[Row]:
    """Open chats that somebody holds or that are in one of the departments, by their last word from a position on."""
    return await reads.fetch(SQL["open_chats"], departments=departments, position=after, limit=limit)


def shown(row: Row) -> Row:
    """A row as the API shows it."""
    return {"id": row["chat_id"], **{key: value for key, value in row.items() if key != "chat_id"}}
