"""`pulse up` in one process, with a clock at each step of a message's way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.child import coming_orders, say
from bench.servers import settings_for
from pulse import wiring
from pulse.demo import make_demo
from pulse.embedded import Addresses
from pulse.eventlog.envelope import Recorded
from pulse.eventlog.jetstream import Ack, Log
from pulse.logs import configure_logs
from pulse.push import relay
from pulse.settings import Settings
from pulse.wiring import House

Marks = dict[int, list[float]]  # position -> appended, acknowledged, relayed


def run(place: str, addresses: dict[str, str], port: int, push_port: int) -> None:
    """A child's function: every role, the demo's world, and marks when asked for."""
    configure_logs("warning")
    marks: Marks = {}
    _put_clocks_in(marks)
    uvloop.run(_serve(settings_for(place, port, push_port), Addresses(**addresses), marks))


def _put_clocks_in(marks: Marks) -> None:
    """In this process only, around the three calls that part a message's way into steps."""
    Log.append = _timed(Log.append, lambda _message: 1, marks)  # type: ignore[method-assign]
    Log.append_batch = _timed(Log.append_batch, len, marks)  # type: ignore[method-assign]
    frames_of = relay.frames_of

    def timed_frames_of(recorded: Recorded, *others: Any) -> Any:
        marks.setdefault(recorded.position, [0.0] * 3)[2] = time.monotonic()
        return frames_of(recorded, *others)

    relay.frames_of = timed_frames_of  # type: ignore[assignment]


def _timed(append: Callable[[Log, Any], Awaitable[Ack]], events: Callable[[Any], int], marks: Marks) -> Any:
    async def timed(log: Log, message: Any) -> Ack:
        began = time.monotonic()
        ack = await append(log, message)
        ended = time.monotonic()
        for position in range(ack.position - events(message) + 1, ack.position + 1):
            marks.setdefault(position, [0.0] * 3)[:2] = began, ended
        return ack

    return timed


async def _serve(settings: Settings, addresses: Addresses, marks: Marks) -> None:
    async def started(house: House) -> None:
        await house.directory.wait_for(await make_demo(house.store, house.vault, wiring.now))
        while not all((await house.check()).values()):
            await asyncio.sleep(0.02)
        say(port=settings.http_port, push_port=settings.push_port)
        async for _ in coming_orders():
            say(marks={position: mark for position, mark in marks.items() if all(mark)})
            marks.clear()
        serving.cancel()

    serving = asyncio.ensure_future(wiring.serve(settings, addresses, wiring.ROLES, started))
    with contextlib.suppress(asyncio.CancelledError):
        await serving
