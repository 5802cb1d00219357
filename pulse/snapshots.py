"""Snapshots: what people load before they listen. Each says in `X-Pulse-Cursor` from where on to listen."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulse.cursors import Cursor, Cursors
from pulse.errors import ReadsDown
from pulse.projections.reads import Reads

HEADER = "X-Pulse-Cursor"
ADDRESSES = re.compile(
    r"GET /api/(chats|rooms)(/[^/]+(/messages)?)?"
    r"|GET /api/notifications"
    r"|GET /api/widget/messages|POST (/api/widget|/chat)/session"
    r"|GET /chat/session/[^/]+/channel-token"
)


def is_snapshot(method: str, path: str) -> bool:
    return ADDRESSES.fullmatch(f"{method} {path}") is not None


class Snapshots:
    """An application whose snapshots tell their cursor.

    It is taken before anything is read: the rows are as new or newer. Visitors get theirs sealed, for the chat that
    their door noted in the request's state.
    """

    def __init__(self, app: ASGIApp, reads: Reads, cursors: Cursors) -> None:
        self.app = app
        self.reads = reads
        self.cursors = cursors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_snapshot(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        position = await self._position()

        async def with_cursor(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200 and position is not None:
                told = self._told(Cursor(position), state)
                message["headers"] = [*message["headers"], (HEADER.lower().encode(), told.encode())]
            await send(message)

        await self.app(scope, receive, with_cursor)

    async def _position(self) -> int | None:
        """What was announced last is less than there is, or as much. None while nobody can tell."""
        if self.reads.position:
            return self.reads.position
        with contextlib.suppress(ReadsDown):
            return await self.reads.reached()
        return None

    def _told(self, cursor: Cursor, state: dict[str, Any]) -> str:
        chat = state.get("visited")
        return self.cursors.write(cursor) if chat is None else self.cursors.seal(cursor, chat)
