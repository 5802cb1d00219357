"""Requests without an answer so far, and how their answers are put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pulse.errors import LogDown
from pulse.eventlog.appends import Stored

NOBODY_LISTENS = "503"


def unanswered() -> LogDown:
    return LogDown("The event log did not answer.")


class Asked:
    """A request without an answer so far. `lost` makes the error that a lost answer means."""

    __slots__ = ("deadline", "future", "lost")

    def __init__(self, future: asyncio.Future[Any], deadline: float, lost: Callable[[], LogDown]) -> None:
        self.future = future
        self.deadline = deadline
        self.lost = lost

    def take(self, headers: bytes, body: bytes) -> bool:
        """A part of the answer came. Was it the last?"""
        if not self.future.done():
            if status := status_of(headers):
                self.future.set_exception(LogDown(f"The event log is not ready ({status})."))
            else:
                self.future.set_result(body)
        return True

    def fail(self) -> None:
        if not self.future.done():
            self.future.set_exception(self.lost())


class AskedOthers(Asked):
    """A question to another process: no answer at all is one too."""

    __slots__ = ()

    def take(self, headers: bytes, body: bytes) -> bool:
        if not self.future.done():
            self.future.set_result(None if status_of(headers) == NOBODY_LISTENS else body)
        return True


class AskedPage(Asked):
    """A batched direct get (ADR-31): messages, then a status that ends them."""

    __slots__ = ("found",)

    def __init__(self, future: asyncio.Future[Any], deadline: float, lost: Callable[[], LogDown]) -> None:
        super().__init__(future, deadline, lost)
        self.found: list[Stored] = []

    def take(self, headers: bytes, body: bytes) -> bool:
        status = status_of(headers)
        if not status:
            # The log's own lines come after those of whoever appended.
            position, subject = header(headers, b"Nats-Sequence: "), header(headers, b"Nats-Subject: ")
            self.found.append(Stored(int(position), subject.decode(), body))
            return False
        if not self.future.done():
            if status in ("204", "404"):
                self.future.set_result((self.found, int(header(headers, b"Nats-Num-Pending: ") or 0)))
            else:
                self.future.set_exception(LogDown(f"Reading the log failed ({status})."))
        return True


def status_of(headers: bytes) -> str:
    """The status in a header block's first line, `NATS/1.0 204 EOB`; empty for a message."""
    return headers[9:12].decode() if headers[8:9] == b" " else ""


def header(headers: bytes, name: bytes) -> bytes:
    """The last line of that name; empty without one."""
    at = headers.rfind(name)
    return headers[at + len(name) : headers.find(b"\r\n", at)] if at >= 0 else b""
