"""Clearing: one round of what time removes: files that were kept for their time, and blobs that no event names.

`pulse blobs sweep` and the deliver role's daily worker do it alike, under one lease, so never two at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from pulse.aggregates.retention import Limits
from pulse.blobs import Blobs
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.eventlog.whole import Tell, whole
from pulse.retention import expire, old_files
from pulse.sweep import sweep
from pulse.values import value

NOTE = LEASE = "clearing"


@value
class Round:
    """How many blobs there were, how many of them no event named (any more), and their bytes; how many files were over."""

    blobs: int
    unnamed: int
    size: int
    expired: int
    removed: int


class Clearing:
    def __init__(
        self, store: EventStore, blobs: Blobs, limits: Callable[[], Limits], clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.limits = limits
        self.clock = clock
        self.notes = Notes(store.log)

    @property
    def lease(self) -> Lease:
        """Whoever removes something holds it."""
        return Lease(self.notes, LEASE)

    async def run(self, reached: int, tell: Tell, *, remove: bool, rest: float = 0.0) -> Round:
        """Counts, and removes if asked to; then it leaves a note. `reached` is where the read models are.

        Files are told to be over before they go: a crash in between leaves one too many, never one too few. `rest` are
        seconds between pages of the log. Raises LogTooShort, BlobsDown, LogDown.
        """
        began = self.clock()
        pages = partial(whole, self.store.log, reached, tell, rest)
        async with old_files(pages, self.limits(), now=began) as ledger:
            expired, _ = ledger.total()
            if remove:
                await expire(ledger, self.store, began)
            swept = await sweep(self.blobs, pages, now=began, remove=remove, still=ledger.still)
        cleared = Round(swept.blobs, swept.unnamed, swept.size, expired, swept.removed)
        if remove:
            times = {"began_at": began.isoformat(), "ended_at": self.clock().isoformat()}
            await self.notes.write(NOTE, times | asdict(cleared))
        return cleared


async def last_clearing(notes: Notes) -> dict[str, Any] | None:
    """When something was last removed, and how much; None where nobody knows. Raises LogDown, AppendRefused."""
    return (await notes.read(NOTE)).says or None
