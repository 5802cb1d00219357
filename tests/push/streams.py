"""Clients without sockets: Server-Sent Events as a browser reads them, and push doors of their own on an HTTP port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
import pytest

from pulse.desk.app import http_app
from pulse.house import House, now
from pulse.http_headers import AnswerHeaders
from pulse.limits import Rate
from pulse.push import http_windows, xhr
from pulse.push.leaving import end_answers
from pulse.push.porter import CAPACITY, Porter
from pulse.push.ring import Ring
from pulse.push.server import PushServer
from pulse.push.xhr import Xhr
from pulse.serving import listen, serve_app
from pulse.tokens import Visit
from pulse.wiring.push_parts import PushParts, push_parts, stream_routes
from tests.conftest import a_client
from tests.push.ears import PATIENCE, staff_token


@dataclass
class Block:
    """One event of a stream, or a comment."""

    event: str = ""
    data: Any = None
    id: str | None = None
    retry: int | None = None
    comment: bool = False


@dataclass
class Stream:
    """An open stream; `last_id` is what a browser would come back with."""

    answer: httpx2.Response
    last_id: str | None = None
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = self.answer.aiter_lines()

    async def next(self) -> Block:
        """Raises StopAsyncIteration at the end."""
        block, empty = Block(), True
        async with asyncio.timeout(PATIENCE):
            while (line := await anext(self.lines)) or empty:
                name, _, value = line.partition(":")
                block.comment |= name == ""
                if name in ("event", "id"):
                    setattr(block, name, value.strip())
                elif name in ("data", "retry"):
                    setattr(block, name, json.loads(value))
                empty = False
        self.last_id = block.id or self.last_id
        self.blocks.append(block)
        return block

    async def event(self) -> Block:
        """The next that a page is told of."""
        while not (block := await self.next()).event:
            pass
        return block

    async def placed(self) -> str:
        """Its first cursor: from here on it hears everything."""
        while self.last_id is None:
            await self.next()
        return self.last_id

    async def up_to(self, position: int) -> list[Any]:
        """For staff: what it is told up to a position."""
        told: list[Any] = []
        while not told or told[-1].get("seq", 0) < position:
            told.append((await self.event()).data)
        return told

    async def up_to_version(self, version: int) -> list[Any]:
        """For visitors."""
        told: list[Any] = []
        while not told or told[-1]["data"].get("version", 0) < version:
            told.append((await self.event()).data)
        return told

    async def ended(self) -> list[Block]:
        """What comes until it ends."""
        start = len(self.blocks)
        try:
            while True:
                await self.next()
        except StopAsyncIteration:
            return self.blocks[start:]


@asynccontextmanager
async def stream(http: httpx2.AsyncClient, path: str, **headers: str) -> AsyncIterator[Stream]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.stream("GET", path, headers=sent, timeout=PATIENCE) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Stream(answer)


def stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """For limits: however long a test takes, nothing is given back meanwhile. Before the door is made."""
    for module in (http_windows, xhr):
        monkeypatch.setattr(module, "Rate", partial(Rate, clock=lambda: 0.0))


def staff_query(house: House, who: UUID) -> str:
    return f"type=staff&access_token={staff_token(house, who)}"


def visitor_query(house: House, visit: Visit) -> str:
    return f"session={visit.chat}&token={house.signer.channel_token(visit)}"


@dataclass
class HttpDoor:
    """Push of a process of its own, without the port for sockets."""

    parts: PushParts
    server: PushServer
    xhr: Xhr
    http: httpx2.AsyncClient
    leave: asyncio.Task[None]

    @property
    def address(self) -> str:
        return str(self.http.base_url).rstrip("/")


@asynccontextmanager
async def an_http_door(
    house: House, clock: Callable[[], datetime] = now, *, ring: Ring | None = None, capacity: int = CAPACITY,
    relaying: bool = True,
) -> AsyncIterator[HttpDoor]:  # fmt: skip
    parts = push_parts(house, clock, ring=ring)
    server = PushServer(parts.channel_ws, parts.pusher, parts.relay, Porter(capacity), house.metrics)
    await parts.relay.begin()
    fallback = Xhr(parts.pusher, server, house.log)
    app = http_app([], stream_routes(parts, server, fallback), house.check, {}, {})
    port = listen("127.0.0.1", 0, "HTTP")
    address = f"http://127.0.0.1:{port.getsockname()[1]}"
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(serve_app(AnswerHeaders(app, tls=False), port))]
        leaving = group.create_task(end_answers(parts.hub))
        if relaying:
            running.append(group.create_task(parts.relay.run()))
            assert parts.relay.follow is not None
            await parts.relay.follow.caught_up.wait()
        async with a_client(address) as http:
            yield HttpDoor(parts, server, fallback, http, leaving)
        for task in (*running, leaving):
            task.cancel()
