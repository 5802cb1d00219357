"""S2's stream for those who can't have a socket: Server-Sent Events on `/channel/sse`, and behind a visitor's link.

https://html.spec.whatwg.org/multipage/server-sent-events.html. What it tells is what `/channel/ws` tells.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, Wire
from pulse.push.http_windows import HttpWindows, network
from pulse.push.outlet import Outlet
from pulse.push.peers import Owner
from pulse.push.streamed import Streamed
from pulse.push.windows import SessionEnded

EVENTS = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
SOONEST, SPREAD = 1000, 4000  # milliseconds, drawn for each, so that a crowd does not come back at once


class ChannelSse:
    def __init__(self, doors: HttpWindows) -> None:
        self.doors = doors

    def routes(self) -> list[Route]:
        cors = self.doors.cors
        return [
            Route("/channel/sse", cors(self.stream), methods=["GET", "OPTIONS"]),
            Route("/chat/{session_id}/stream", cors(self.signed_stream), methods=["GET", "OPTIONS"]),
        ]

    async def stream(self, request: Request) -> Response:
        """Whose it is says the query, as for a socket. 204 tells a browser to come back no more: its session ended."""
        cursor = cursor_in(request)
        self.doors.opened.require(network(request))
        try:
            owner = self.doors.windows.admit(request.query_params, request.headers)
            return await self._tell(request, owner, cursor)
        except SessionEnded:
            if cursor is None:
                raise
            return Response(status_code=204)

    async def signed_stream(self, request: Request) -> Response:
        """A visitor's, for who has the link and nothing else."""
        self.doors.opened.require(network(request))
        signature = request.query_params.get("sig", "")
        owner = self.doors.windows.admit_link(request.path_params["session_id"], signature, request.headers)
        return await self._tell(request, owner, cursor_in(request))

    async def _tell(self, request: Request, owner: Owner, cursor: str | None) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EVENTS)
        open_until = AsyncExitStack()
        outlet = await open_until.enter_async_context(self.doors.window(owner, cursor, network(request)))
        return Streamed(blocks(outlet), EVENTS, open_until.aclose)


async def blocks(outlet: Outlet) -> AsyncIterator[bytes]:
    """Everything that is told, until it ends; a comment where nothing is, so that nobody between hangs up."""
    yield b"retry: %d\n\n" % (SOONEST + secrets.randbelow(SPREAD))
    while True:
        if told := outlet.drain():
            yield b"".join(map(block, told))
        elif outlet.code is not None:
            yield farewell(outlet.code)
            return
        else:
            await outlet.wait(HEARTBEAT_SECONDS)
            if outlet.idle:
                yield b":\n\n"


def block(wire: Wire) -> bytes:
    """An event. Where there is only an id, the browser moves its cursor and tells nobody."""
    place = b"" if wire.cursor is None else b"id: %b\n" % wire.cursor.encode()
    if wire.name == CURSOR:
        return place + b"\n"
    return b"%bevent: %b\ndata: %b\n\n" % (place, wire.name.encode(), wire.payload)


def farewell(code: Code) -> bytes:
    said = orjson.dumps({"type": "pulse:close", "data": {"code": code, "reason": code.reason}})
    return b"event: pulse:close\ndata: %b\n\n" % said


def cursor_in(request: Request) -> str | None:
    """The newest that the client knows: a browser that comes back by itself has it in the header."""
    query = request.query_params
    return request.headers.get("last-event-id") or query.get("last_event_id") or query.get("cursor") or None
