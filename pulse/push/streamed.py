"""HTTP answers that go on for as long as their client listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

# nginx gathers answers unless it is told not to; nothing between may compress, for that gathers too.
UNBUFFERED = {"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"}


class Streamed(Response):
    """Each part leaves at once. However it ends, also when the client goes, `over` is called then."""

    def __init__(
        self, parts: AsyncIterator[bytes], media_type: str, over: Callable[[], Awaitable[None]],
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.parts = parts
        self.over = over
        self.init_headers({**UNBUFFERED, **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await unless_gone(receive, self._write(send))
        finally:
            await self.over()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def unless_gone(receive: Receive, work: Coroutine[None, None, T]) -> T | None:
    """Does the work; gives it up when the client leaves."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
