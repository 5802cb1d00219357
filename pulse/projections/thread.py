"""Thread: what was said in one chat, in order."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat_work import NoteWritten
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes
from pulse.projections.entries import Entry, both, change_of, entry_of, with_files
from pulse.projections.paging import Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 11
SQL = Statements(__file__)
WRITES = ("insert_entries", "change_entries")
END = 2**31 - 1


def project(recorded: Recorded, changes: Changes) -> None:
    """New entries, and changes laid over old ones."""
    entry = entry_of(recorded)
    if entry is not None:
        row = {"chat_id": recorded.aggregate_id, "version": recorded.ver, "position": recorded.position}
        row["inside"] = isinstance(recorded.event, NoteWritten)
        changes.add("thread.insert_entries", {**row, "entry": entry})
        return
    change = change_of(recorded.event)
    if change is not None:
        versions, patch = change
        for version in versions:
            changed = changes.fold("thread.change_entries", (recorded.aggregate_id, version))
            patches = both(changed.get("patch", {}), patch)
            changed |= {"chat_id": recorded.aggregate_id, "version": version, "patch": patches}


async def page(
    reads: Reads, chat_id: UUID, *, limit: int, before: int | None, after: int | None, inside: bool = False
) -> Page:
    """A page of entries, oldest first. Without bounds the newest; `after` pages forward, `before` back.

    What only moderators may see is in it when asked for with `inside`.
    """
    if after is not None:
        rows = await reads.fetch(SQL["after"], chat_id=chat_id, after=after, inside=inside, limit=limit + 1)
        items = [with_files(row["entry"]) for row in rows[:limit]]
        return Page(items, _id(items, -1) if len(rows) > limit else None, _id(items, 0) if after else None)
    bound = before if before is not None else END
    rows = await reads.fetch(SQL["newest"], chat_id=chat_id, before=bound, inside=inside, limit=limit + 1)
    items = [with_files(row["entry"]) for row in reversed(rows[:limit])]
    return Page(items, _id(items, -1) if before is not None else None, _id(items, 0) if len(rows) > limit else None)


async def around(reads: Reads, chat_id: UUID, of: int, *, limit: int, inside: bool = False) -> Page:
    """A page with an entry in its middle: half of it comes before, half after. Its cursors are those of `page`.

    An entry that is not there (any more) stands where it would be.
    """
    rows = await reads.fetch(
        SQL["around"], chat_id=chat_id, of=of, inside=inside, earlier=limit // 2 + 1, later=limit - limit // 2 + 1
    )
    earlier = [with_files(row["entry"]) for row in rows if row["version"] < of]
    later = [with_files(row["entry"]) for row in rows if row["version"] >= of]
    more_before, more_after = len(earlier) > limit // 2, len(later) > limit - limit // 2
    items = [*(earlier[1:] if more_before else earlier), *(later[:-1] if more_after else later)]
    return Page(items, _id(items, -1) if more_after else None, _id(items, 0) if more_before else None)


async def place_of(reads: Reads, chat_id: UUID, version: int) -> int:
    """A position in the log from which on a chat's events from a version on are found; 1 if it knows none."""
    rows = await reads.fetch(SQL["place_of"], chat_id=chat_id, version=version)
    return int(rows[0]["position"]) if rows else 1


def _id(items: list[Entry], index: int) -> str | None:
    return str(items[index]["id"]) if items else None
