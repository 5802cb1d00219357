"""Pusher's signed HTTP API on a port of its own, and a program that asks it with Pusher's library for Python."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pusher
from starlette.applications import Starlette

from pulse.access import may_publish
from pulse.eventlog.jetstream import Log
from pulse.push.app_api import AppApi
from pulse.push.app_events import AppEvent, AppEvents, Said
from pulse.push.app_occupancy import Channels
from pulse.push.app_publishing import Publishing
from pulse.pusher_app import PusherApp
from tests.conftest import a_client
from tests.fakes.serving import served
from tests.promises import as_promised

APP = PusherApp("pulse", "0f" * 32, b"e" * 32)
TOLD_BY_PRODUCERS = {"private-campaign"}


@dataclass
class Occupied:
    """Who is on which channel, as a test wants it: users of presence channels, subscriptions of others."""

    on: dict[str, list[str]] = field(default_factory=dict)

    def channels(self, prefix: str) -> list[str]:
        return [name for name in self.on if name.startswith(prefix)]

    def subscription_count(self, channel: str) -> int:
        return len(self.on.get(channel, ()))

    def members(self, channel: str) -> Mapping[str, Any]:
        return {user: {} for user in self.on.get(channel, ())}


@dataclass
class World:
    address: str
    http: httpx2.AsyncClient
    events: AppEvents
    on: dict[str, list[str]]
    heard: asyncio.Queue[Said] = field(default_factory=asyncio.Queue)
    counted: list[tuple[str, int]] = field(default_factory=list)
    now: float = 1_800_000_000.0

    async def hear(self, said: Said) -> None:
        self.heard.put_nowait(said)

    async def next(self) -> Said:
        async with asyncio.timeout(20):
            return await self.heard.get()

    async def event(self) -> AppEvent:
        said = await self.next()
        assert isinstance(said, AppEvent)
        return said

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        app: PusherApp = APP,
        query: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Signed with the app's secret."""
        content = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        signed = app.signed_query(method, path, list((query or {}).items()), content, self.now)
        return await self.http.request(method, path, params=signed, content=content)

    async def with_library(self, act: Callable[[pusher.Pusher], Any], secret: str = APP.secret) -> Any:
        """What Pusher's library answers, in a thread of its own."""
        place = urlsplit(self.address)
        client = pusher.Pusher("1", APP.key, secret, ssl=False, host=place.hostname, port=place.port)
        return await asyncio.to_thread(act, client)


@asynccontextmanager
async def a_world(log: Log, clock: Callable[[], float] | None = None) -> AsyncIterator[World]:
    occupied, events = Occupied(), AppEvents(log)
    nothing: Any = None
    world = World("", nothing, events, occupied.on)

    def may_tell(channel: str) -> bool:
        return may_publish(channel, TOLD_BY_PRODUCERS & {channel.partition(".")[0]})

    now = clock or (lambda: world.now)
    channels = Channels(occupied, events.last_event, now)
    publishing = Publishing(events, channels, may_tell)
    api = AppApi(APP, publishing, channels, now, lambda *counted: world.counted.append(counted))
    await events.listen(world.hear)
    held = {"response": [as_promised]}
    async with (
        served(Starlette(routes=api.routes())) as world.address,
        a_client(world.address, event_hooks=held) as world.http,
    ):
        yield world
