"""What uvicorn lacks: limits for headers, for how long a request may take to arrive and an answer to be read; one write
for an answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 16 * 1024
HEADERS = 100
ARRIVAL_SECONDS = 10.0
SLOWEST_BYTES = 16 * 1024  # a second of a body: whoever sends a large file slowly is not somebody who sends nothing
UNREAD_SECONDS = 60.0  # of an answer: uvicorn goes on when its client has read 48 KiB
LOOK_EVERY = 2.5


class HeadersTooLarge(Exception):
    """The request's headers are too large."""


class OneWrite:
    """A transport whose writes of one tick leave together: uvicorn writes head and body of an answer apart, and every
    write is a system call and a packet.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._call_soon(self.flush)
        self._parts.append(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class LimitedHttp(HttpToolsProtocol):
    """A connection whose requests arrive in time and with modest headers, or not at all; and whose client reads.

    One timer a connection, not one a request: it looks now and then whether something has been on its way too long.
    """

    _arriving_since: float | None = None
    _header_bytes = 0
    _unread = 0  # bytes since the parser last had something whole for us: headers, a piece of a body, a message
    _unread_since: float | None = None
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", OneWrite(transport, self.loop)))
        self._arriving_since = self.loop.time()
        self._looking = self.loop.call_later(LOOK_EVERY, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._looking is not None:
            self._looking.cancel()

    def eof_received(self) -> None:
        """Who has said all may still listen: what is written by now goes out before the connection closes."""
        self.transport.flush()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        # The parser joins a header's pieces anew with each that arrives, and tells of it only once it is whole.
        if self._unread > HEADER_BYTES:
            self.send_400_response("Invalid HTTP request received.")
            return
        self._unread += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving_since = self.loop.time()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._header_bytes += len(url)
        if self._header_bytes > HEADER_BYTES:
            raise HeadersTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADER_BYTES or len(self.headers) > HEADERS:
            raise HeadersTooLarge

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unread = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._unread = 0
        if self._arriving_since is not None:
            self._arriving_since += len(body) / SLOWEST_BYTES

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unread = 0
        self._arriving_since = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_since = None

    def _look(self) -> None:
        if self._lasts(self._arriving_since, ARRIVAL_SECONDS) or self._lasts(self._unread_since, UNREAD_SECONDS):
            self.transport.abort()
            return
        self._looking = self.loop.call_later(LOOK_EVERY, self._look)

    def _lasts(self, since: float | None, seconds: float) -> bool:
        return since is not None and self.loop.time() - since > seconds
