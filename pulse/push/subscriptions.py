"""A Pusher client subscribes: what it needs for that, what it is told, and what it missed.

https://pusher.com/docs/channels/library_auth_reference/auth-signatures/
"""

from __future__ import annotations

import hmac
import re
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import convert

from pulse.access import Subscription, may_subscribe, needs_signature, sign_in_will_do
from pulse.channel_rights import May, everybody, nobody
from pulse.directory import Directory
from pulse.errors import BadInput, LogDown, NotAllowed, NotAuthentic, PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.http import json_object
from pulse.push.caches import Caches
from pulse.push.codes import Code
from pulse.push.comings import as_fits, count_wire
from pulse.push.evicting import Evicting
from pulse.push.hub import Hub
from pulse.push.peers import OPEN, Peer, Ticket, say
from pulse.push.resuming import Comer, Reason, Resuming
from pulse.push.telling import Telling
from pulse.tokens import NO_SESSION, Session, Signer, Staff

CHANNELS = 100
TRIES = 5
CHANNEL_NAME = re.compile(r"(#server-to-user-)?[A-Za-z0-9_\-=@,.;]{1,200}")

Data = dict[str, Any]


class Subscriptions:
    def __init__(
        self, telling: Telling, resuming: Resuming, caches: Caches, evicting: Evicting, signer: Signer, key: str,
        *, counts: bool = False,
    ) -> None:  # fmt: skip
        self.telling = telling
        self.resuming = resuming
        self.caches = caches
        self.evicting = evicting
        self.rights = evicting.rights
        self.signer = signer
        self.key = key
        self.counts = counts
        self.hub: Hub = telling.hub
        self.directory = telling.directory

    async def subscribe(self, peer: Peer, data: Data) -> None:
        """Raises BadInput. A refusal is told on the channel."""
        channel = data.get("channel")
        if not isinstance(channel, str) or not CHANNEL_NAME.fullmatch(channel):
            raise BadInput("A channel has a name of 1 to 200 letters, digits and _-=@,.;")
        if len(peer.subscriptions - {channel}) >= CHANNELS:
            raise BadInput(f"{CHANNELS} channels are the limit.")
        try:
            ticket = self._ticket(peer, channel, data) if needs_signature(channel) else OPEN
            since = _since(peer, data) if needs_signature(channel) else None  # nothing of the log is told on others
            await self._let_in(peer, channel, ticket, since)
        except PulseError as refusal:
            # Pusher-js shows this on the channel, and the error on the connection.
            refused = {"type": "AuthError", "error": str(refusal), "status": refusal.status}
            say(peer, "pusher:subscription_error", refused, channel)

    async def _let_in(self, peer: Peer, channel: str, ticket: Ticket, since: str | None) -> None:
        """Asks for rights and reads what was missed, again if rights moved meanwhile; then registers and tells it in one
        step. Raises NotAllowed: a signature outlives the right to it."""
        for _ in range(TRIES):
            moves = self.evicting.moves
            may = await self._may(channel) if ticket.staff else None
            missed, reason = await self.resuming.missed(since, self._comer(peer, channel, ticket.person))
            cached = await self.caches.wire(channel, peer.namespace) if since is None else None
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
        self._welcome(peer, channel, ticket, self._resumed(peer, since, reason, cursor_only=not missed))
        for wire in [*missed, *([cached] if cached else [])]:
            peer.take(wire)

    def _resumed(self, peer: Peer, since: str | None, reason: Reason | None, *, cursor_only: bool) -> Data:
        """Where it stands now: what it missed is still to come, and brings cursors of its own."""
        said: Data = {}
        if peer.may_have_cursors:
            said["cursor"] = self.telling.head() if since is None or cursor_only else since
        if since is not None:
            said |= {"recovered": reason is None, "reason": reason}
        return said

    def _welcome(self, peer: Peer, channel: str, ticket: Ticket, resumed: Data) -> None:
        said = self._presence(channel, ticket) if channel.startswith("presence-") else {}
        say(peer, "pusher_internal:subscription_succeeded", said | resumed, channel)
        if self.counts and not channel.startswith("presence-"):
            peer.take(count_wire(channel, self.hub.roster.subscription_count(channel)))
        if (reason := resumed.get("reason")) is not None:
            say(peer, "pulse:resync", {"reason": reason}, channel)

    async def _may(self, channel: str) -> May:
        """While the log is away a fresh signature is believed: what is told is judged once more, frame by frame."""
        try:
            return await self.rights.of(channel)
        except (LogDown, AppendRefused):
            return everybody
        except NEWER_HISTORY:
            return nobody

    def _presence(self, channel: str, ticket: Ticket) -> Data:
        members = self.hub.roster.members(channel)
        shown = as_fits(members, ticket.member)
        return {"presence": {"ids": list(shown), "hash": shown, "count": len(members)}}

    # What it needs

    def _ticket(self, peer: Peer, channel: str, data: Data) -> Ticket:
        """Raises NotAuthentic."""
        auth, channel_data = data.get("auth"), data.get("channel_data")
        if not auth and peer.user is not None and sign_in_will_do(channel):
            return self._of_signed_in(peer, channel)
        if not isinstance(auth, str) or not isinstance(channel_data, str | None):
            raise NotAuthentic
        expected = self.signer.subscription(self.key, peer.socket_id, channel, channel_data)
        if not hmac.compare_digest(expected.encode(), auth.encode("utf-8", "replace")):
            raise NotAuthentic("The signature does not fit.")
        if channel.startswith("presence-"):
            return self._of_member(peer, channel_data)
        return OPEN if channel_data is None else self._named_in(json_object(channel_data), member=None)

    def _of_signed_in(self, peer: Peer, channel: str) -> Ticket:
        """A channel that clients ask no signature for: its name says whose it is. Raises NotAuthentic."""
        assert peer.user is not None
        if channel == f"#server-to-user-{peer.user.id}":
            return Ticket(peer.user.staff)
        named, staff = Subscription.named(channel), peer.user.staff
        person = self.directory.signed_in(staff) if staff else None
        if named is None or person is None or not may_subscribe(person, named, None):
            raise NotAuthentic("This channel is not yours.")
        return Ticket(staff)

    def _of_member(self, peer: Peer, channel_data: str | None) -> Ticket:
        """Who signed in needs no channel_data. Raises NotAuthentic."""
        if channel_data is None:
            if peer.user is None:
                raise NotAuthentic("A presence channel needs channel_data with a user_id, or a sign-in before.")
            return Ticket(peer.user.staff, peer.user.id, peer.user.info)
        said = json_object(channel_data)
        info = said.get("user_info")
        if not isinstance(said.get("user_id"), str | int) or not isinstance(info, dict | None):
            raise NotAuthentic("channel_data needs a user_id, and user_info that is an object.")
        return self._named_in(said, member=str(said["user_id"]))

    def _named_in(self, said: Data, member: str | None) -> Ticket:
        """Our auth endpoint names the moderator and their session; anybody else who can sign holds the secret."""
        staff = staff_in(said, "user_id", self.directory)
        if staff is not None and self.directory.signed_in(staff) is None:
            raise NotAuthentic("Sign in first.")
        return Ticket(staff, member, said.get("user_info"))

    # Coming back

    def _comer(self, peer: Peer, channel: str, person: UUID | None) -> Comer:
        return Comer(partial(self.telling.for_channel, channel, person, peer.namespace), person, channel)


def staff_in(said: Data, name: str, directory: Directory) -> Staff | None:
    """The moderator and the session that were signed; None for somebody else's user. Raises NotAuthentic."""
    try:
        if "session" in said:
            return Staff(UUID(said[name]), convert(said["session"], Session))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise NotAuthentic("The signature names nobody here.") from None
    try:
        person = UUID(str(said.get(name)))
    except ValueError:
        return None
    return Staff(person, NO_SESSION) if directory.find_moderator(person) else None


def _since(peer: Peer, data: Data) -> str | None:
    """The cursor beside a subscription, or inside what was signed (stock clients can put it there only)."""
    since = data.get("since", peer.since)
    if since is None and isinstance(data.get("channel_data"), str) and '"since"' in data["channel_data"]:
        since = json_object(data["channel_data"]).get("since")
    peer.resumes |= since is not None
    return since if since is None or isinstance(since, str) else ""
