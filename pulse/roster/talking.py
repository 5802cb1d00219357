"""The roster's voice on NATS: what changes is gathered for a moment and told; while NATS is away it waits."""

from __future__ import annotations

import asyncio
import contextlib

from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import ROSTER
from pulse.roster import Roster, address

GATHER_SECONDS = 0.05  # a thousand sockets that come back at once are told of together


async def talk(log: Log, roster: Roster) -> None:
    """Tells and hears for ever, and says good-bye when it ends."""

    async def hear(body: bytes) -> None:
        roster.hear(body)

    for subject in (ROSTER, address(roster.process)):
        await log.listen(subject, hear)
    log.when_lost.add(roster.lose)
    try:
        while True:
            roster.pass_time()
            roster.wake.clear()
            for subject, body in roster.says() if log.up else []:
                await log.tell(subject, body)
            await asyncio.sleep(GATHER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(roster.due_at() - roster.clock()):
                    await roster.wake.wait()
    finally:
        log.when_lost.discard(roster.lose)
        await log.tell(*roster.bye())
