"""How a push process ends: it takes nobody in any more, and sends home those it has, a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

from websockets.asyncio.server import Server

from pulse.push.codes import Code
from pulse.push.encoding import Wire, event_wire, wire_of
from pulse.push.hub import Hub
from pulse.push.outlet import Outlet
from pulse.push.peers import Peer

PER_SECOND, LONGEST, STEP = 200, 20.0, 0.05
LONGEST_ANSWERS = 2.5  # uvicorn waits three seconds for answers
LAST_SECONDS = 0.5


async def send_home(server: Server, hub: Hub) -> None:
    """Closes everything, in random order and over some time: stock clients come back the moment they are sent away.

    Our own are told beforehand (`pulse:reconnect`) and choose a moment of their own.
    """
    server.close(close_connections=False)
    peers = list(hub.peers)
    window = min(len(peers) / PER_SECOND, LONGEST)
    for peer in peers:
        if (wire := _reconnect(peer, window)) is not None:
            peer.take(wire)
    random.shuffle(peers)
    await _dismiss(peers, window)
    for connection in server.connections:
        connection.transport.abort()
    with contextlib.suppress(TimeoutError):  # a line that never said what it wanted
        await asyncio.wait_for(server.wait_closed(), LAST_SECONDS)


async def end_answers(hub: Hub) -> None:
    """Waits to be cancelled, which is when Pulse ends; then sends home whoever has no socket, the same way."""
    try:
        await asyncio.Event().wait()
    finally:
        outlets = [peer for peer in hub.peers if isinstance(peer, Outlet)]
        random.shuffle(outlets)
        await _dismiss(outlets, min(len(outlets) / PER_SECOND, LONGEST_ANSWERS))


async def _dismiss(peers: Sequence[Peer], window: float) -> None:
    """Whoever does not take leave in time is cut: a client that stopped reading would hold up the end for ever."""
    loop, closing = asyncio.get_running_loop(), []
    began = loop.time()
    for number, peer in enumerate(peers):
        closing.append(asyncio.create_task(peer.close(Code.LEAVING)))
        due = began + window * number / len(peers)
        if due > loop.time() + STEP:
            await asyncio.sleep(due - loop.time())
    if closing:
        await asyncio.wait(closing)


def _reconnect(peer: Peer, window: float) -> Wire | None:
    """When it had best come back by itself, before it is sent."""
    data = {"delay_ms": random.randrange(int(window * 1000) + 1)}  # noqa: S311  a moment, no secret
    if peer.is_window:
        return wire_of({"type": "pulse:reconnect", "data": data})
    return event_wire("pulse:reconnect", data) if peer.resumes else None
