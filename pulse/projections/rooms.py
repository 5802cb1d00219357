"""Rooms: what moderators said to each other, how far each has seen it, and what either looks like to people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from pulse.aggregates.room import GENERAL, RoomMessageWritten, RoomOpened, RoomSeen
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 1
SQL = Statements(__file__)
WRITES = ("open_rooms", "insert_messages", "update_rooms", "move_marks")
PREVIEW = 200

NameOf = Callable[[UUID], str]


def project(recorded: Recorded, changes: Changes) -> None:
    """A message counts as seen by who wrote it; marks only move up."""
    room: Row = {"room_id": recorded.aggregate_id}
    match recorded.event:
        case RoomOpened(people=(one, other)):
            opened = {"one": one, "other": other, "at": recorded.at, "position": recorded.position}
            changes.add("rooms.open_rooms", room | opened)
        case RoomMessageWritten(number=number, moderator_id=writer) as said:
            content = {"text": said.text, "client_msg_id": said.client_msg_id, "mentions": said.mentions}
            changes.add(
                "rooms.insert_messages",
                {**room, **content, "number": number, "at": recorded.at, "moderator_id": writer},
            )
            row = changes.fold("rooms.update_rooms", recorded.aggregate_id)
            row |= room | last_word(recorded, said) | {"last_position": recorded.position}
            _move(recorded.aggregate_id, writer, number, changes)
        case RoomSeen(moderator_id=who, up_to=up_to):
            _move(recorded.aggregate_id, who, up_to, changes)


def last_word(recorded: Recorded, said: RoomMessageWritten) -> Row:
    """What a message changes in its room's row."""
    return {
        "messages": said.number, "last_text": said.text[:PREVIEW], "last_by": said.moderator_id,
        "last_at": recorded.at,
    }  # fmt: skip


def _move(room_id: UUID, moderator: UUID, seen: int, changes: Changes) -> None:
    row = changes.fold("rooms.move_marks", (moderator, room_id))
    row |= {"moderator_id": moderator, "room_id": room_id, "seen": max(seen, row.get("seen", 0))}


async def page(reads: Reads, me: UUID, *, limit: int, cursor: str | None) -> Page:
    """One's rooms, the one with the newest word first."""
    at = Cursor.of(cursor)
    rows = await reads.fetch(SQL[at.way], me=me, general=GENERAL, position=at.position, limit=limit + 1)
    return at.page(rows, limit, "last_position")


async def one(reads: Reads, room_id: UUID, me: UUID) -> Row | None:
    rows = await reads.fetch(SQL["one"], room_id=room_id, me=me)
    return rows[0] if rows else None


async def messages(reads: Reads, room_id: UUID, *, limit: int, before: int | None, after: int | None) -> Page:
    """A page of messages, oldest first. Without bounds the newest; `after` pages forward, `before` back."""
    if after is not None:
        rows = await reads.fetch(SQL["messages_after"], room_id=room_id, after=after, limit=limit + 1)
        items = rows[:limit]
        return Page(items, _number(items, -1) if len(rows) > limit else None, _number(items, 0) if after else None)
    bound = before if before is not None else 2**31 - 1
    rows = await reads.fetch(SQL["messages_before"], room_id=room_id, before=bound, limit=limit + 1)
    items = rows[:limit][::-1]
    return Page(items, _number(items, -1) if before is not None else None, _number(items, 0) if rows[limit:] else None)


def people_of(row: Row) -> tuple[UUID, ...]:
    """Whom a room is for, as `access.may_see_room` wants it."""
    return tuple(who for who in (row["one"], row["other"]) if who is not None)


def shown(row: Row, me: UUID, name_of: NameOf) -> Row:
    """A room as one of its people sees it."""
    other = next((who for who in people_of(row) if who != me), None)
    return {
        "id": row["room_id"], "kind": "direct" if row["one"] else "general", "with": named(other, name_of),
        "messages": row["messages"], "seen": row["seen"], "unread": row["messages"] - row["seen"],
        "seen_by_other": row["seen_by_other"] if other else None,
        "last_text": row["last_text"], "last_by": named(row["last_by"], name_of), "last_at": row["last_at"],
    }  # fmt: skip


def shown_message(row: Row, name_of: NameOf) -> Row:
    return {
        "id": row["number"], "room_id": row["room_id"], "sender": named(row["moderator_id"], name_of),
        "text": row["text"], "mentions": row["mentions"], "client_msg_id": row["client_msg_id"],
        "created_at": row["at"],
    }  # fmt: skip


def message_of(recorded: Recorded, said: RoomMessageWritten, name_of: NameOf) -> Row:
    """The same, of an event that was not projected yet."""
    row: dict[str, Any] = {
        "number": said.number, "room_id": recorded.aggregate_id, "moderator_id": said.moderator_id,
        "text": said.text, "mentions": said.mentions, "client_msg_id": said.client_msg_id, "at": recorded.at,
    }  # fmt: skip
    return shown_message(row, name_of)


def named(who: UUID | None, name_of: NameOf) -> Row | None:
    """Somebody as people see them; None for nobody."""
    return None if who is None else {"id": who, "name": name_of(who)}


def _number(items: list[Row], index: int) -> str | None:
    return str(items[index]["number"]) if items else None
