"""The provider's side: keep-alive connections, one request at a time on each, in a process of its own.

Lean on purpose (raw sockets on uvloop, requests made in advance), so that the server is what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import uvloop

from bench.child import coming_orders, say
from bench.report import percentile
from bench.updates import FIRST, Updates


class Line(asyncio.Protocol):
    """A connection. It sends the next request as soon as the last is answered, until there is none."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._answer = b""
        self._began = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.lost(self)

    def go_on(self) -> None:
        request = next(self.load.requests, None)
        if request is None:
            self.load.idle(self)
        else:
            self._began = time.perf_counter()
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data
        head = answer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = answer.lower().find(b"content-length:", 0, head)
        length = int(answer[at + 15 : answer.find(b"\r\n", at)]) if at >= 0 else 0
        if len(answer) >= head + 4 + length:
            self._answer = b""
            self.load.count(ok=answer.startswith(b"HTTP/1.1 200"), began=self._began)
            self.go_on()


class Load:
    """One round: every line busy until the requests run out or the time is up."""

    def __init__(self, requests: Iterator[bytes], seconds: float) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self.failed = 0
        self._seconds = seconds
        self._until = 0.0
        self._busy: set[Line] = set()
        self._done = asyncio.Event()

    async def run(self, port: int, connections: int) -> dict[str, float]:
        """Answers and failures a second, and how long answers took, in seconds."""
        loop = asyncio.get_running_loop()
        lines = [(await loop.create_connection(lambda: Line(self), "127.0.0.1", port))[1] for _ in range(connections)]
        self._busy = set(lines)
        began = time.perf_counter()
        self._until = began + self._seconds
        loop.call_later(self._seconds, self._end)
        for line in lines:
            line.go_on()
        await asyncio.wait_for(self._done.wait(), self._seconds + 30)
        elapsed = min(time.perf_counter() - began, self._seconds)
        for line in lines:
            line.transport.close()
        return {
            "rate": len(self.latencies) / elapsed,
            "answers": len(self.latencies),
            "failed": self.failed,
            "p50": percentile(self.latencies, 0.5),
            "p99": percentile(self.latencies, 0.99),
        }

    def count(self, *, ok: bool, began: float) -> None:
        """Answers that come after the end don't count."""
        now = time.perf_counter()
        if not ok:
            self.failed += 1
        elif now <= self._until:
            self.latencies.append(now - began)

    def idle(self, line: Line) -> None:
        self._busy.discard(line)
        if not self._busy:
            self._done.set()

    def lost(self, line: Line) -> None:
        if line in self._busy:
            self.failed += 1
            self.idle(line)

    def _end(self) -> None:
        self.requests = iter(())


async def _serve_orders(connections: int, chats: int) -> None:
    made: dict[str, Updates] = {}
    say(ready=True)
    async for order in coming_orders():
        port, path, seconds = order["port"], order["path"], order["seconds"]
        first = FIRST + len(made) * FIRST
        updates = made.setdefault(f"{port}{path}", Updates(path, order["secret"], chats, first))
        requests = updates.opening() if order.get("opening") else updates.fresh()
        say(**await Load(requests, seconds).run(port, connections), body_size=updates.body_size)


def run(**arguments: Any) -> None:
    """A child's function: rounds as ordered, by target."""
    uvloop.run(_serve_orders(**arguments))
