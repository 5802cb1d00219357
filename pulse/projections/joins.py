"""Joins: which customers are one person. Each pair is there twice, once for either of them."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.customer import CustomerJoined, CustomerParted
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 1
SQL = Statements(__file__)
WRITES = ("change_joins",)
MOST = 100


def project(recorded: Recorded, changes: Changes) -> None:
    """A pair that was parted stays, as parted."""
    match recorded.event:
        case CustomerJoined(other_id=other) | CustomerParted(other_id=other):
            row = changes.fold("joins.change_joins", (recorded.aggregate_id, other))
            row |= {
                "customer_id": recorded.aggregate_id,
                "other_id": other,
                "joined": isinstance(recorded.event, CustomerJoined),
                "at": recorded.at,
            }


async def identities(reads: Reads, customer: UUID) -> list[UUID]:
    """Everybody who is the same person, through however many joins, this customer first; a hundred at most."""
    rows = await reads.fetch(SQL["identities"], customer=customer, limit=MOST)
    return [customer, *(row["id"] for row in rows if row["id"] != customer)]


async def among(reads: Reads, customers: list[UUID]) -> list[Row]:
    """The pairs among some customers, each once, the oldest first."""
    return list(await reads.fetch(SQL["among"], customers=customers))
