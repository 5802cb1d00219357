"""Pulse's side: its push port with nobody but guests on public channels, told as the relay tells.

On the very same sockets, the limit: each transport's `write` in a bare loop, with bytes made beforehand.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

from bench.child import say
from bench.push.crowd import Greeting
from bench.push.frame import EVENT, EVENT_ID, data_of, frame_text
from bench.push.python_side import Publish, serve
from pulse.logs import configure_logs
from pulse.push.hub import Hub, text_frame
from pulse.push.protocol import Pusher
from pulse.push.server import PushServer
from pulse.push.tidings import Tiding, tell
from pulse.serving import tune_gc

KEY = "bench"


def missing() -> str:
    return ""


def greeting(channel: str) -> Greeting:
    subscribe = json.dumps({"event": "pusher:subscribe", "data": {"channel": channel}}).encode()
    return f"/app/{KEY}?protocol=7", [(b"", b"connection_established"), (subscribe, b"subscription_succeeded")]


def run() -> None:
    """A child's function."""
    configure_logs("warning")
    serve(_listening)


class NoLog:
    """Stands where the relay is: there is nothing to follow."""

    ready = True

    async def begin(self) -> None: ...


async def _listening() -> AsyncIterator[dict[str, Publish]]:
    hub, nobody = Hub(), None
    server = PushServer(nobody, Pusher(hub, nobody, nobody, KEY), NoLog())  # type: ignore[arg-type]

    async def publish(number: int, channel: str) -> None:
        tiding = Tiding("chat.message", EVENT, data_of(number), (channel,), lambda _: True, number, UUID(EVENT_ID))
        await tell(tiding, hub, nobody)  # type: ignore[arg-type]

    async def write(_: int, channel: str) -> None:
        wire = made.get(channel) or made.setdefault(channel, text_frame(frame_text(channel).encode()))
        for transport in [peer.connection.transport for peer in hub.channels[channel]]:
            transport.write(wire)

    made: dict[str, bytes] = {}
    async with server.listening("127.0.0.1", 0) as port:
        tune_gc()
        say(port=port)
        yield {"publish": publish, "write": write}
        await asyncio.sleep(0)
