"""Ports, and uvicorn on one of them: how an application is served. Only the wiring imports this."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from pulse.errors import Trouble
from pulse.http_limits import LimitedHttp

BACKLOG = 2048
KERNEL_UNSENT = 128 * 1024  # for a client that does not read, the kernel would keep megabytes


class PortTaken(Trouble):
    """Another program listens on this port."""


class CannotListen(Trouble):
    """The port can't be opened."""


def listen(host: str, port: int, door: str) -> socket.socket:
    """A port of the HTTP or the PUSH door, opened before anybody is told that Pulse is ready.

    Raises PortTaken, CannotListen.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = f"Stop it, or set PULSE_{door}_PORT to a free port."
            raise PortTaken(f"Port {port} is taken by another program. {free}") from None
        other = f"Set PULSE_{door}_HOST to an address of this machine and PULSE_{door}_PORT to a port you may open."
        reason = (error.strerror or str(error)).rstrip(".")
        raise CannotListen(f"Pulse can't listen on {host} port {port}: {reason}. {other}") from None
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # accepted sockets inherit it
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT)
    return opened


class HttpServer(uvicorn.Server):
    """uvicorn, but signals are the CLI's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_app(app: ASGIApp, port: socket.socket) -> None:
    """Serves on an open port until cancelled; then requests in flight are answered."""
    # uvicorn gets its socket ready made, because it ends the process when it can't have one.
    config = uvicorn.Config(
        app, interface="asgi3", http=LimitedHttp, ws="none", lifespan="off", backlog=BACKLOG,
        log_config=None, access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_graceful_shutdown=3, timeout_keep_alive=30,
    )  # fmt: skip
    server = HttpServer(config)
    with port:
        try:
            await server.serve([port])
        except asyncio.CancelledError:
            server.should_exit = True
            await server.shutdown([port])
            raise


def tune_gc() -> None:
    """For a process that serves until it ends: whatever there is now is never looked at again, nor given back.

    Full collections of what never dies were most of the slowest percent of requests (23 ms against 4 ms).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 500, 50)
