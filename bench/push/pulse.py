"""Pulse's side: its push port with nobody but guests on public channels, told as the relay tells.

On the very same sockets, the limit: each transport's `write` in a bare loop, with bytes made beforehand.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

from bench.child import say
from bench.push.crowd import Greeting
from bench.push.frame import EVENT, EVENT_ID, data_of, frame_text
from bench.push.python_side import Publish, serve
from pulse.cursors import Cursors
from pulse.logs import configure_logs
from pulse.metrics import Metrics
from pulse.push.app_events import AppEvents
from pulse.push.caches import Caches
from pulse.push.encoding import text_frame
from pulse.push.evicting import Evicting
from pulse.push.frames import Frame
from pulse.push.hub import Hub
from pulse.push.porter import Porter
from pulse.push.protocol import Pusher
from pulse.push.resuming import Resuming
from pulse.push.ring import Ring
from pulse.push.server import PushServer
from pulse.push.subscriptions import Subscriptions
from pulse.push.telling import Telling
from pulse.push.tickets import Tickets
from pulse.push.welcome import Welcome
from pulse.serving import tune_gc

KEY = "bench"
NOBODY = cast(Any, None)


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


def a_push() -> tuple[Telling, PushServer]:
    """A push port without a log behind it, and what tells its sockets."""
    telling = Telling(Hub(), NOBODY, Ring(), Cursors("0" * 8, bytes(32)))
    resuming = Resuming(NOBODY, NOBODY, telling.ring, telling.cursors, Metrics())
    welcome = Welcome(telling.hub, Caches(AppEvents(NOBODY), telling.ring))
    evicting, tickets = Evicting(telling.hub, NOBODY, NOBODY), Tickets(NOBODY, NOBODY, KEY)
    subscriptions = Subscriptions(telling, resuming, evicting, tickets, welcome)
    pusher = Pusher(telling, subscriptions, NOBODY, NOBODY, NOBODY)
    return telling, PushServer(NOBODY, pusher, cast(Any, NoLog()), Porter(from_one_address=20_000), Metrics())


async def _listening() -> AsyncIterator[dict[str, Publish]]:
    telling, server = a_push()

    async def publish(number: int, channel: str) -> None:
        data = data_of(number)
        await telling.tell(
            Frame("chat.message", EVENT, data, (channel,), lambda _: True, position=number, event_id=UUID(EVENT_ID))
        )

    async def write(_: int, channel: str) -> None:
        wire = made.get(channel) or made.setdefault(channel, text_frame(frame_text(channel).encode()))
        for transport in [cast(Any, peer).connection.transport for peer in telling.hub.channels[channel]]:
            transport.write(wire)

    made: dict[str, bytes] = {}
    async with server.listening("127.0.0.1", 0) as port:
        tune_gc()
        say(port=port)
        yield {"publish": publish, "write": write}
        await asyncio.sleep(0)
