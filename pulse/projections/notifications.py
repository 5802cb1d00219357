"""Notifications: what concerns one moderator, out of everything that happens. Also says so to whoever tells it live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from pulse.access import Reach, by_moderator, moderator_in
from pulse.aggregates.chat_events import CallbackRequested, ChatAssigned
from pulse.aggregates.chat_replies import ReplyFailed, ReplyUncertain
from pulse.aggregates.chat_work import NoteWritten
from pulse.aggregates.moderator_sign_in import TwoFactorReset
from pulse.aggregates.notification import NotificationRead, NotificationsRead
from pulse.aggregates.pager import PagerUnlinked
from pulse.aggregates.room import RoomMessageWritten
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.entries import status_of
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_notifications", "read_one", "read_up_to")
PREVIEW = 200
COUNTED = 100
GIVEN = ("assigned", "transferred")


def project(recorded: Recorded, changes: Changes) -> None:
    """Whether somebody may see what they are told of is asked when they look. Nothing is read before it happened."""
    match recorded.event:
        case NotificationRead(moderator_id=who, of=of) if of < recorded.position:
            changes.add("notifications.read_one", {"moderator_id": who, "of": of})
        case NotificationsRead(moderator_id=who, up_to=up_to):
            row = changes.fold("notifications.read_up_to", who)
            row |= {"moderator_id": who, "up_to": min(up_to, recorded.position)}
        case _:
            for notice in notices_of(recorded):
                changes.add("notifications.insert_notifications", notice)


def notices_of(recorded: Recorded) -> Iterator[Row]:
    """The rows of one event, one for each moderator it concerns. `number` is the message it is about, `by_id` who did it."""
    place = {"chat_id": recorded.aggregate_id, "room_id": None}
    if isinstance(recorded.event, RoomMessageWritten):
        place = {"chat_id": None, "room_id": recorded.aggregate_id}
    elif isinstance(recorded.event, PagerUnlinked | TwoFactorReset):
        place = {"chat_id": None, "room_id": None}
    for who, kind, number, text in _concerned(recorded):
        yield {
            **place, "moderator_id": who, "position": recorded.position, "at": recorded.at, "kind": kind,
            "number": number, "by_id": moderator_in(recorded.envelope.by), "text": text[:PREVIEW],
        }  # fmt: skip


def _concerned(recorded: Recorded) -> Iterator[tuple[UUID, str, int | None, str]]:
    """Nobody is told of what they did themselves."""
    match recorded.event:
        case NoteWritten(text=text, moderator_id=writer, mentions=mentions):
            yield from ((who, "mention", recorded.ver, text) for who in dict.fromkeys(mentions) if who != writer)
        case RoomMessageWritten(text=text, mentions=mentions, number=number):
            yield from ((who, "mention", number, text) for who in mentions)
        case ChatAssigned(moderator_id=holder, from_moderator_id=before):
            if recorded.envelope.by != by_moderator(holder):
                yield holder, GIVEN[before is not None], None, ""
        case CallbackRequested(comment=comment) if recorded.scope.holder is not None:
            yield recorded.scope.holder, "callback", recorded.ver, comment
        case PagerUnlinked(moderator_id=who, reason=reason) if reason:
            yield who, "telegram-unlinked", None, reason
        case TwoFactorReset():
            yield recorded.aggregate_id, "two-factor-reset", None, ""
        case event:
            yield from _failed(event)


def _failed(event: AggregateEvent) -> Iterator[tuple[UUID, str, int | None, str]]:
    """A reply that somebody has to decide on."""
    if isinstance(event, ReplyFailed | ReplyUncertain) and event.moderator_id is not None:
        _, patch = status_of(event) or ((), {})
        if patch["status"] in ("failed", "uncertain"):
            yield event.moderator_id, f"reply-{patch['status']}", event.of, event.reason


async def page(reads: Reads, *, reach: Reach, unread: bool, limit: int, cursor: str | None) -> Page:
    """What one was told and may see now, the newest first."""
    at = Cursor.of(cursor)
    statement = f"{at.way}_unread" if unread else at.way
    rows = await reads.fetch(SQL[statement], **_mine(reach), position=at.position, limit=limit + 1)
    return at.page(rows, limit, "position")


async def one(reads: Reads, position: int, *, reach: Reach) -> Row | None:
    rows = await reads.fetch(SQL["one"], **_mine(reach), position=position)
    return rows[0] if rows else None


async def count_unread(reads: Reads, *, reach: Reach) -> int:
    """Up to COUNTED."""
    [row] = await reads.fetch(SQL["count_unread"], **_mine(reach), limit=COUNTED)
    return int(row["unread"])


async def newest(reads: Reads, me: UUID) -> int:
    """The position of the newest; 0 without any."""
    [row] = await reads.fetch(SQL["newest"], me=me)
    return int(row["position"])


def shown(row: Row, name_of: Callable[[UUID], str]) -> Row:
    """As the API and the sockets show it."""
    by = row["by_id"]
    return {
        "id": row["position"], "kind": row["kind"], "chat_id": row["chat_id"], "room_id": row["room_id"],
        "number": row["number"], "by": None if by is None else {"id": by, "name": name_of(by)}, "text": row["text"],
        "at": row["at"], "read": row.get("read", False),
    }  # fmt: skip


def _mine(reach: Reach) -> Row:
    return {"everything": reach["everything"], "departments": reach["departments"], "me": reach["holder"]}
