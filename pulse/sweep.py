"""Sweeping: blobs that no event names, such as uploads that were never sent. Careful rather than thorough.

What an event names is found in its bytes, whatever kind it is of and whichever Pulse wrote it: every 64 hex digits
there are a name that stays.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from pulse.blobs import NAMED, Blobs, Found
from pulse.eventlog.appends import Stored
from pulse.eventlog.whole import Pages
from pulse.values import value

# Older than any claim of an upload, and than what is kept again without being written again.
GRACE = timedelta(days=3)
PAGE = 1000

Still = Callable[[set[str]], set[str]]


@value
class Swept:
    """How many blobs there are, how many of them no event names, how many bytes those are, and how many were removed."""

    blobs: int
    unnamed: int
    size: int
    removed: int


class Candidates:
    """Names of blobs in a table on the disk, so that memory stays the same however many there are."""

    def __init__(self, folder: str) -> None:
        self._rows = sqlite3.connect(Path(folder) / "candidates", isolation_level=None, check_same_thread=False)
        self._rows.execute("create table candidates (name text, content text, size integer)")
        self._rows.execute("pragma synchronous = off")

    def add(self, found: Iterable[Found]) -> None:
        rows = [(one.name, one.name[:64], one.size) for one in found]
        self._rows.execute("begin")
        self._rows.executemany("insert into candidates values (?, ?, ?)", rows)
        self._rows.execute("commit")

    def index(self) -> None:
        self._rows.execute("create index by_content on candidates (content)")

    def spare(self, contents: Iterable[str]) -> None:
        """These are named, and so is what was made from them."""
        self._rows.execute("begin")
        self._rows.executemany("delete from candidates where content = ?", [(one,) for one in contents])
        self._rows.execute("commit")

    def total(self) -> tuple[int, int]:
        count, size = self._rows.execute("select count(*), coalesce(sum(size), 0) from candidates").fetchone()
        return int(count), int(size)

    def page(self, after: str) -> list[str]:
        asked = "select name from candidates where name > ? order by name limit ?"
        return [name for (name,) in self._rows.execute(asked, (after, PAGE))]

    def close(self) -> None:
        self._rows.close()


async def sweep(blobs: Blobs, pages: Pages, *, now: datetime, remove: bool, still: Still = set) -> Swept:
    """Counts blobs that no event names and that are older than GRACE; removes them if asked to.

    `pages` are the `whole` log's. `still` says which of the names that were found still count: all, unless files were
    kept for their time. Raises LogTooShort, BlobsDown, LogDown.
    """
    with tempfile.TemporaryDirectory() as folder:
        candidates = Candidates(folder)
        try:
            there = await _list(blobs, candidates, now - GRACE)
            await _spare_named(pages, candidates, still)
            count, size = candidates.total()
            removed = await _remove(blobs, candidates, now - GRACE) if remove else 0
            return Swept(there, count, size, removed)
        finally:
            candidates.close()


async def _list(blobs: Blobs, candidates: Candidates, before: datetime) -> int:
    there = 0
    async for page in blobs.everything():
        there += len(page)
        await asyncio.to_thread(candidates.add, [one for one in page if one.at < before])
    await asyncio.to_thread(candidates.index)
    return there


async def _spare_named(pages: Pages, candidates: Candidates, still: Still) -> None:
    """Reads the whole log after the blobs were listed: what is named meanwhile is found too."""
    async for page in pages():
        await asyncio.to_thread(_spare, candidates, page, still)


def _spare(candidates: Candidates, page: list[Stored], still: Still) -> None:
    candidates.spare(still({found.decode() for stored in page for found in NAMED.findall(stored.body)}))


async def _remove(blobs: Blobs, candidates: Candidates, before: datetime) -> int:
    """Looks once more at each: somebody may have kept the same bytes again."""
    after, removed = "", 0
    while names := candidates.page(after):
        for name in names:
            found = await blobs.find(name)
            if found is not None and found.at < before:
                await blobs.remove(name)
                removed += 1
        after = names[-1]
    return removed
