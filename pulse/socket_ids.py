"""The ids of sockets, as Pusher names them. A request that names its sender's own (`X-Socket-Id`, as Laravel Echo sends
it) is not told of there: what came of it is in the answer already.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

# As Pusher's own libraries check it: a socket id with a colon in it would sign another channel than the asked one.
SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")
HEADER = b"x-socket-id"

# Whose request this is; the store writes it beside whatever comes of the request.
SENDER: ContextVar[str | None] = ContextVar("sender", default=None)


class SenderSocket:
    """An application whose requests are known by the socket that they name; an odd one is none."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            SENDER.set(socket_in(scope["headers"]))  # also None: a connection's requests may share their context
        return self.app(scope, receive, send)


def socket_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The socket that a request names; the first, if it names several."""
    for name, given in headers:
        if name == HEADER:
            named = given.decode("latin-1")
            return named if SOCKET_ID.fullmatch(named) else None
    return None
