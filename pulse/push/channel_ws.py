"""S2's socket: `/channel/ws?session=<id>&token=<hmac>` for a visitor, `?type=staff&access_token=<jwt>` for staff.

With `cursor=` in its address it begins with what was missed.
"""

from __future__ import annotations

from uuid import UUID

from pulse.errors import BadInput, PulseError
from pulse.eventlog.envelope import NEWER_HISTORY, UnknownEvent
from pulse.http import json_object
from pulse.push.acks import WRITTEN_BY_NEWER, Acks
from pulse.push.encoding import wire_of
from pulse.push.peers import Socket
from pulse.push.windows import Windows


class ChannelWs:
    """Serves windows over WebSocket and takes their acknowledgements."""

    def __init__(self, windows: Windows, acks: Acks) -> None:
        self.windows = windows
        self.acks = acks

    async def serve(self, socket: Socket, cursor: str | None = None) -> None:
        """Serves a socket until it closes."""
        hub = self.windows.hub
        try:
            if (refusal := await self.windows.open(socket, cursor)) is not None:
                await socket.close(refusal)
                return
            async for message in socket.connection:
                await hub.pace(socket)
                await self._hear(socket, message)
        finally:
            hub.leave(socket)

    async def _hear(self, socket: Socket, message: str | bytes) -> None:
        if self._is_blocked(socket):
            return
        try:
            await self._acknowledge(socket, message)
        except NEWER_HISTORY:
            _complain(socket, UnknownEvent().code, WRITTEN_BY_NEWER)
        except PulseError as error:
            _complain(socket, error.code, str(error))

    def _is_blocked(self, socket: Socket) -> bool:
        """Of a blocked visitor nothing is taken in."""
        visit = socket.visit
        return visit is not None and self.windows.directory.block_of(visit.source, visit.peer) is not None

    async def _acknowledge(self, socket: Socket, message: str | bytes) -> None:
        """`{"type":"ack","last_id":n}` moves last seen; staff also say which chat (`session_id`)."""
        heard = json_object(message)
        if heard.get("type") != "ack":
            raise BadInput("Only acknowledgements are understood here.")
        chat = socket.visit.chat if socket.visit is not None else _session(heard.get("session_id"))
        await self.acks.take(chat, heard.get("last_id"), socket.person_id)


def _session(text: object) -> UUID:
    try:
        return UUID(text if isinstance(text, str) else "")
    except ValueError:
        raise BadInput("session_id must be a chat's id.") from None


def _complain(socket: Socket, code: str, message: str) -> None:
    socket.take(wire_of({"type": "error", "data": {"code": code, "message": message}}))
