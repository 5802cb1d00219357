"""Deliveries: the webhook log, for looking at what a provider sent and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from uuid import UUID

import msgspec

from pulse.aggregates.customer import CustomerLeft, CustomerReturned
from pulse.aggregates.delivery import DeliveryKept
from pulse.eventlog.envelope import Recorded, UnknownEvent, open_envelope
from pulse.eventlog.jetstream import Log
from pulse.projections.changes import Changes
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 3
SQL = Statements(__file__)
WRITES = ("insert_deliveries",)
READ_AT_ONCE = 8


def project(recorded: Recorded, changes: Changes) -> None:
    """Any event that carries a raw body came from a delivery."""
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
        "at": recorded.at,
    }
    match recorded.event:
        case DeliveryKept() as kept:
            row |= {"outcome": kept.outcome, "kind": kept.kind, "reason": kept.reason}
            row |= {"source_id": kept.source_id}
        case CustomerLeft(reason=reason) | CustomerReturned(reason=reason):
            row |= {"reason": reason}
    changes.add("deliveries.insert_deliveries", row)


def _external_id(recorded: Recorded) -> str:
    event = recorded.event
    message = getattr(event, "message", None)
    return str(message.external_id if message is not None else getattr(event, "external_id", ""))


async def page(
    reads: Reads, log: Log, *, source: UUID | None, outcome: str | None, limit: int, cursor: str | None
) -> Page:
    """Deliveries, newest first, with their raw bodies out of the log. A cursor comes from an earlier page.

    Raises ReadsDown, LogDown.
    """
    at = Cursor.of(cursor)
    rows = await reads.fetch(SQL[at.way], source=source, outcome=outcome, position=at.position, limit=limit + 1)
    page = at.page(rows, limit, "position")
    room = asyncio.Semaphore(READ_AT_ONCE)  # a body may be large, and a page long
    bodies = await asyncio.gather(*(_raw_of(log, row["position"], room) for row in page.items))
    items = [row | raw for row, raw in zip(page.items, bodies, strict=True)]
    return replace(page, items=items)


async def _raw_of(log: Log, position: int, room: asyncio.Semaphore) -> dict[str, str | None]:
    """A body lies in the log once: copied into a table it was half of all that the projector wrote.

    None where the log holds no event at this position, or one that this version of Pulse can't read.
    """
    async with room:
        found = await log.read(position, limit=1)
    event = None
    if found and found[0].position == position:  # else it is the next one, of somebody else
        with contextlib.suppress(UnknownEvent, msgspec.MsgspecError, KeyError):
            event = open_envelope(position, found[0].subject, found[0].body).event
    return {"raw": getattr(event, "raw", None), "raw_base64": getattr(event, "raw_base64", None)}
