"""Health: how each source does. What came in last, what went wrong last, and which replies wait."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat_events import ReplyWritten
from pulse.aggregates.chat_replies import ReplyFailed, ReplyRequeued, ReplySent, ReplyUncertain, ReplyVouched
from pulse.aggregates.delivery import DeliveryKept, position_in
from pulse.aggregates.source import SourceHalted
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes, Row
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 1
SQL = Statements(__file__)
WRITES = ("close_replies", "open_replies", "change_health")


def project(recorded: Recorded, changes: Changes) -> None:
    """Every event belongs to a source, or to none. A delivery that is read again did not come in again."""
    source = _source_of(recorded)
    if source is None:
        return
    row = changes.fold("health.change_health", source)
    place = {"position": recorded.position, "at": recorded.at}
    row |= {"source_id": source, "event_type": recorded.envelope.type} | _named("event", place)
    if getattr(recorded.event, "raw", None) and position_in(recorded.envelope.cause) is None:
        row |= _named("delivery", place)
    if error := _error_in(recorded):
        row |= {"error": error} | _named("error", place)
    _count(recorded, source, changes)


def _named(name: str, place: Row) -> Row:
    return {f"{name}_{part}": value for part, value in place.items()}


def _source_of(recorded: Recorded) -> UUID | None:
    match recorded.event:
        case DeliveryKept(source_id=source):
            return source
        case _ if recorded.kind == "source":
            return recorded.aggregate_id
    return recorded.scope.source


def _error_in(recorded: Recorded) -> str:
    """A failed call, an unknown end, a halt, or a delivery that could not be read."""
    match recorded.event:
        case ReplyFailed(reason=reason) | ReplyUncertain(reason=reason) | SourceHalted(reason=reason):
            return reason
        case DeliveryKept(outcome="quarantined", reason=reason):
            return reason
    return ""


def _count(recorded: Recorded, source: UUID, changes: Changes) -> None:
    """A reply waits until all of it has left, or until only a moderator can help it."""
    match recorded.event:
        case ReplyWritten():
            _open(recorded, source, recorded.ver, changes)
        case ReplyRequeued(of=of):
            _open(recorded, source, of, changes)
        case ReplySent(of=of, part=part, parts=parts) | ReplyVouched(of=of, part=part, parts=parts):
            # After a piece the rest goes on, also of one that was stuck.
            (_close if part + 1 == parts else _open)(recorded, source, of, changes)
        case ReplyUncertain(of=of) | ReplyFailed(of=of, again_at=None):
            _close(recorded, source, of, changes)


def _open(recorded: Recorded, source: UUID, of: int, changes: Changes) -> None:
    """One that waits already keeps its place; `closed` in this batch, it has a new one."""
    row = changes.fold("health.open_replies", (recorded.aggregate_id, of))
    if row.get("closed", True):
        row |= {
            "source_id": source,
            "chat_id": recorded.aggregate_id,
            "version": of,
            "at": recorded.at,
            "closed": False,
        }


def _close(recorded: Recorded, source: UUID, of: int, changes: Changes) -> None:
    """Also one that this batch opened; what was there before goes first."""
    row = {"source_id": source, "chat_id": recorded.aggregate_id, "version": of, "at": recorded.at, "closed": True}
    for statement in ("health.close_replies", "health.open_replies"):
        known = changes.fold(statement, (recorded.aggregate_id, of))
        known |= row


async def of(reads: Reads, source: UUID) -> Row | None:
    """One source's row; None where nothing has happened that is projected."""
    found = await reads.fetch(SQL["of"], source_id=source)
    return found[0] if found else None


async def of_all(reads: Reads) -> dict[UUID, Row]:
    """Every source's row."""
    return {row["source_id"]: row for row in await reads.fetch(SQL["of_all"])}
