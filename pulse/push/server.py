"""The push door's port: admits a socket before it is accepted, and hands it to its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from pulse.errors import NotFound, PulseError, TryLater
from pulse.push.channel_ws import ChannelWs
from pulse.push.codes import Code
from pulse.push.peers import Owner, Socket
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay
from pulse.push.seats import Seats, ServerFull

MESSAGE_LIMIT = 64 * 1024
PING_SECONDS, PONG_SECONDS = 30, 20
KERNEL_BUFFER = 256 * 1024
CAPACITY = 20_000
LEAVING_AT_ONCE, LEAVE_SECONDS, LAST_SECONDS = 100, 2.0, 0.5


class NobodyRelays(TryLater):
    """Pulse is starting. Try again in a moment."""


class PushConnection(ServerConnection):
    """A socket that knows whose it is from before it was accepted."""

    owner: Owner


class PushServer:
    """Three doors to one hub: `/app/{key}`, `/channel/ws`, and `/healthz` for whoever watches.

    All of them answer 503 until the relay is ready: a socket that opened earlier would miss what happens meanwhile.
    """

    def __init__(self, channel_ws: ChannelWs, pusher: Pusher, relay: Relay, *, capacity: int = CAPACITY) -> None:
        self.channel_ws = channel_ws
        self.pusher = pusher
        self.relay = relay
        self.seats = Seats(capacity)

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serves while open; yields the port. On leaving, clients are told to come back at once (4200)."""
        await self.relay.begin()
        server = await serve(
            self._serve, host, port, process_request=self._admit, compression=None, max_size=MESSAGE_LIMIT,
            max_queue=8, ping_interval=PING_SECONDS, ping_timeout=PONG_SECONDS, open_timeout=10, close_timeout=2,
            backlog=1024, server_header=None, create_connection=PushConnection, logger=wire_log(),
        )  # fmt: skip
        bound_memory(server)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await send_home(server)

    def require_ready(self) -> None:
        """Raises NobodyRelays."""
        if not self.relay.ready:
            raise NobodyRelays

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, PushConnection)
        try:
            self.require_ready()
            url = urlsplit(request.path)
            if url.path == "/healthz":
                return connection.respond(HTTPStatus.OK, "ok\n")
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            connection.owner = self._owner(request, url.path, query)
        except PulseError as refusal:
            return connection.respond(refusal.status, f"{refusal}\n")
        except (ValueError, LookupError):  # an address that is none, a header given twice
            return connection.respond(HTTPStatus.BAD_REQUEST, "This request can't be read.\n")
        return None

    def _owner(self, request: Request, path: str, query: Mapping[str, str]) -> Owner:
        if path == "/channel/ws":
            return self.channel_ws.windows.admit(query, request.headers)
        if path.startswith("/app/"):
            return Owner()
        raise NotFound

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, PushConnection)
        peer = Socket(connection, connection.owner)
        with contextlib.suppress(ConnectionClosed):
            try:
                with self.seats.one():
                    await self._hand_over(connection, peer)
            except ServerFull:
                await peer.close(Code.OVER_CAPACITY)

    async def _hand_over(self, connection: ServerConnection, peer: Socket) -> None:
        assert connection.request is not None
        url = urlsplit(connection.request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/channel/ws":
            await self.channel_ws.serve(peer, query.get("cursor"))
        else:
            await self.pusher.serve(peer, url.path.removeprefix("/app/"), query)


def bound_memory(server: Server) -> None:
    """Limits of the kernel's own, which accepted sockets inherit: how much waits there, and for how long.

    Pings can't find a client that is there but never reads, because they queue behind what it did not read.
    """
    for listener in server.sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            patience = (PING_SECONDS + PONG_SECONDS) * 1000
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)


async def send_home(server: Server) -> None:
    """Closes everything: in random order and some at a time, because all of them come back at once.

    Whoever does not take leave in time is cut: a client that stopped reading would hold up the closing for ever.
    """
    server.close(close_connections=False)
    connections = list(server.connections)
    random.shuffle(connections)
    closing = []
    for number, connection in enumerate(connections, 1):
        closing.append(asyncio.create_task(connection.close(Code.LEAVING, Code.LEAVING.reason)))
        if number % LEAVING_AT_ONCE == 0:
            await asyncio.sleep(0.05)
    if closing:
        await asyncio.wait(closing, timeout=LEAVE_SECONDS)
    for connection in connections:
        connection.transport.abort()
    with contextlib.suppress(TimeoutError):  # a line that never said what it wanted
        await asyncio.wait_for(server.wait_closed(), LAST_SECONDS)


def wire_log() -> logging.Logger:
    """What websockets has to say, from warnings on: its debug lines hold addresses, and so tokens."""
    log = logging.getLogger("pulse.push.wire")
    log.setLevel(logging.WARNING)
    return log
