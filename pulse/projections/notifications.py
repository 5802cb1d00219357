"""Notifications: what concerns one moderator, out of everything that happens. Also says so to whoever tells it live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import LiteralString
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from pulse.access import Reach, by_moderator, moderator_in
from pulse.aggregates.chat_events import (
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatTransferred,
    ChatUnassigned,
)
from pulse.aggregates.chat_replies import ReplyFailed, ReplyUncertain
from pulse.aggregates.chat_work import NoteWritten
from pulse.aggregates.moderator_sign_in import TwoFactorReset
from pulse.aggregates.notification import NotificationRead, NotificationsRead
from pulse.aggregates.pager import PagerUnlinked
from pulse.aggregates.room import RoomMessageWritten, RoomSeen
from pulse.aggregates.source import SourceHalted
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.entries import status_of
from pulse.projections.paging import BEFORE, DOWN, Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_notifications", "read_one", "read_up_to", "read_in_room")
PREVIEW = 200
COUNTED = 100
GIVEN = ("assigned", "transferred")
# About a chat that was theirs until then.
TAKEN = ("taken-away", "closed")

# Whom it concerns, its kind, the message it is about, and what it says.
Concern = tuple[UUID, str, int | None, str]


def project(recorded: Recorded, changes: Changes) -> None:
    """Whether somebody may see what they are told of is asked when they look. Nothing is read before it happened."""
    match recorded.event:
        case NotificationRead(moderator_id=who, of=of) if of < recorded.position:
            changes.add("notifications.read_one", {"moderator_id": who, "of": of})
        case NotificationsRead(moderator_id=who, up_to=up_to):
            row = changes.fold("notifications.read_up_to", who)
            row |= {"moderator_id": who, "up_to": min(up_to, recorded.position)}
        case _:
            if seen := seen_in_room(recorded):
                row = changes.fold("notifications.read_in_room", (seen["moderator_id"], seen["room_id"]))
                row |= seen | {"number": max(seen["number"], row.get("number", 0))}
            for notice in notices_of(recorded):
                changes.add("notifications.insert_notifications", notice)


def notices_of(recorded: Recorded) -> Iterator[Row]:
    """The rows of one event, one for each moderator it concerns. `number` is the message it is about, `by_id` who did it."""
    place: Row = dict.fromkeys(("chat_id", "room_id", "source_id"))
    if (about := f"{recorded.kind}_id") in place:
        place[about] = recorded.aggregate_id
    for who, kind, number, text in _concerned(recorded):
        yield {
            **place, "taken": kind in TAKEN, "moderator_id": who, "position": recorded.position, "at": recorded.at, "kind": kind,
            "number": number, "by_id": moderator_in(recorded.envelope.by), "text": text[:PREVIEW],
        }  # fmt: skip


def must_see(notice: Row) -> bool:
    """Is only whoever may see its chat told of it? Not whose chat it was until then."""
    return notice["chat_id"] is not None and not notice["taken"]


def seen_in_room(recorded: Recorded) -> Row | None:
    """Who has seen a room up to which message's `number`, and so has read what they were told of it; or None."""
    match recorded.event:
        case RoomSeen(moderator_id=who, up_to=number) | RoomMessageWritten(moderator_id=who, number=number):
            return {"moderator_id": who, "room_id": recorded.aggregate_id, "number": number}
    return None


def _concerned(recorded: Recorded) -> Iterator[Concern]:
    """Nobody is told of what they did themselves."""
    for concern in (*_called(recorded), *_handed(recorded), *_failed(recorded.event)):
        if recorded.envelope.by != by_moderator(concern[0]):
            yield concern


