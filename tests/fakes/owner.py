"""The owner of the app, whom Pusher's webhooks tell of it: keeps what is posted, and answers as a test wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fakes.serving import served

PATIENCE = 20


@dataclass
class Owner:
    """The app's owner, who is told. `answers` are the statuses of the next posts, then 200."""

    answers: deque[int] = field(default_factory=deque)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    address: str = ""

    @property
    def place(self) -> str:
        return self.address.removeprefix("http://")

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in orjson.loads(body)["events"]]

    async def until_posts(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self.came:
            await self.came.wait_for(lambda: len(self.bodies) >= count)

    async def until(self, *channels: str) -> None:
        async with asyncio.timeout(PATIENCE), self.came:
            await self.came.wait_for(lambda: [event["channel"] for event in self.events] == list(channels))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status = self.answers.popleft() if self.answers else 200
        async with self.came:
            self.bodies.append(body)
            self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            self.came.notify_all()
        location = [(b"location", b"/elsewhere")] if 300 <= status < 400 else []
        await send({"type": "http.response.start", "status": status, "headers": location})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def an_owner() -> AsyncIterator[Owner]:
    """On a free port of loopback."""
    owner = Owner()
    async with served(owner) as owner.address:
        yield owner
