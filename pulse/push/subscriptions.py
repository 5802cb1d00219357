"""A Pusher client subscribes: what it needs for that, what it is told, and what it missed.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/#subscription-events
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple
from uuid import UUID

from pulse.access import needs_signature, sign_in_will_do
from pulse.channel_rights import May, everybody, nobody
from pulse.errors import BadInput, LogDown, NotAllowed, NotAuthentic, PulseError, TryLater
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.http import json_object
from pulse.push.catch_ups import CatchUp
from pulse.push.codes import Code
from pulse.push.encoding import Wire
from pulse.push.evicting import Evicting
from pulse.push.frames import Data
from pulse.push.hub import Hub
from pulse.push.missed import Comer, Reason
from pulse.push.names import A_CHANNEL, CHANNEL
from pulse.push.peers import Comeback, Peer, Ticket, say
from pulse.push.resuming import Resuming
from pulse.push.telling import Telling
from pulse.push.tickets import Tickets
from pulse.push.welcome import Welcome
from pulse.pusher_app import CHANNELS

TRIES = 5
COMEBACK_SECONDS = 60.0


class RightsMove(TryLater):
    """Rights are changing just now. Subscribe again in a moment."""


class Asked(NamedTuple):
    """What was known after so many moves: who may, and what a cache channel told last."""

    moves: int
    may: May
    cached: Wire | None


class Subscriptions:
    def __init__(
        self, telling: Telling, resuming: Resuming, evicting: Evicting, tickets: Tickets, welcome: Welcome
    ) -> None:  # fmt: skip
        self.telling = telling
        self.resuming = resuming
        self.evicting = evicting
        self.rights = evicting.rights
        self.tickets = tickets
        self.welcome = welcome
        self.hub: Hub = telling.hub
        self.directory = telling.directory

    def come_back(self, peer: Peer, cursor: str) -> None:
        """Whatever is subscribed to within a minute begins with what was missed since, each channel once.

        Not what is subscribed to later: by then the client has loaded whatever it shows, and has heard what followed.
        """
        peer.comeback = Comeback(cursor, self.hub.clock() + COMEBACK_SECONDS)
        peer.resumes = True

    async def subscribe(self, peer: Peer, data: Data) -> None:
        """Raises BadInput. A refusal is told on the channel."""
        channel = data.get("channel")
        if not isinstance(channel, str) or not CHANNEL.fullmatch(channel):
            raise BadInput(A_CHANNEL)
        if len(peer.subscriptions - {channel}) >= CHANNELS:
            raise BadInput(f"{CHANNELS} channels are the limit.")
        try:
            self._require_sign_in(peer, channel, data)
            ticket = self.tickets.of(peer, channel, data)
            # Nothing of the log is told on public channels.
            since = self._since(peer, channel, data) if needs_signature(channel) else None
            await self._let_in(peer, channel, ticket, since)
        except PulseError as refusal:
            # Pusher-js shows this on the channel, and the error on the connection.
            refused = {"type": "AuthError", "error": str(refusal), "status": refusal.status}
            say(peer, "pusher:subscription_error", refused, channel)

    def unsubscribe(self, peer: Peer, channel: str) -> None:
        peer.awaiting -= {channel}
        self.hub.unsubscribe(peer, channel)

    async def signed_in(self, peer: Peer) -> None:
        """Lets it into what it had asked for before."""
        awaiting, peer.awaiting = peer.awaiting, frozenset()
        for channel in awaiting:
            await self.subscribe(peer, {"channel": channel})

    def _require_sign_in(self, peer: Peer, channel: str, data: Data) -> None:
        """Raises NotAuthentic. Stock clients that come back subscribe first and sign in then, and do not ask again."""
        if sign_in_will_do(channel) and not data.get("auth") and peer.user is None:
            if len(peer.awaiting) < CHANNELS:
                peer.awaiting |= {channel}
            raise NotAuthentic("Sign in first (pusher:signin); you are let in then.")

    async def _let_in(self, peer: Peer, channel: str, ticket: Ticket, since: str | None) -> None:
        """Asks for rights, reads what was missed, once, and asks again if rights moved meanwhile; then registers and
        tells it in one step. Raises NotAllowed: a signature outlives the right to it; RightsMove."""
        comer = self._comer(peer, channel, ticket.person)
        asked = await self._ask(ticket, comer, since)
        catch_up = CatchUp(self.resuming, peer, since)
        await catch_up.read(comer)
        for _ in range(TRIES):
            if asked.moves == self.evicting.moves:
                break
            asked = await self._ask(ticket, comer, since)
        else:
            raise RightsMove
        if self._admits(peer, ticket, asked.may):
            self._register(peer, channel, ticket)
            missed, reason = catch_up.whole()
            self.welcome.tell(peer, channel, ticket, self._resumed(peer, since, reason, cursor_only=not missed))
            for wire in [*missed, *([asked.cached] if asked.cached else [])]:
                peer.take(wire)

    async def _ask(self, ticket: Ticket, comer: Comer, since: str | None) -> Asked:
        assert comer.channel is not None
        moves = self.evicting.moves
        may = everybody if ticket.staff is None else await self._may(comer.channel)
        cached = None if since is not None else await self.welcome.caches.wire(comer.channel, comer.wanted)
        return Asked(moves, may, cached)

    async def _may(self, channel: str) -> May:
        """While the log is away a fresh signature is believed: what is told is judged once more, frame by frame."""
        try:
            return await self.rights.of(channel)
        except (LogDown, AppendRefused):
            return everybody
        except NEWER_HISTORY:
            return nobody

    def _admits(self, peer: Peer, ticket: Ticket, may: May) -> bool:
        """False for one that is sent away. Raises NotAllowed."""
        if ticket.staff is None:
            return True
        person = self.directory.signed_in(ticket.staff)
        if person is None:  # ended meanwhile
            peer.dismiss(Code.SESSION_ENDED)
            return False
        if not may(person):
            raise NotAllowed("You may not be on this channel any more.")
        return self.hub.admits(peer, person.id)

    def _register(self, peer: Peer, channel: str, ticket: Ticket) -> None:
        self.hub.subscribe(peer, channel, ticket)
        peer.proven |= needs_signature(channel)
        if peer.comeback is not None:
            peer.comeback.answered.add(channel)

    # Coming back

    def _since(self, peer: Peer, channel: str, data: Data) -> str | None:
        """The cursor beside a subscription, or inside what was signed (stock clients can put it there only), or that of
        all that are subscribed to at the beginning."""
        since = data.get("since")
        if since is None and isinstance(data.get("channel_data"), str) and '"since"' in data["channel_data"]:
            since = json_object(data["channel_data"]).get("since")
        if since is None and peer.comeback is not None:
            since = peer.comeback.since(channel, self.hub.clock())
        peer.resumes |= since is not None
        return since if since is None or isinstance(since, str) else ""

    def _resumed(self, peer: Peer, since: str | None, reason: Reason | None, *, cursor_only: bool) -> Data:
        """Where it stands now: what it missed is still to come, and brings cursors of its own."""
        said: Data = {}
        if peer.may_have_cursors:
            said["cursor"] = self.telling.head() if since is None or cursor_only else since
        if since is not None:
            said |= {"recovered": reason is None, "reason": reason}
        return said

    def _comer(self, peer: Peer, channel: str, person: UUID | None) -> Comer:
        return Comer(partial(self.telling.for_channel, channel, person, peer.namespace), person, channel)
