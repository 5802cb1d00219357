"""A provider that posts at a steady pace whatever the answers, and a moderator's socket that hears of it.

Plain sockets and select(2), whose timeout is exact: a timer of an event loop is a millisecond late.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

import orjson

from bench.child import orders, say
from bench.report import Figure, percentile
from bench.sockets import first_frame, open_socket
from bench.updates import FIRST, Updates

LINES = 64
GRACE = 2.0  # seconds for what is still on its way at the end


class Pace:
    """One run. Times are the machine's monotonic clock, which the server shares."""

    def __init__(self, requests: Iterator[bytes], port: int, staff: socket.socket) -> None:
        self.requests = requests
        self.staff = staff
        self.free = deque(socket.create_connection(("127.0.0.1", port)) for _ in range(LINES))
        self.busy: dict[socket.socket, tuple[int, bytes]] = {}
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.scheduled: dict[int, float] = {}
        self.answered: dict[int, float] = {}
        self.heard: dict[int, tuple[int, str, float]] = {}  # number -> position, chat, when
        self._buffer = b""

    def run(self, rate: float, seconds: float, first: int) -> None:
        """Sends at the set moments; one that finds no free connection waits, and its clock runs."""
        began, sent, total = time.monotonic() + 0.05, 0, max(int(rate * seconds), 1)
        end = began + seconds + GRACE
        while (now := time.monotonic()) < end and len(self.heard) < total:
            while sent < total and began + sent / rate <= now:
                self.scheduled[first + sent] = began + sent / rate
                self.waiting.append((first + sent, next(self.requests)))
                sent += 1
            self._send_waiting()
            due = began + sent / rate if sent < total else end
            self._take(max(0.0, min(due, end) - time.monotonic()))
        for line in [*self.free, *self.busy]:
            line.close()

    def _send_waiting(self) -> None:
        while self.waiting and self.free:
            number, request = self.waiting.popleft()
            line = self.free.popleft()
            line.sendall(request)
            self.busy[line] = number, b""

    def _take(self, timeout: float) -> None:
        for ready in select.select([self.staff, *self.busy], [], [], timeout)[0]:
            if ready is self.staff:
                self._hear(ready.recv(1 << 16), time.monotonic())
            else:
                self._answer(ready)

    def _answer(self, line: socket.socket) -> None:
        number, so_far = self.busy[line]
        so_far += line.recv(4096)
        if so_far.endswith(b"{}"):  # all there is to a 200 for Telegram
            self.answered[number] = time.monotonic()
            del self.busy[line]
            self.free.append(line)
        else:
            self.busy[line] = number, so_far

    def _hear(self, part: bytes, now: float) -> None:
        self._buffer += part
        while (frame := first_frame(self._buffer)) is not None:
            payload, self._buffer = frame
            if b'"chat.message"' in payload:
                heard = orjson.loads(payload)
                number = int(heard["data"]["text"].rsplit(" ", 1)[1])
                if number in self.scheduled:  # others may speak too
                    self.heard[number] = heard["seq"], heard["session_id"], now


def run(port: int, push_port: int, path: str, secret: str, token: str, **said: int) -> None:
    """A child's function: runs as ordered, and tells every message's times. What is `said` where, Updates knows."""
    first = FIRST * 5
    updates = Updates(path, secret, first=first, **said)
    say(ready=True)
    for order in orders():
        # Opened anew each time: whoever does not read is cut.
        staff = open_socket(push_port, f"/channel/ws?type=staff&access_token={token}")
        pace = Pace(updates.fresh(), port, staff)
        pace.run(order["rate"], order["seconds"], first)
        staff.close()
        first += len(pace.scheduled)
        say(
            sent=len(pace.scheduled),
            messages=[
                {"number": number, "position": position, "chat": chat, "scheduled": pace.scheduled[number],
                 "answered": pace.answered.get(number), "heard": at}
                for number, (position, chat, at) in pace.heard.items()
            ],
        )  # fmt: skip


def latencies(messages: Sequence[dict[str, Any]], since: float = 0.0, until: float = inf) -> list[float]:
    """Milliseconds from the moment a message was to be posted until it was heard, of those to be posted between two."""
    return [(told["heard"] - told["scheduled"]) * 1e3 for told in messages if since <= told["scheduled"] <= until]


def delivery_figures(what: str, found: Sequence[float]) -> list[Figure]:
    return [
        Figure(f"{what}, p50", [percentile(found, 0.5)], "ms", f"{len(found):,} messages"),
        Figure(f"{what}, p99", [percentile(found, 0.99)], "ms", f"at most {max(found, default=0):.0f}"),
    ]
