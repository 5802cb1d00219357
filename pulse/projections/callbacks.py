"""Callbacks: who asked to be called, where those requests stand, and whether somebody has called."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat_events import (
    CallbackDone,
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatTransferred,
    ChatUnassigned,
)
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_callbacks", "finish_callbacks", "move_callbacks")


def project(recorded: Recorded, changes: Changes) -> None:
    """Requests, what came of them, and the moves of their chats: a list has to find them by department and holder."""
    match recorded.event:
        case CallbackRequested() as asked:
            request = {"phone": asked.phone, "wanted_at": asked.wanted_at, "comment": asked.comment}
            place = {"version": recorded.ver, "position": recorded.position, "at": recorded.at}
            changes.add("callbacks.insert_callbacks", _standing(recorded) | place | request)
        case CallbackDone(of=of, moderator_id=moderator, outcome=outcome):
            done = {"chat_id": recorded.aggregate_id, "version": of, "outcome": outcome}
            changes.add("callbacks.finish_callbacks", done | {"done_by": moderator, "done_at": recorded.at})
        case ChatAssigned() | ChatUnassigned() | ChatTransferred() | ChatClosed():
            row = changes.fold("callbacks.move_callbacks", recorded.aggregate_id)
            row |= _standing(recorded)


def _standing(recorded: Recorded) -> Row:
    scope = recorded.scope
    return {"chat_id": recorded.aggregate_id, "department_id": scope.department, "holder_id": scope.holder}


async def page(
    reads: Reads, *, status: str, everything: bool, departments: list[UUID], holder: UUID, limit: int,
    cursor: str | None,
) -> Page:  # fmt: skip
    """Requests that are `open` or `done` in chats somebody may see, the newest first. A cursor is an earlier page's."""
    at = Cursor.of(cursor)
    place = {"status": status, "position": at.position, "limit": limit + 1}
    if everything:
        rows = await reads.fetch(SQL[f"{at.way}_of_all"], **place)
    else:
        rows = await reads.fetch(SQL[f"{at.way}_of_mine"], departments=departments, holder=holder, **place)
    return at.page([shown(row) for row in rows], limit, "position")


def shown(row: Row) -> Row:
    """A row as the API shows it: a request's id is its number in its chat."""
    return {"id": row["version"], **{key: value for key, value in row.items() if key != "version"}}
