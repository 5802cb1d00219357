"""The push door's port: admits a socket before it is accepted, and hands it to its protocol."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from pulse.errors import NotAllowed, PulseError
from pulse.push.channel_ws import ChannelWs
from pulse.push.hub import Peer
from pulse.push.protocol import Pusher

MESSAGE_LIMIT = 64 * 1024
PING_SECONDS = 30


class PushConnection(ServerConnection):
    """A socket that knows whose it is from before it was accepted."""

    peer: Peer


class PushServer:
    """Three doors to one hub: `/app/{key}`, `/channel/ws`, and `/healthz` for whoever watches."""

    def __init__(self, channel_ws: ChannelWs, pusher: Pusher) -> None:
        self.channel_ws = channel_ws
        self.pusher = pusher

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serves while open; yields the port. On leaving, clients are told to come back at once (4200)."""
        server = await serve(
            self._serve, host, port, process_request=self._admit, compression=None, max_size=MESSAGE_LIMIT,
            max_queue=8, ping_interval=PING_SECONDS, ping_timeout=20, open_timeout=10, close_timeout=2, backlog=1024,
            server_header=None, create_connection=PushConnection,
        )  # fmt: skip
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close(code=4200, reason="Pulse is restarting.")
            await server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, PushConnection)
        url = urlsplit(request.path)
        if url.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        try:
            if url.path == "/channel/ws":
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                connection.peer = self.channel_ws.admit(connection, query, request.headers)
            elif url.path.startswith("/app/"):
                connection.peer = Peer(connection)
            else:
                return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        except NotAllowed as refusal:
            return connection.respond(HTTPStatus.FORBIDDEN, f"{refusal}\n")
        except PulseError as refusal:
            return connection.respond(HTTPStatus.UNAUTHORIZED, f"{refusal}\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, PushConnection)
        assert connection.request is not None
        peer = connection.peer
        if peer.person_id is not None or peer.visit is not None:
            await self.channel_ws.serve(peer)
        else:
            await self.pusher.serve(peer, app_key=urlsplit(connection.request.path).path.removeprefix("/app/"))
