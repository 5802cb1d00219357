"""Who is connected, and where they listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import TypeVar
from uuid import UUID

from pulse.access import needs_signature
from pulse.channel_rights import May
from pulse.directory import Directory
from pulse.limits import Rate
from pulse.push.codes import Code
from pulse.push.peers import OPEN, Peer, Ticket, User
from pulse.push.post import Post
from pulse.push.public_channels import PublicChannels
from pulse.push.turnstile import Turnstile
from pulse.roster import Roster
from pulse.tokens import Staff

STAFF_TABS, VISITOR_TABS, TOKEN_SOCKETS = 20, 5, 10
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, PAUSE_SECONDS = 20, 100, 0.05

K = TypeVar("K", bound=Hashable)


class Hub:
    """Finds clients: windows by their moderator or by a visitor's chat, Pusher clients by their channels.

    A channel's subscribers are kept with the moderator they were signed for; None: whoever holds the app's secret.
    `signed` are the sockets that a moderator's sessions signed, of whichever protocol; `peers` are all there are;
    `users` those who signed in (`pusher:signin`), by the name they gave, and `watchers` those who watch a name.
    `people_moved` is set whenever a moderator's socket comes or goes. `clock` is in seconds, from any beginning.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, roster: Roster | None = None, post: Post | None = None
    ) -> None:  # fmt: skip
        self.post = post or Post()
        self.clock = clock
        self.roster = roster or Roster(clock)
        self.peers: set[Peer] = set()
        self.staff: dict[UUID, set[Peer]] = {}
        self.visitors: dict[UUID, set[Peer]] = {}
        self.channels: dict[str, dict[Peer, UUID | None]] = {}
        self.signed: dict[UUID, set[Peer]] = {}
        self.users: dict[str, set[Peer]] = {}
        self.watchers: dict[str, set[Peer]] = {}
        self.public = PublicChannels()
        self.turnstile = Turnstile()
        self.people_moved = asyncio.Event()
        self._messages = Rate(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, clock)

    def enter(self, peer: Peer) -> bool:
        """Registers a socket of S2's protocol; False when its owner or its token has too many."""
        shelves, owner = self._place(peer)
        theirs = shelves.get(owner, set()) if peer.person_id is None else self.signed.get(owner, set())
        if not self._has_room(peer, owner) or sum(other.token == peer.token for other in theirs) >= TOKEN_SOCKETS:
            return False
        shelves.setdefault(owner, set()).add(peer)
        self.peers.add(peer)
        for staff in peer.signed:
            self.sign(peer, staff)
        self._moved(peer.person_id)
        return True

    def sign(self, peer: Peer, staff: Staff) -> None:
        """From now on the socket is open for as long as this session is."""
        peer.signed.add(staff)
        self.signed.setdefault(staff.person, set()).add(peer)
        self._moved(staff.person)

    def admits(self, peer: Peer, person: UUID) -> bool:
        """May one more Pusher client be this moderator's? If not, it is sent away."""
        if self._has_room(peer, person):
            return True
        peer.dismiss(Code.TOO_MANY_CONNECTIONS)
        return False

    def sign_in(self, peer: Peer, user: User) -> None:
        """From now on the socket is this user's. Raises NotAUserId."""
        self.roster.sign_in(user.id)
        peer.user = user
        self.users.setdefault(user.id, set()).add(peer)
        for watched in user.watchlist:
            self.watchers.setdefault(watched, set()).add(peer)
        if user.staff is not None:
            self.sign(peer, user.staff)

    def leave(self, peer: Peer) -> None:
        """Forgets a socket everywhere."""
        self.peers.discard(peer)
        for staff in peer.signed:
            _take(self.signed, staff.person, peer)
            self._moved(staff.person)
        if peer.user is not None:
            self._sign_out(peer, peer.user)
        for channel in list(peer.subscriptions):
            self.unsubscribe(peer, channel)
        if peer.is_window:
            shelves, owner = self._place(peer)
            _take(shelves, owner, peer)
            self._moved(peer.person_id)

    def subscribe(self, peer: Peer, channel: str, ticket: Ticket = OPEN) -> None:
        """Raises ChannelIsFull, TooManyPublicChannels, NotAUserId, NotUserInfo; then nothing has changed. Whoever is on
        it already stays."""
        if channel in peer.subscriptions:
            return
        if not needs_signature(channel):
            self.public.enter(peer.address, channel)
        self.roster.join(channel, ticket.member, ticket.info)
        if ticket.member is not None:
            peer.members[channel] = ticket.member
        peer.subscriptions.add(channel)
        self.channels.setdefault(channel, {})[peer] = ticket.person
        if ticket.staff is not None:
            self.sign(peer, ticket.staff)

    def unsubscribe(self, peer: Peer, channel: str) -> None:
        if channel not in peer.subscriptions:
            return
        peer.subscriptions.discard(channel)
        subscribers = self.channels[channel]
        del subscribers[peer]
        if not subscribers:
            del self.channels[channel]
        self.roster.leave(channel, peer.members.pop(channel, None))
        if not needs_signature(channel):
            self.public.leave(peer.address, channel)

    def hearers(self, channel: str, directory: Directory, may: May) -> list[Peer]:
        """The subscribers who may be on a channel now; whoever holds the app's secret may."""
        here = self.channels.get(channel, {})
        people = {who: directory.person(who) for who in here.values() if who is not None}
        allowed = {who for who, person in people.items() if person is not None and may(person)}
        return [peer for peer, who in here.items() if who is None or who in allowed]

    def people(self) -> set[UUID]:
        """The moderators who have a socket open here, of whichever protocol."""
        return self.signed.keys() | self.staff.keys()

    async def pace(self, peer: Peer) -> None:
        """Waits until this socket may be heard again. Who talks too fast is read more slowly; nothing is lost."""
        peer.idle_rounds = 0
        while not self._messages.allows(peer.socket_id):  # noqa: ASYNC110  time passing is no event
            await asyncio.sleep(PAUSE_SECONDS)
        await self.turnstile.through()

    def _sign_out(self, peer: Peer, user: User) -> None:
        peer.user = None
        self.roster.sign_out(user.id)
        _take(self.users, user.id, peer)
        for watched in user.watchlist:
            _take(self.watchers, watched, peer)

    def _moved(self, person_id: UUID | None) -> None:
        if person_id is not None:
            self.people_moved.set()

    def _has_room(self, peer: Peer, owner: UUID) -> bool:
        if peer.visit is not None:
            return len(self.visitors.get(owner, ())) < VISITOR_TABS
        theirs = self.signed.get(owner, set())
        return peer in theirs or len(theirs) < STAFF_TABS

    def _place(self, peer: Peer) -> tuple[dict[UUID, set[Peer]], UUID]:
        if peer.person_id is not None:
            return self.staff, peer.person_id
        assert peer.visit is not None
        return self.visitors, peer.visit.chat


def _take(shelves: dict[K, set[Peer]], owner: K, peer: Peer) -> None:
    """Off a shelf; one that is empty goes as well."""
    theirs = shelves.get(owner, set())
    theirs.discard(peer)
    if not theirs:
        shelves.pop(owner, None)
