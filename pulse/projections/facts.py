"""Facts: a row per event that reports count, and how long what it began stood. What is counted is defined here."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

import orjson

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
from pulse.aggregates.chat_work import TagsChanged
from pulse.errors import BadInput
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.values import value

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_tags", "insert_facts", "measure_first_replies", "measure_resolutions", "end_facts")
SECONDS = 20.0  # that a report's sums may take

STANDING = ("opened", "transferred", "waits")
# Which facts end which. A conversation that changes its department begins to stand in another one.
ENDS = {
    "replied": ("waits",),
    "transferred": ("opened", "transferred"),
    "closed": ("opened", "transferred", "waits"),
}
MEASURED = {"replied": "measure_first_replies", "closed": "measure_resolutions"}
# The numbers of a report: how many facts of a kind, or the stretches that end in one.
KINDS = {"opened": "opened", "assigned": "assigned", "replies": "replied", "closed": "closed"}
STRETCHES = {"first_reply": "replied", "resolution": "closed"}
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
    any_tag: bool = True
    tag: str | None = None

    def values(self) -> Row:
        """As the statements take it."""
        fields = (
            "since",
            "until",
            "any_moderator",
            "moderator",
            "any_department",
            "department",
            "any_source",
            "any_tag",
            "tag",
        )
        return {name: getattr(self, name) for name in fields} | {"sources": list(self.sources)}


@value
class By:
    """What the rows of a report are, whose days and weeks count, and the channel of each source."""

    name: str
    zone: str
    channels: dict[str, str]

    def values(self) -> Row:
        """As the statements take it."""
        return {"by": self.name, "zone": self.zone, "channels": orjson.dumps(self.channels).decode()}


class TooMuch(BadInput):
    """There is more behind this report than can be summed in time. Ask for a shorter time or for less of it."""


def project(recorded: Recorded, changes: Changes) -> None:
    """Nothing but what a report counts; the department is that of the chat after the event, the tags those before it."""
    place = {"chat_id": recorded.aggregate_id, "version": recorded.ver, "at": recorded.at}
    if isinstance(recorded.event, TagsChanged):
        changes.add("facts.insert_tags", place | {"tags": recorded.event.tags})
    found = fact_of(recorded)
    if found is None:
        return
    kind, moderator = found
    fact = place | {
        "position": recorded.position,
        "kind": kind,
        "until": None if kind in STANDING else recorded.at,
        "moderator_id": moderator,
        "department_id": recorded.scope.department,
        "source_id": recorded.scope.source,
    }
    changes.add("facts.insert_facts", fact)
    if kind in MEASURED:
        changes.add(f"facts.{MEASURED[kind]}", place | {"position": recorded.position})
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


async def counts(reads: Reads, wanted: Wanted, by: By) -> list[Row]:
    """How many facts of each `kind` there are, by their `key`. Raises TooMuch."""
    return await _summed(reads, "counts", wanted, **by.values())


async def bounds(reads: Reads, wanted: Wanted) -> list[Row]:
    """Of each department, between which moments its stretches lie. Raises TooMuch."""
    return await _summed(reads, "bounds", wanted)


async def figures(reads: Reads, wanted: Wanted, by: By, calendars: list[Row]) -> list[Row]:
    """Seconds of the stretches that end in a `kind`, by their `key` and `together`: in working hours where there is a
    calendar of their department (`department_id`, and the columns of a Calendar). Raises TooMuch.
    """
    laid_out = orjson.dumps(calendars).decode()
    return await _summed(reads, "figures", wanted, calendars=laid_out, **by.values())


def statement(name: str) -> LiteralString:
    """A statement with the pieces that it shares with others; `wanted` is itself of pieces."""
    text = SQL[name].replace("{keys}", SQL["keys"]).replace("{wanted}", SQL["wanted"])
    return text.replace("{placed}", SQL["placed"]).replace("{tagged}", SQL["tagged"])


async def _summed(reads: Reads, name: str, wanted: Wanted, **more: object) -> list[Row]:
    found = await reads.fetch_within(int(SECONDS * 1000), statement(name), **wanted.values(), **more)
    if found is None:
        raise TooMuch
    return list(found)


async def waiting_now(reads: Reads, wanted: Wanted, by: By) -> list[Row]:
    """How many chats wait for an answer now, by whoever holds them, by where they stand or what they are tagged with."""
    return list(await reads.fetch(statement("waiting_now"), **wanted.values(), **by.values()))


async def backlog(reads: Reads, wanted: Wanted) -> Row:
    """How many chats were `open`, and how many of them `waiting`, just before `until`."""
    [found] = await reads.fetch(statement("backlog"), **wanted.values())
    return found


async def page(reads: Reads, wanted: Wanted, metric: str, *, limit: int, cursor: str | None) -> Page:
    """The events behind a number, the newest first; only onwards. A cursor is an earlier page's."""
    at = Cursor.of(cursor)
    values = wanted.values() | {"position": at.position, "limit": limit + 1}
    if metric in STOOD:
        rows = await reads.fetch(statement("standing"), waiting=metric == "waiting", **values)
    else:
        kind = (KINDS | STRETCHES)[metric]
        rows = await reads.fetch(statement("single"), kind=kind, measured=metric in STRETCHES, **values)
    items = rows[:limit]
    return Page(items, f"before-{items[-1]['position']}" if len(rows) > limit else None, None)
