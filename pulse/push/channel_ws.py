"""S2's socket: `/channel/ws?session=<id>&token=<hmac>` for a visitor, `?type=staff&access_token=<jwt>` for staff.

Nothing is subscribed to: a visitor hears their chat, a moderator every chat they may see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers

from pulse.access import Place, by_moderator, may_call, may_embed, may_see
from pulse.aggregates.chat import Chat
from pulse.directory import Directory
from pulse.errors import BadInput, NotAllowed, NotAuthentic, NotFound, PulseError
from pulse.eventlog.store import EventStore
from pulse.http import json_object
from pulse.push.codes import Code
from pulse.push.hub import Hub, Peer, refuse
from pulse.tokens import Signer


class WrongOrigin(NotAllowed):
    """This website may not open this socket."""


class ChannelWs:
    """Admits sockets and takes their acknowledgements."""

    def __init__(
        self, hub: Hub, directory: Directory, store: EventStore, signer: Signer, clock: Callable[[], datetime]
    ) -> None:
        self.hub = hub
        self.directory = directory
        self.store = store
        self.signer = signer
        self.clock = clock

    def admit(self, connection: ServerConnection, query: Mapping[str, str], headers: Headers) -> Peer:
        """Whose socket this will be, before it is accepted. Raises NotAuthentic, WrongOrigin.

        Tokens are checked here only; what their owner may hear is asked again at every frame.
        """
        if query.get("type") == "staff":
            return self._admit_staff(connection, query.get("access_token", ""), headers)
        return self._admit_visitor(connection, query.get("token", ""), query.get("session", ""), headers)

    def _admit_visitor(self, connection: ServerConnection, token: str, session: str, headers: Headers) -> Peer:
        visit = self.signer.read_channel_token(token, self.clock())
        if str(visit.chat) != session.lower():
            raise NotAuthentic
        if not may_embed(self.directory.source(visit.source).origins, headers.get("Origin")):
            raise WrongOrigin
        return Peer(connection, visit=visit, token=hash(token))

    def _admit_staff(self, connection: ServerConnection, token: str, headers: Headers) -> Peer:
        staff = self.signer.read_staff_token(token, self.clock())
        if self.directory.signed_in(staff) is None:
            raise NotAuthentic
        if not may_call(headers.get("Origin"), headers.get("Host", "")):
            raise WrongOrigin
        return Peer(connection, person_id=staff.person, token=hash(token), signed={staff})

    async def serve(self, peer: Peer) -> None:
        """Serves a socket until it closes."""
        if not self.hub.enter(peer):
            await refuse(peer.connection, Code.TOO_MANY_CONNECTIONS)
            return
        if any(self.directory.signed_in(staff) is None for staff in peer.signed):  # ended since it was admitted
            self.hub.leave(peer)
            await refuse(peer.connection, Code.SESSION_ENDED)
            return
        try:
            async for message in peer.connection:
                await self.hub.pace(peer)
                await self._hear(peer, message)
        finally:
            self.hub.leave(peer)

    async def _hear(self, peer: Peer, message: str | bytes) -> None:
        if self._is_blocked(peer):
            return
        try:
            await self._acknowledge(peer, message)
        except PulseError as error:
            told = {"type": "error", "data": {"code": error.code, "message": str(error)}}
            await peer.connection.send(orjson.dumps(told).decode())

    def _is_blocked(self, peer: Peer) -> bool:
        """Of a blocked visitor nothing is taken in."""
        visit = peer.visit
        return visit is not None and self.directory.block_of(visit.source, visit.peer) is not None

    async def _acknowledge(self, peer: Peer, message: str | bytes) -> None:
        """`{"type":"ack","last_id":n}` moves last seen; staff also say which chat (`session_id`)."""
        heard = json_object(message)
        if heard.get("type") != "ack":
            raise BadInput("Only acknowledgements are understood here.")
        last_id = heard.get("last_id")
        if type(last_id) is not int or not 0 <= last_id < 2**31:
            raise BadInput("last_id must be a message's id.")
        chat_id = peer.visit.chat if peer.visit is not None else _session(heard.get("session_id"))
        by = "customer" if peer.person_id is None else by_moderator(peer.person_id)
        await self.store.decide(Chat, chat_id, partial(self._see, peer, last_id), by=by)

    def _see(self, peer: Peer, up_to: int, chat: Chat | None) -> Chat:
        if chat is None:
            raise NotFound
        if peer.person_id is None:
            chat.see_as_customer(up_to, now=self.clock())
            return chat
        person = self.directory.person(peer.person_id)
        if person is None or not may_see(person, Place(chat.department_id, chat.holder_id)):
            raise NotFound
        chat.see(person.id, up_to, now=self.clock())
        return chat


def _session(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise BadInput("session_id must be a chat's id.") from None
