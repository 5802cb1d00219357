"""Deliveries: the webhook log, for looking at what a provider sent and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pulse.aggregates.chat_events import MessageReread
from pulse.aggregates.customer import CustomerLeft, CustomerReturned
from pulse.aggregates.delivery import DeliveryKept, DeliveryProcessed, position_in
from pulse.eventlog.envelope import NEWER, Recorded, open_envelope
from pulse.eventlog.jetstream import Log
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 4
SQL = Statements(__file__)
WRITES = ("insert_deliveries", "update_deliveries")
READ_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries a list shows: of these sources (None: of all), of an outcome, `since` a time, before `until`."""

    sources: tuple[UUID, ...] | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def values(self) -> dict[str, Any]:
        """As the statements take them."""
        sources = None if self.sources is None else list(self.sources)
        return {"sources": sources, "outcome": self.outcome, "since": self.since, "until": self.until}


def project(recorded: Recorded, changes: Changes) -> None:
    """Any event that carries a raw body came from a delivery; one that was caused by reading one again changes its row."""
    delivery = position_in(recorded.envelope.cause)
    if delivery is not None:
        _read_again(recorded, delivery, changes)
        return
    if getattr(recorded.event, "raw", None) is None:
        return
    row = {
        "position": recorded.position,
        "source_id": recorded.scope.source,
        "external_id": _external_id(recorded),
        "outcome": "taken",
        "kind": recorded.envelope.type,
        "reason": "",
        "aggregate_id": recorded.aggregate_id,
        "version": recorded.ver,
        "at": recorded.at,
    }
    match recorded.event:
        case DeliveryKept() as kept:
            row |= {"outcome": kept.outcome, "kind": kept.kind, "reason": kept.reason}
            row |= {"source_id": kept.source_id}
        case CustomerLeft(reason=reason) | CustomerReturned(reason=reason):
            row |= {"reason": reason}
    changes.add("deliveries.insert_deliveries", row)


def _read_again(recorded: Recorded, delivery: int, changes: Changes) -> None:
    """What came of it, beside what came of it before."""
    event = recorded.event
    row = changes.fold("deliveries.update_deliveries", delivery)
    row["position"] = delivery
    if isinstance(event, MessageReread) or getattr(event, "raw", None) is not None:
        became = _became(recorded.envelope.type, recorded.aggregate_id, recorded.ver)
        row.setdefault("became", []).append(became | {"position": recorded.position})
    attempt: Row = {"at": recorded.at, "by": recorded.envelope.by, "position": recorded.position}
    match event:
        case DeliveryProcessed(outcome=outcome, kind=kind, reason=reason):
            came = {"outcome": outcome, "kind": kind, "reason": reason}
            row |= came
            row.setdefault("attempts", []).append(attempt | came)
        case MessageReread():
            came = {"outcome": "reread", "kind": recorded.envelope.type, "reason": ""}
            row.setdefault("attempts", []).append(attempt | came)


def _became(kind: str, aggregate_id: UUID, version: int) -> Row:
    return {"type": kind, f"{kind.partition('.')[0]}_id": aggregate_id, "version": version}


def _external_id(recorded: Recorded) -> str:
    event = recorded.event
    message = getattr(event, "message", None)
    return str(message.external_id if message is not None else getattr(event, "external_id", ""))


async def page(reads: Reads, log: Log, wanted: Wanted, *, limit: int, cursor: str | None) -> Page:
    """Deliveries, newest first, with their raw bodies out of the log. A cursor comes from an earlier page.

    Raises ReadsDown, LogDown.
    """
    found = await rows(reads, wanted, limit=limit, cursor=cursor)
    room = asyncio.Semaphore(READ_AT_ONCE)  # a body may be large, and a page long
    bodies = await asyncio.gather(*(_raw_of(log, row["position"], room) for row in found.items))
    return replace(found, items=[row | raw for row, raw in zip(found.items, bodies, strict=True)])


async def rows(reads: Reads, wanted: Wanted, *, limit: int, cursor: str | None) -> Page:
    """The same page without the bodies."""
    at = Cursor.of(cursor)
    statement = SQL[at.way if wanted.sources is None else f"{at.way}_of_sources"]
    found = await reads.fetch(statement, **wanted.values(), position=at.position, limit=limit + 1)
    return at.page([_shown(row) for row in found], limit, "position")


async def one(reads: Reads, log: Log, position: int) -> Row | None:
    """One delivery with its raw body and every attempt to read it again, or None."""
    found = await reads.fetch(SQL["one"], position=position)
    if not found:
        return None
    return _shown(found[0]) | await _raw_of(log, position, asyncio.Semaphore(1))


def _shown(row: Row) -> Row:
    """A row as the API shows it: what was taken in became an event at once."""
    kind, version = row["kind"], row["version"]
    first = [_became(kind, row["aggregate_id"], version) | {"position": row["position"]}]
    left = {name: value for name, value in row.items() if name != "version"}
    return {"id": row["position"], **left, "became": (first if row["outcome"] == "taken" else []) + row["became"]}


async def _raw_of(log: Log, position: int, room: asyncio.Semaphore) -> dict[str, str | None]:
    """A body lies in the log once: copied into a table it was half of all that the projector wrote.

    None where the log holds no event at this position, or one that this version of Pulse can't read.
    """
    async with room:
        found = await log.read(position, limit=1)
    event = None
    if found and found[0].position == position:  # else it is the next one, of somebody else
        with contextlib.suppress(*NEWER, KeyError):
            event = open_envelope(position, found[0].subject, found[0].body).event
    return {"raw": getattr(event, "raw", None), "raw_base64": getattr(event, "raw_base64", None)}