def _called(recorded: Recorded) -> Iterator[Concern]:
    """Who is spoken to, or has to do something."""
    match recorded.event:
        case NoteWritten(text=text, moderator_id=writer, mentions=mentions):
            yield from ((who, "mention", recorded.ver, text) for who in dict.fromkeys(mentions) if who != writer)
        case RoomMessageWritten(text=text, mentions=mentions, number=number, to=to):
            yield from ((who, "mention", number, text) for who in mentions)
            if to is not None and to not in mentions:
                yield to, "direct", number, text
        case CallbackRequested(comment=comment) if recorded.scope.holder is not None:
            yield recorded.scope.holder, "callback", recorded.ver, comment
        case PagerUnlinked(moderator_id=who, reason=reason) if reason:
            yield who, "telegram-unlinked", None, reason
        case SourceHalted(admins=admins, reason=reason):
            yield from ((who, "source-halted", None, reason) for who in admins)
        case TwoFactorReset():
            yield recorded.aggregate_id, "two-factor-reset", None, ""


def _handed(recorded: Recorded) -> Iterator[Concern]:
    """Whose a chat is now, and whose it was."""
    match recorded.event:
        case ChatAssigned(moderator_id=holder, from_moderator_id=before, note=note):
            yield holder, GIVEN[before is not None], None, note
            yield from _taken(before, note)
        case ChatUnassigned(from_moderator_id=before, note=note) | ChatTransferred(from_moderator_id=before, note=note):
            yield from _taken(before, note)
        case ChatClosed(from_moderator_id=UUID() as before):
            yield before, "closed", None, ""


def _taken(before: UUID | None, note: str) -> Iterator[Concern]:
    if before is not None:
        yield before, "taken-away", None, note


def _failed(event: AggregateEvent) -> Iterator[Concern]:
    """A reply that somebody has to decide on."""
    if isinstance(event, ReplyFailed | ReplyUncertain) and event.moderator_id is not None:
        _, patch = status_of(event) or ((), {})
        if patch["status"] in ("failed", "uncertain"):
            yield event.moderator_id, f"reply-{patch['status']}", event.of, event.reason


async def page(reads: Reads, *, reach: Reach, unread: bool, limit: int, cursor: str | None) -> Page:
    """What one was told and may see now, the newest first."""
    at = Cursor.of(cursor)
    asked = statement("page", at.way, unread=unread)
    rows = await reads.fetch(asked, **_mine(reach), position=at.position, limit=limit + 1)
    return at.page(rows, limit, "position")


async def one(reads: Reads, position: int, *, reach: Reach) -> Row | None:
    rows = await reads.fetch(statement("one"), **_mine(reach), position=position)
    return rows[0] if rows else None


async def count_unread(reads: Reads, *, reach: Reach) -> int:
    """Up to COUNTED."""
    [row] = await reads.fetch(statement("count_unread", unread=True), **_mine(reach), limit=COUNTED)
    return int(row["unread"])


def statement(name: str, way: str = "older", *, unread: bool = False) -> LiteralString:
    """A statement about what one was told, all of it or what is unread; of pages, those of a way, older or newer."""
    told = SQL["told"].replace("{unread}", "and not told.read" if unread else "")
    return SQL[name].replace("{told}", told).replace("{before}", BEFORE[way]).replace("{down}", DOWN[way])


async def newest(reads: Reads, me: UUID) -> int:
    """The position of the newest; 0 without any."""
    [row] = await reads.fetch(SQL["newest"], me=me)
    return int(row["position"])


def shown(row: Row, name_of: Callable[[UUID], str]) -> Row:
    """As the API and the sockets show it."""
    by = row["by_id"]
    return {
        "id": row["position"], "kind": row["kind"], "chat_id": row["chat_id"], "room_id": row["room_id"],
        "source_id": row["source_id"], "number": row["number"],
        "by": None if by is None else {"id": by, "name": name_of(by)},
        "text": row["text"], "at": row["at"], "read": row.get("read", False),
    }  # fmt: skip


def _mine(reach: Reach) -> Row:
    return {"everything": reach["everything"], "departments": reach["departments"], "me": reach["holder"]}
