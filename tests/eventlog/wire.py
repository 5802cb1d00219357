"""A wire between a Log and nats-server that loses the next append, or what the server says to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self
from urllib.parse import urlsplit

from pulse.errors import LogDown
from pulse.eventlog.jetstream import Log
from tests.insisting import insist

APPEND = b"PUB pulse.ev."


async def back(log: Log) -> None:
    """Returns when the log answers again: its two connections find the server by themselves and tell nobody."""
    await insist(log.last_position, despite=LogDown)


class Wire:
    """`lose_next`: `reply` (swallowed), `cut` (the connection ends instead of the reply), `end` (and
    nobody gets through any more), `garble` (it can't be read), `request` (it ends before the request got through) or `hold` (the request arrives just before the next one)."""

    def __init__(self, nats_url: str) -> None:
        self._there = urlsplit(nats_url)
        self._next = ""
        self._losing = ""
        self._held = b""
        self._over = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.before_append: Callable[[], Awaitable[None]] | None = None
        self.lost = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._there._replace(
            netloc=f"{self._there.username}:{self._there.password}@127.0.0.1:{port}"
        ).geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        self._server.close()
        self._cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lose_next(self, how: str) -> None:
        self._next = how

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._there.hostname, self._there.port)
        self._writers |= {writer, there_writer}
        if self._over:  # it was on its way in when everything was cut
            self._cut()
            return
        for pump in (self._requests(reader, there_writer), self._replies(there_reader, writer)):
            task = asyncio.ensure_future(pump)
            self._tasks.add(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 20):
            if APPEND in data and self.before_append is not None:
                await self.before_append()
            if APPEND in data:
                data, self._held = self._held + data, b""
                self._losing, self._next = self._next or self._losing, ""
            if self._losing == "request":
                self._cut()
                return
            if self._losing == "hold":
                self._held, self._losing = data, ""
                self.lost.set()
                continue
            writer.write(data)

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 20):
            losing, self._losing = self._losing, ""
            if losing == "end":
                self._server.close()
            if losing in ("cut", "end"):
                self._cut()
                return
            if losing == "reply":
                self.lost.set()
                continue
            if losing == "garble":
                data = data.replace(b'"seq"', b'"???"')
            writer.write(data)

    def _cut(self) -> None:
        self._losing = ""
        self.lost.set()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
