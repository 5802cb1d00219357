"""The push door's port: admits a socket before it is accepted, and hands it to its protocol."""

from __future__ import annotations

import contextlib
import logging
import socket as sockets
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from pulse.errors import NotFound, PulseError, Trouble, TryLater
from pulse.metrics import Metrics
from pulse.push.channel_ws import ChannelWs
from pulse.push.codes import Code
from pulse.push.entrance import enter_by
from pulse.push.leaving import send_home
from pulse.push.peers import GOODBYE_SECONDS, NOBODY, Owner, Peer, Socket
from pulse.push.pings import PING_SECONDS, PONG_SECONDS, PushConnection
from pulse.push.porter import Porter, ServerFull
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay

MESSAGE_LIMIT = 64 * 1024
KERNEL_BUFFER = 256 * 1024


class NobodyRelays(TryLater):
    """Pulse is starting. Try again in a moment."""


class PushServer:
    """Two doors to one hub, `/app/{key}` and `/channel/ws`; `/healthz` is for whoever watches.

    All of them answer 503 until the relay is ready: a socket that opened earlier would miss what happens meanwhile.
    """

    def __init__(self, channel_ws: ChannelWs, pusher: Pusher, relay: Relay, porter: Porter, metrics: Metrics) -> None:
        self.channel_ws = channel_ws
        self.pusher = pusher
        self.relay = relay
        self.porter = porter
        self.metrics = metrics
        self._server: Server | None = None

    @property
    def is_open(self) -> bool:
        """Does the port take anybody in?"""
        return self._server is not None and self._server.is_serving()

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serves while open; yields the port. On leaving, clients are told to come back at once (4200)."""
        await self.relay.begin()
        serving = serve(
            self._serve, process_request=self._admit, compression=None, max_size=MESSAGE_LIMIT, max_queue=8,
            ping_interval=None, open_timeout=10, close_timeout=GOODBYE_SECONDS, server_header=None,
            create_connection=PushConnection, logger=wire_log(),
        )  # fmt: skip
        server = self._server = await enter_by(serving, host, port, self.porter)
        bound_memory(server)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await send_home(server, self.pusher.hub)

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
            connection.address = self.porter.address_of(connection, request)
            await self.pusher.hub.turnstile.through()
            with self.metrics.auth.time():
                connection.owner = self._owner(request, url.path, query_of(url.query))
        except PulseError as refusal:
            return refused(connection, refusal)
        except (ValueError, LookupError):  # an address that is none, a header given twice
            return connection.respond(HTTPStatus.BAD_REQUEST, "This request can't be read.\n")
        return None

    def _owner(self, request: Request, path: str, query: Mapping[str, str]) -> Owner:
        if path == "/channel/ws":
            return self.channel_ws.windows.admit(query, request.headers)
        if path.startswith("/app/"):
            self.porter.require_origin(request.headers)
            return NOBODY
        raise NotFound

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, PushConnection)
        connection.become_known()
        socket = Socket(connection, self.pusher.hub.post, connection.owner)
        socket.address = connection.address
        try:
            with contextlib.suppress(ConnectionClosed), self.porter.seat(connection.address):
                await self._hand_over(connection, socket)
        except ServerFull:
            await socket.close(Code.OVER_CAPACITY)
        finally:
            self.count_out(socket, connection.close_code)

    async def _hand_over(self, connection: PushConnection, socket: Socket) -> None:
        assert connection.request is not None
        url = urlsplit(connection.request.path)
        if url.path == "/channel/ws":
            await self.channel_ws.serve(socket, query_of(url.query).get("cursor"))
        elif self.porter.wants_tls(connection.remote_address, connection.request.headers.get("X-Forwarded-Proto")):
            await socket.close(Code.TLS_ONLY)
        else:
            await self.pusher.serve(socket, url.path.removeprefix("/app/"), query_of(url.query))

    def count_out(self, peer: Peer, code: int | None = None) -> None:
        """Once for each client that has gone, of whichever door, with how its line was closed if we did not end it."""
        if peer.dismissed is Code.TOO_SLOW:
            self.metrics.slow_closes.inc()
        code = peer.dismissed or code
        self.metrics.disconnects.labels("none" if code is None else str(int(code))).inc()


def refused(connection: ServerConnection, refusal: PulseError) -> Response:
    """The answer to who is not let in."""
    response = connection.respond(refusal.status, f"{refusal}\n")
    if isinstance(refusal, Trouble):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def query_of(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def bound_memory(server: Server) -> None:
    """Limits of the kernel's own, which accepted sockets inherit: how much waits there, and for how long.

    Pings can't find a client that is there but never reads, because they queue behind what it did not read.
    """
    for listener in server.sockets:
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, KERNEL_BUFFER)
        if hasattr(sockets, "TCP_USER_TIMEOUT"):
            patience = (PING_SECONDS + PONG_SECONDS) * 1000
            listener.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, patience)


def wire_log() -> logging.Logger:
    """What websockets has to say, from warnings on: its debug lines hold addresses, and so tokens."""
    log = logging.getLogger("pulse.push.wire")
    log.setLevel(logging.WARNING)
    return log
