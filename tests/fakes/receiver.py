"""Another system that wants to be told of events: it checks signatures and reads CloudEvents with libraries of others.

`posts` is all that came, in order; `taken` what was answered with success. A `Mood` is how it takes one post: queued with
`next`, for the next post.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from tests.fakes.serving import served

FLOOD = b"x" * 65536


@dataclass
class Mood:
    """`held`: no answer before it is set. `flood`: the body never ends."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None
    flood: bool = False


@dataclass(frozen=True)
class Received:
    """A post as it came; nothing of it is kept unless the signature is right."""

    headers: dict[str, str]
    body: bytes
    event: BaseCloudEvent
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def text(self) -> str:
        return str(self.data["message"]["text"])

    @property
    def data(self) -> dict[str, Any]:
        found: Any = self.event.get_data()
        return dict(found)


class Receiver:
    def __init__(self) -> None:
        self.address = ""
        self.secret = ""
        self.posts: list[Received] = []
        self._moods: deque[Mood] = deque()
        self._came = asyncio.Condition()

    @property
    def place(self) -> str:
        """host:port"""
        return self.address.removeprefix("http://")

    @property
    def taken(self) -> list[Received]:
        return [post for post in self.posts if post.status < 300]

    @property
    def texts(self) -> list[str]:
        return [post.text for post in self.posts]

    def next(self, *moods: Mood) -> None:
        self._moods.extend(moods)

    async def until(self, count: int) -> None:
        """That many posts have come, whatever was answered."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.posts) >= count)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        mood = self._moods.popleft() if self._moods else Mood()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await self._keep(headers, body, mood.status)
        if mood.held is not None:
            await mood.held.wait()
        answered = [(name.encode(), value.encode()) for name, value in mood.headers.items()]
        await send({"type": "http.response.start", "status": mood.status, "headers": answered})
        while mood.flood:
            await send({"type": "http.response.body", "body": FLOOD, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})

    async def _keep(self, headers: dict[str, str], body: bytes, status: int) -> None:
        Webhook(self.secret).verify(body, headers)  # raises
        event = from_structured(HTTPMessage(headers, body), JSONFormat())
        async with self._came:
            self.posts.append(Received(headers, body, event, status))
            self._came.notify_all()


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """On a free port of loopback."""
    receiver = Receiver()
    async with served(receiver) as receiver.address:
        yield receiver
