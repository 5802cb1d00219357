"""A Pusher client subscribes: what it needs for that, what it is told, and what it missed.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/#subscription-events
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from pulse.access import needs_signature
from pulse.channel_rights import May, everybody, nobody
from pulse.errors import BadInput, LogDown, NotAllowed, PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.http import json_object
from pulse.push.codes import Code
from pulse.push.evicting import Evicting
from pulse.push.hub import Hub
from pulse.push.missed import Comer, Reason
from pulse.push.names import A_CHANNEL, CHANNEL
from pulse.push.peers import Comeback, Peer, Ticket, say
from pulse.push.resuming import Resuming
from pulse.push.telling import Telling
from pulse.push.tickets import Tickets
from pulse.push.welcome import Welcome

CHANNELS = 100
TRIES = 5
COMEBACK_SECONDS = 60.0

Data = dict[str, Any]


class Subscriptions:
    """`clock` is in seconds, from any beginning."""

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
        self.clock: Callable[[], float] = time.monotonic

    def come_back(self, peer: Peer, cursor: str) -> None:
        """Whatever is subscribed to within a minute begins with what was missed since, each channel once.

        Not what is subscribed to later: by then the client has loaded whatever it shows, and has heard what followed.
        """
        peer.comeback = Comeback(cursor, self.clock() + COMEBACK_SECONDS)
        peer.resumes = True

    async def subscribe(self, peer: Peer, data: Data) -> None:
        """Raises BadInput. A refusal is told on the channel."""
        channel = data.get("channel")
        if not isinstance(channel, str) or not CHANNEL.fullmatch(channel):
            raise BadInput(A_CHANNEL)
        if len(peer.subscriptions - {channel}) >= CHANNELS:
            raise BadInput(f"{CHANNELS} channels are the limit.")
        try:
            ticket = self.tickets.of(peer, channel, data)
            # Nothing of the log is told on public channels.
            since = self._since(peer, channel, data) if needs_signature(channel) else None
            await self._let_in(peer, channel, ticket, since)
        except PulseError as refusal:
            # Pusher-js shows this on the channel, and the error on the connection.
            refused = {"type": "AuthError", "error": str(refusal), "status": refusal.status}
            say(peer, "pusher:subscription_error", refused, channel)

    async def _let_in(self, peer: Peer, channel: str, ticket: Ticket, since: str | None) -> None:
        """Asks for rights and reads what was missed, again if rights moved meanwhile; then registers and tells it in one
        step. Raises NotAllowed: a signature outlives the right to it."""
        comer = self._comer(peer, channel, ticket.person)
        for _ in range(TRIES):
            moves = self.evicting.moves
            may = await self._may(channel) if ticket.staff else None
            missed, reason = await self.resuming.missed(since, comer)
            cached = await self.welcome.cached(channel, comer.wanted) if since is None else None
            if moves == self.evicting.moves:
                break
        if ticket.staff is not None and may is not None:
            person = self.directory.signed_in(ticket.staff)
            if person is None:  # ended meanwhile
                peer.dismiss(Code.SESSION_ENDED)
                return
            if not may(person):
                raise NotAllowed("You may not be on this channel any more.")
            if not self.hub.has_room(peer, person.id):
                peer.dismiss(Code.TOO_MANY_CONNECTIONS)
                return
        self.hub.subscribe(peer, channel, ticket)
        peer.proven |= needs_signature(channel)
        if peer.comeback is not None:
            peer.comeback.answered.add(channel)
        self.welcome.tell(peer, channel, ticket, self._resumed(peer, since, reason, cursor_only=not missed))
        for wire in [*missed, *([cached] if cached else [])]:
            peer.take(wire)

    async def _may(self, channel: str) -> May:
        """While the log is away a fresh signature is believed: what is told is judged once more, frame by frame."""
        try:
            return await self.rights.of(channel)
        except (LogDown, AppendRefused):
            return everybody
        except NEWER_HISTORY:
            return nobody

    # Coming back

    def _since(self, peer: Peer, channel: str, data: Data) -> str | None:
        """The cursor beside a subscription, or inside what was signed (stock clients can put it there only), or that of
        all that are subscribed to at the beginning."""
        since = data.get("since")
        if since is None and isinstance(data.get("channel_data"), str) and '"since"' in data["channel_data"]:
            since = json_object(data["channel_data"]).get("since")
        if since is None and peer.comeback is not None:
            since = peer.comeback.since(channel, self.clock())
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
