"""Rosters that talk on NATS, like processes do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pulse.eventlog.jetstream import Log
from pulse.roster import Roster
from pulse.roster.talking import talk
from tests.insisting import insist
from tests.roster.wires import Clock

PATIENCE = 30


@asynccontextmanager
async def talking(log: Log, roster: Roster | None = None) -> AsyncIterator[Roster]:
    """A process that has only a roster."""
    found = roster or Roster()
    task = asyncio.create_task(talk(log, found))
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait([task])


async def becomes(true: Callable[[], bool], clock: Clock | None = None, *rosters: Roster) -> None:
    """Asks until it is so; with a clock, a little time passes each time."""

    async def asked() -> bool:
        if clock is not None:
            clock.now += 0.25
        for roster in rosters:
            roster.wake.set()
        return true()

    async with asyncio.timeout(PATIENCE):
        await insist(asked, bool)
