"""The lean connection to nats-server that asks and is answered: appends, reads, API calls.

nats-py takes 12–25 µs of Python for a message, this 2–5, and the log is what Pulse is about (docs/decisions/0007).
Protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Self, cast
from urllib.parse import ParseResult

import orjson
import structlog

from pulse.errors import LogDown, TooLarge

CONNECT_SECONDS = 2.0
PING_SECONDS = 5.0
PINGS_MISSED = 2
UNSENT_BYTES = 16 * 1024 * 1024
LINE_BYTES = 64 * 1024  # INFO of a large cluster; the server itself sends no longer lines

log = structlog.get_logger(__name__)

Heard = Callable[[bytes, bytes, bytes], None]  # subject, headers, body


class Wire(asyncio.Protocol):
    """One connection, from `dial` until `lost` is called. What is published in one tick leaves in one write."""

    def __init__(self, heard: Heard, lost: Callable[[], None]) -> None:
        self.up = False
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._info: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._rest = b""
        self._out: list[bytes] = []
        self._max_payload = 0
        self._stuck = False
        self._unanswered = 0
        self._pinging: asyncio.TimerHandle | None = None

    @classmethod
    async def dial(
        cls, url: ParseResult, name: str, inbox: str, heard: Heard, lost: Callable[[], None], *, tls_name: str = ""
    ) -> Self:
        """Connects, proves who we are and listens at `inbox`. Raises LogDown.

        `tls_name` is what the server's certificate has to name, where that is not the host.
        """
        wire = cls(heard, lost)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await wire._connect(url, name, inbox, tls_name)
        except BaseException as error:
            wire.close()
            if not isinstance(error, Exception) or isinstance(error, LogDown):
                raise
            # Whatever it is, an odd peer included: there is no log at the other end.
            said = "no word in time" if isinstance(error, TimeoutError) else repr(error)
            raise LogDown(f"NATS does not answer: {said}") from error
        return wire

    def publish(self, subject: str, body: bytes, reply: str = "", headers: bytes = b"") -> None:
        """Sends a message at the end of this tick. Raises LogDown, TooLarge."""
        if not self.up or self._stuck:
            raise LogDown
        size = len(headers) + len(body)
        if size > self._max_payload:
            raise TooLarge("An event is larger than the log accepts.")
        if not self._out:
            self._loop.call_soon(self._flush)
        command = (
            f"HPUB {subject} {reply} {len(headers)} {size}\r\n" if headers else f"PUB {subject} {reply} {size}\r\n"
        )
        self._out += (command.encode(), headers, body, b"\r\n")

    def close(self) -> None:
        """Ends the connection at once; `lost` is called soon after."""
        if self._transport is not None:
            self._transport.abort()

    # The connection's life

    async def _connect(self, url: ParseResult, name: str, inbox: str, tls_name: str) -> None:
        await self._loop.create_connection(lambda: self, url.hostname or "localhost", url.port or 4222)
        info = await self._info
        if url.scheme == "tls" or info.get("tls_required"):
            await self._secure(tls_name or url.hostname or "")
        self._max_payload = info["max_payload"]
        connect = {
            "verbose": False, "pedantic": False, "headers": True, "no_responders": True, "protocol": 1,
            "lang": "python", "version": "1", "name": name,
        } | _credentials(url)  # fmt: skip
        self._write(b"CONNECT %b\r\nSUB %b 1\r\nPING\r\n" % (orjson.dumps(connect), inbox.encode()))
        await self._ready
        self.up = True
        self._pinging = self._loop.call_later(PING_SECONDS, self._ping)

    async def _secure(self, host: str) -> None:
        assert self._transport is not None
        context = ssl.create_default_context()
        secured = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        assert secured is not None
        self._transport = secured

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A frozen server must not fill our memory: beyond this much unsent, nothing more is taken.
        transport.set_write_buffer_limits(high=UNSENT_BYTES)  # type: ignore[attr-defined]
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its deeds, not by its class

    def pause_writing(self) -> None:
        self._stuck = True

    def resume_writing(self) -> None:
        self._stuck = False

    def connection_lost(self, exc: Exception | None) -> None:
        was_up, self.up = self.up, False
        for future in (self._info, self._ready):
            if not future.done():
                future.set_exception(LogDown(f"NATS ended the connection: {exc or 'without a word'}"))
                future.exception()  # whoever dialled may have given up
        if self._pinging is not None:
            self._pinging.cancel()
        if was_up:
            self._lost()

    def _ping(self) -> None:
        """A server that is gone without a goodbye answers no pings."""
        if self._unanswered >= PINGS_MISSED:
            self.close()
            return
        self._unanswered += 1
        self._write(b"PING\r\n")
        self._pinging = self._loop.call_later(PING_SECONDS, self._ping)

    def _flush(self) -> None:
        out, self._out = b"".join(self._out), []
        self._write(out)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # What the server says

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        at, size = 0, len(buffer)
        while (end := buffer.find(b"\r\n", at)) >= 0:
            line = buffer[at:end]
            if line[:4] not in (b"MSG ", b"HMSG"):
                at = end + 2
                self._hear_control(line)
                continue
            words = line.split(b" ")
            start, stop = end + 2, end + 2 + int(words[-1])
            if size < stop + 2:
                break
            body_at = start + int(words[-2]) if line[:1] == b"H" else start
            at = stop + 2
            self._heard(words[1], buffer[start:body_at], buffer[body_at:stop])
        self._rest = buffer[at:]
        if end < 0 and len(self._rest) > LINE_BYTES:
            self.close()

    def _hear_control(self, line: bytes) -> None:
        if line == b"PING":
            self._write(b"PONG\r\n")
        elif line == b"PONG":
            self._unanswered = 0
            if not self._ready.done():
                self._ready.set_result(None)
        elif line.startswith(b"INFO ") and not self._info.done():
            self._info.set_result(orjson.loads(line[5:]))
        elif line.startswith(b"-ERR"):
            self._refused(line[5:].decode(errors="replace").strip("'"))

    def _refused(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(LogDown(f"NATS refused the connection: {reason}"))
            self._ready.exception()
        else:
            log.warning("nats", error=reason)


def _credentials(url: ParseResult) -> dict[str, str]:
    """A user and a password, or a token in the user's place, as nats-py reads them."""
    if url.password is not None:
        return {"user": url.username or "", "pass": url.password}
    return {"auth_token": url.username} if url.username else {}
