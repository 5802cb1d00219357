"""The open port, whose visitors come in one after the other: uvloop would accept a whole crowd in one turn of the loop,
and whoever is connected already would hear nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections.abc import Callable
from typing import Any

import structlog
from websockets.asyncio.server import Server

from pulse.logs import Outage
from pulse.push.pings import PushConnection
from pulse.push.porter import Porter, ServerFull

BACKLOG = 4096
RETRY_SECONDS = 0.1

log = structlog.get_logger(__name__)


class Entrance:
    """Takes the place of the server that websockets would have made. The porter says how many lines may come and say
    nothing."""

    def __init__(self, host: str, port: int, protocols: Callable[[], PushConnection], porter: Porter) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self._listener.setblocking(False)
        self._protocols = protocols
        self._porter = porter
        self._accepting = asyncio.create_task(self._accept())

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return (self._listener,)

    def is_serving(self) -> bool:
        return not self._accepting.done()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def close(self) -> None:
        self._accepting.cancel()
        self._listener.close()

    async def wait_closed(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._accepting

    async def _accept(self) -> None:
        outage = Outage("entrance")
        while True:
            try:
                await self._let_in()
                outage.ended()
            except OSError as trouble:  # too many open files, or somebody who has gone again
                outage.began(trouble)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("push.not_let_in")  # whatever is wrong with one, the next may come in
                await asyncio.sleep(RETRY_SECONDS)

    async def _let_in(self) -> None:
        loop = asyncio.get_running_loop()
        line, (host, *_) = await loop.sock_accept(self._listener)
        with contextlib.ExitStack() as unless_in:
            unless_in.callback(line.close)
            try:
                known = self._porter.hold(host)
            except ServerFull:
                return
            unless_in.callback(known)
            await loop.connect_accepted_socket(lambda: self._connection(known), line)
            unless_in.pop_all()

    def _connection(self, known: Callable[[], None]) -> PushConnection:
        connection = self._protocols()
        connection.when_known = known
        return connection


def enter_by(server: Server, host: str, port: int, porter: Porter) -> Server:
    """The same, but its visitors come in by an Entrance."""
    # websockets makes its protocols in a function that it hands to the loop's create_server and to nobody else.
    protocols = inspect.getclosurevars(server.create_server).nonlocals["protocol_factory"]

    async def create_server() -> Any:
        return Entrance(host, port, protocols, porter)

    server.create_server = create_server
    return server
