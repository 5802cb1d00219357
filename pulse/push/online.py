"""Tells everybody which moderators have a socket open here: at once when one comes or goes, and every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import uuid4

from pulse.eventlog.jetstream import Log
from pulse.presence import ONLINE, TELL_SECONDS, saying
from pulse.push.hub import Hub

GATHER_SECONDS = 0.05  # a thousand sockets that come back at once are told of together


async def tell_online(log: Log, hub: Hub) -> None:
    """Tells for ever; a last time, of nobody, when it ends."""
    process = uuid4().hex
    try:
        while True:
            hub.people_moved.clear()
            await log.tell(ONLINE, saying(process, hub.people()))
            await asyncio.sleep(GATHER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_SECONDS):
                    await hub.people_moved.wait()
    finally:
        await log.tell(ONLINE, saying(process, ()))
