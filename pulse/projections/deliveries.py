"""Deliveries: the webhook log, for looking at what a provider sent and what became of it."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.customer import CustomerLeft, CustomerReturned
from pulse.aggregates.delivery import DeliveryKept
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_deliveries",)


def project(recorded: Recorded, changes: Changes) -> None:
    """Any event that carries a raw body came from a delivery."""
    raw = getattr(recorded.event, "raw", None)
    if raw is None:
        return
    row = {
        "position": recorded.position,
        "source_id": recorded.scope.source,
        "external_id": _external_id(recorded),
        "outcome": "taken",
        "kind": recorded.envelope.type,
        "reason": "",
        "aggregate_id": recorded.aggregate_id,
        "raw": raw,
        "raw_base64": None,
        "at": recorded.at,
    }
    match recorded.event:
        case DeliveryKept() as kept:
            row |= {"outcome": kept.outcome, "kind": kept.kind, "reason": kept.reason}
            row |= {"source_id": kept.source_id, "raw_base64": kept.raw_base64}
        case CustomerLeft(reason=reason) | CustomerReturned(reason=reason):
            row |= {"reason": reason}
    changes.add("deliveries.insert_deliveries", row)


def _external_id(recorded: Recorded) -> str:
    event = recorded.event
    message = getattr(event, "message", None)
    return str(message.external_id if message is not None else getattr(event, "external_id", ""))


async def page(reads: Reads, *, source: UUID | None, outcome: str | None, limit: int, cursor: str | None) -> Page:
    """Deliveries, newest first. A cursor comes from an earlier page."""
    at = Cursor.of(cursor)
    rows = await reads.fetch(SQL[at.way], source=source, outcome=outcome, position=at.position, limit=limit + 1)
    return at.page(rows, limit, "position")
