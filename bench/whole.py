"""`pulse up` in one process, with a clock at each step of a message's way."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvloop

from bench.child import coming_orders, say
from bench.servers import serve_roles, settings_for
from pulse import wiring
from pulse.embedded import Addresses
from pulse.eventlog.appends import Ack
from pulse.eventlog.envelope import Recorded
from pulse.eventlog.jetstream import Log
from pulse.logs import configure_logs
from pulse.push.framing import Framing

Marks = dict[int, list[float]]  # position -> appended, acknowledged, relayed


def run(place: str, addresses: dict[str, str], port: int, push_port: int) -> None:
    """A child's function: every role, the demo's world, and marks when asked for."""
    configure_logs("warning")
    marks: Marks = {}
    _put_clocks_in(marks)
    uvloop.run(serve_roles(settings_for(place, port, push_port), Addresses(**addresses), wiring.ROLES, _tell(marks)))


async def _tell(marks: Marks) -> AsyncIterator[None]:
    """Answers each order with what was marked since the last."""
    async for _ in coming_orders():
        say(marks={position: mark for position, mark in marks.items() if all(mark)})
        marks.clear()
        yield


def _put_clocks_in(marks: Marks) -> None:
    """In this process only, around the three calls that part a message's way into steps."""
    Log.append = _timed(Log.append, lambda _message: 1, marks)  # type: ignore[method-assign]
    Log.append_batch = _timed(Log.append_batch, len, marks)  # type: ignore[method-assign]
    frames_of = Framing.of

    async def timed_frames_of(framing: Framing, recorded: Recorded) -> Any:
        marks.setdefault(recorded.position, [0.0] * 3)[2] = time.monotonic()
        return await frames_of(framing, recorded)

    Framing.of = timed_frames_of  # type: ignore[method-assign]


def _timed(append: Callable[[Log, Any], Awaitable[Ack]], events: Callable[[Any], int], marks: Marks) -> Any:
    async def timed(log: Log, message: Any) -> Ack:
        began = time.monotonic()
        ack = await append(log, message)
        ended = time.monotonic()
        for position in range(ack.position - events(message) + 1, ack.position + 1):
            marks.setdefault(position, [0.0] * 3)[:2] = began, ended
        return ack

    return timed
