"""Inbox: the chat list, a row per chat with all it shows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pulse.aggregates.chat import (
    ChatClosed,
    ChatOpened,
    ChatReopened,
    MessageReceived,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.errors import BadInput
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.reads import Page, Reads
from pulse.projections.sql import Statements
from pulse.projections.thread import preview_of

VERSION = 1
SQL = Statements(__file__)
WRITES = ("insert_chats", "update_chats")
END = 2**62


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
            text, kind = preview_of(message)
            row |= _last_word(recorded, text, kind, "customer")
        case ReplyWritten(text=text):
            row |= _last_word(recorded, text[:200], "text", "moderator")
        case ReplyEchoed(text=text):
            row |= _last_word(recorded, text[:200], "text", "outside")
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
    }


async def page(
    reads: Reads, *, everything: bool, departments: list[UUID], holder: UUID, limit: int, cursor: str | None
) -> Page:
    """Chats somebody may see, the newest word first. A cursor comes from an earlier page."""
    direction, position = _cursor(cursor)
    who: dict[str, Any] = {"everything": everything, "departments": departments, "holder": holder, "limit": limit + 1}
    if direction == "after":
        rows = await reads.fetch(SQL["newer"], after=position, **who)
        items = [shown(row) for row in reversed(rows[:limit])]
        newer, older = len(rows) > limit, True
    else:
        rows = await reads.fetch(SQL["older"], before=position, **who)
        items = [shown(row) for row in rows[:limit]]
        newer, older = position != END, len(rows) > limit
    return Page(
        items,
        f"before-{items[-1]['last_position']}" if items and older else None,
        f"after-{items[0]['last_position']}" if items and newer else None,
    )


async def one(reads: Reads, chat_id: UUID) -> Row | None:
    """A chat's row, or None."""
    rows = await reads.fetch(SQL["one"], chat_id=chat_id)
    return shown(rows[0]) if rows else None


def shown(row: dict[str, Any]) -> Row:
    """A row as the API shows it."""
    return {"id": row["chat_id"], **{key: value for key, value in row.items() if key != "chat_id"}}


def _cursor(cursor: str | None) -> tuple[str, int]:
    direction, _, position = (cursor or f"before-{END}").partition("-")
    if direction not in ("before", "after") or not position.isdecimal() or len(position) > 19:
        raise BadInput("This cursor does not come from an earlier page.")
    return direction, int(position)
