"""Limits that uvicorn lacks: how large headers may be, and how long a request may take to arrive."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 16 * 1024
HEADERS = 100
ARRIVAL_SECONDS = 10.0
LOOK_EVERY = 2.5


class HeadersTooLarge(Exception):
    """The request's headers are too large."""


class LimitedHttp(HttpToolsProtocol):
    """A connection whose requests arrive in time and with modest headers, or not at all.

    One timer a connection, not one a request: it looks now and then whether something has been arriving too long.
    """

    _arriving_since: float | None = None
    _header_bytes = 0
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arriving_since = self.loop.time()
        self._looking = self.loop.call_later(LOOK_EVERY, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._looking is not None:
            self._looking.cancel()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving_since = self.loop.time()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving_since = None

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES or len(self.headers) > HEADERS:
            raise HeadersTooLarge

    def _look(self) -> None:
        since = self._arriving_since
        if since is not None and self.loop.time() - since > ARRIVAL_SECONDS:
            self.transport.abort()
            return
        self._looking = self.loop.call_later(LOOK_EVERY, self._look)
