"""Once a day: files that were kept for their time go, and blobs that no event names. Of several processes one works."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta

import structlog

from pulse.clearing import Clearing, last_clearing
from pulse.errors import Trouble
from pulse.eventlog.envelope import NEWER_HISTORY

EACH = timedelta(hours=24)
LOOK_SECONDS = 600.0  # also how long a start has for itself
REST_SECONDS = 0.02  # after a thousand events, for those who wait for the log
STEPS = 10  # lines of progress

log = structlog.get_logger(__name__)


class Clearings:
    """`reached` says where the read models are, and raises where nobody knows: then nothing is removed."""

    def __init__(
        self, clearing: Clearing, reached: Callable[[], Awaitable[int]], forget_gathered: Callable[[], object]
    ) -> None:
        self.clearing = clearing
        self.reached = reached
        self.forget_gathered = forget_gathered

    async def run(self) -> None:
        """Looks every ten minutes, for ever. A round that was broken off is begun anew."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await self.is_due():
                    await self.clearing.lease.run(self.clear)
            except (Trouble, OSError, sqlite3.Error, *NEWER_HISTORY) as trouble:
                log.warning("clearing.trouble", trouble=repr(trouble))

    async def is_due(self) -> bool:
        """A day after the last time, whoever it was. Raises Trouble."""
        last = await last_clearing(self.clearing.notes)
        return last is None or self.clearing.clock() - datetime.fromisoformat(last["ended_at"]) >= EACH

    async def clear(self) -> None:
        """With the lease: another process may have done it meanwhile. Raises Trouble."""
        if not await self.is_due():
            return
        log.info("clearing.began")
        cleared = await self.clearing.run(await self.reached(), Progress().tell, remove=True, rest=REST_SECONDS)
        await asyncio.to_thread(self.forget_gathered)
        log.info("clearing.ended", **asdict(cleared))


class Progress:
    """A line for every tenth of the log, each of the times it is read."""

    def __init__(self) -> None:
        self._step = 0

    def tell(self, position: int, of: int) -> None:
        step = position * STEPS // of
        if step != self._step:
            self._step = step
            log.info("clearing.reads", position=position, of=of)
