"""S2's clients, of whichever transport: a visitor hears their chat, a moderator every chat they may see.

Nothing is subscribed to. Whose a window is is checked before it opens; what its owner may hear, at every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from websockets.datastructures import Headers

from pulse.access import may_call, may_embed
from pulse.cursors import Cursors
from pulse.directory import Directory
from pulse.errors import NotAllowed, NotAuthentic
from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, Wire, wire_of
from pulse.push.hub import Hub
from pulse.push.missed import Comer
from pulse.push.peers import Owner, Peer
from pulse.push.resuming import Resuming
from pulse.push.telling import Telling
from pulse.tokens import Signer, Visit


class WrongOrigin(NotAllowed):
    """This website may not open this socket."""


class SessionEnded(NotAuthentic):
    """Your session has ended. Sign in again."""


class Windows:
    def __init__(
        self, telling: Telling, resuming: Resuming, signer: Signer, clock: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self.telling = telling
        self.resuming = resuming
        self.signer = signer
        self.clock = clock
        self.hub: Hub = telling.hub
        self.directory: Directory = telling.directory
        self.cursors: Cursors = telling.cursors

    def admit(self, query: Mapping[str, str], headers: Headers | Mapping[str, str]) -> Owner:
        """Whose window this will be, before it opens. Raises NotAuthentic (SessionEnded), WrongOrigin."""
        if query.get("type") == "staff":
            return self._admit_staff(query.get("access_token", ""), headers)
        return self._admit_visitor(query.get("token", ""), query.get("session", ""), headers)

    def admit_link(self, chat: str, signature: str, headers: Mapping[str, str]) -> Owner:
        """The same for a signed link to a visitor's stream."""
        visit = self.signer.read_stream_link(signature, self.clock())
        return self._visitor(visit, chat, signature, headers)

    def _admit_visitor(self, token: str, session: str, headers: Headers | Mapping[str, str]) -> Owner:
        return self._visitor(self.signer.read_channel_token(token, self.clock()), session, token, headers)

    def _visitor(self, visit: Visit, session: str, token: str, headers: Headers | Mapping[str, str]) -> Owner:
        if str(visit.chat) != session.lower():
            raise NotAuthentic
        if not may_embed(self.directory.source(visit.source).origins, headers.get("Origin")):
            raise WrongOrigin
        return Owner(visit=visit, token=hash(token))

    def _admit_staff(self, token: str, headers: Headers | Mapping[str, str]) -> Owner:
        staff = self.signer.read_staff_token(token, self.clock())
        if self.directory.signed_in(staff) is None:
            raise SessionEnded
        if not may_call(headers.get("Origin"), headers.get("Host", "")):
            raise WrongOrigin
        return Owner(person_id=staff.person, token=hash(token), staff=staff)

    async def open(self, peer: Peer, cursor: str | None = None, *, polls: bool = False) -> Code | None:
        """Registers a window, and tells it what it missed since `cursor`, in one step; a code when it may not open."""
        await self.hub.turnstile.through()
        missed, reason = await self.resuming.missed(cursor, self._comer(peer, polls=polls))
        if any(self.directory.signed_in(staff) is None for staff in peer.signed):  # ended since it was admitted
            return Code.SESSION_ENDED
        if not self.hub.enter(peer):
            return Code.TOO_MANY_CONNECTIONS
        if reason is not None:
            peer.take(wire_of({"type": "pulse:resync", "data": {"reason": reason}}))
        for wire in missed:
            peer.take(wire)
        peer.take(self.cursor_wire(peer))
        peer.quiet = False  # the next cursor is due in half a minute
        self.telling.warn(peer)
        return None

    def cursor_wire(self, peer: Peer) -> Wire:
        """Says that everything up to here was told."""
        if peer.visit is None:
            return self.staff_cursor_wire()
        return _cursor_wire(self.cursors.seal(self.telling.ring.head, peer.visit.chat))

    def staff_cursor_wire(self) -> Wire:
        """The same to every moderator."""
        return _cursor_wire(self.telling.head())

    def _comer(self, peer: Peer, *, polls: bool) -> Comer:
        if peer.visit is not None:
            chat = peer.visit.chat
            wanted = partial(self.telling.for_visitor, chat)
            return Comer(wanted, channel=f"private-chat.{chat}", chat=chat, polls=polls)
        assert peer.person_id is not None
        return Comer(partial(self.telling.for_staff, peer.person_id), peer.person_id, polls=polls)


def _cursor_wire(cursor: str) -> Wire:
    return wire_of({"type": CURSOR, "data": {"cursor": cursor}}, cursor)
