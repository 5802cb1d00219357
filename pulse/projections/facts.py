"""Facts: a row per event that reports count, and how long what it began stood. What is counted is defined here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pulse.access import moderator_in
from pulse.aggregates.chat_events import (
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
    MessageReceived,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.values import value

VERSION = 1
SQL = Statements(__file__)
WRITES = ("insert_facts", "end_facts")

STANDING = ("opened", "transferred", "waits")
# Which facts end which. A conversation that changes its department begins to stand in another one.
ENDS = {
    "replied": ("waits",),
    "transferred": ("opened", "transferred"),
    "closed": ("opened", "transferred", "waits"),
}
# The numbers of a report: how many facts of a kind, or the stretches that end in one.
KINDS = {"opened": "opened", "assigned": "assigned", "replies": "replied", "closed": "closed"}
STRETCHES = {"first_reply": "first_replies", "resolution": "resolutions"}
STOOD = ("open", "waiting")


@value
class Wanted:
    """What a report is of: a time, and whose events. `any_` says that a filter is not set; None is nobody's."""

    since: datetime
    until: datetime
    any_moderator: bool = True
    moderator: UUID | None = None
    any_department: bool = True
    department: UUID | None = None
    any_source: bool = True
    sources: tuple[UUID, ...] = ()

    def values(self) -> Row:
        """As the statements take it."""
        fields = ("since", "until", "any_moderator", "moderator", "any_department", "department", "any_source")
        return {name: getattr(self, name) for name in fields} | {"sources": list(self.sources)}


def project(recorded: Recorded, changes: Changes) -> None:
    """Nothing but what a report counts; the department is that of the chat after the event."""
    found = fact_of(recorded)
    if found is None:
        return
    kind, moderator = found
    place = {"chat_id": recorded.aggregate_id, "version": recorded.ver, "at": recorded.at}
    fact = place | {
        "position": recorded.position,
        "kind": kind,
        "until": None if kind in STANDING else recorded.at,
        "moderator_id": moderator,
        "department_id": recorded.scope.department,
        "source_id": recorded.scope.source,
    }
    changes.add("facts.insert_facts", fact)
    if kind in ENDS:
        changes.add("facts.end_facts", place | {"ends": ENDS[kind]})


def fact_of(recorded: Recorded) -> tuple[str, UUID | None] | None:
    """Which fact an event is and whose; None for what no report counts: notes, receipts, a program's own answers."""
    fact: tuple[str, UUID | None] | None
    match recorded.event:
        case ChatOpened():
            fact = "opened", None
        case ChatReopened():
            fact = "opened", moderator_in(recorded.envelope.by)
        case MessageReceived() | CallbackRequested() if recorded.scope.waiting_since == recorded.at:
            fact = "waits", None
        case ReplyWritten(moderator_id=moderator):
            fact = "replied", moderator
        case ReplyEchoed(confirms=None, outside_author=str()):
            fact = "replied", None
        case ChatAssigned(moderator_id=moderator):
            fact = "assigned", moderator
        case ChatTransferred():
            fact = "transferred", moderator_in(recorded.envelope.by)
        case ChatClosed(moderator_id=moderator):
            fact = "closed", moderator
        case _:
            fact = None
    return fact


async def counts(reads: Reads, wanted: Wanted, *, by: str, zone: str) -> list[Row]:
    """How many facts of each `kind` there are, by a `key`: a moderator, department or day; a source for anything else."""
    return list(await reads.fetch(SQL["counts"], by=by, zone=zone, **wanted.values()))


async def waiting_now(reads: Reads, wanted: Wanted, *, by: str) -> list[Row]:
    """How many chats wait for an answer now, by whoever holds them, by department or source."""
    return list(await reads.fetch(SQL["waiting_now"], by=by, **wanted.values()))


async def backlog(reads: Reads, wanted: Wanted) -> Row:
    """How many chats were `open`, and how many of them `waiting`, just before `until`."""
    [found] = await reads.fetch(SQL["backlog"], **wanted.values())
    return found


async def page(reads: Reads, wanted: Wanted, metric: str, *, limit: int, cursor: str | None) -> Page:
    """The events behind a number, the newest first; only onwards. A cursor is an earlier page's."""
    at = Cursor.of(cursor)
    values = wanted.values() | {"position": at.position, "limit": limit + 1}
    if metric in STOOD:
        rows = await reads.fetch(SQL["standing"], waiting=metric == "waiting", **values)
    elif metric in STRETCHES:
        rows = await reads.fetch(SQL[STRETCHES[metric]], **values)
    else:
        rows = await reads.fetch(SQL["single"], kind=KINDS[metric], **values)
    items = rows[:limit]
    return Page(items, f"before-{items[-1]['position']}" if len(rows) > limit else None, None)
