"""Who is connected, and one write per socket: a frame is encoded once and the same bytes go to everyone.

A socket that can't keep up is cut and comes back, instead of everybody waiting for it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State

from pulse.limits import Rate
from pulse.push.codes import Code
from pulse.tokens import Staff, Visit

BUFFER_LIMIT = 1024 * 1024
STAFF_TABS, VISITOR_TABS, TOKEN_SOCKETS = 20, 5, 10
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, PAUSE_SECONDS = 20, 100, 0.05
PORTION = 500

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Peer:
    """One socket: whose it is, which token opened it (a hash, never the token), what it subscribed to, and whose
    sessions signed that.
    """

    connection: ServerConnection
    person_id: UUID | None = None
    visit: Visit | None = None
    token: int = 0
    socket_id: str = field(default_factory=lambda: f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}")
    subscriptions: set[str] = field(default_factory=set)
    signed: set[Staff] = field(default_factory=set)


class Hub:
    """Three ways to find sockets: by moderator, by a visitor's chat, by a Pusher channel.

    A channel's subscribers are kept with the moderator they were signed for; None: whoever holds the app's secret.
    `windows` are the sockets that a moderator's sessions signed, of whichever protocol. `people_moved` is set whenever a moderator's socket comes or goes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.staff: dict[UUID, set[Peer]] = {}
        self.visitors: dict[UUID, set[Peer]] = {}
        self.channels: dict[str, dict[Peer, UUID | None]] = {}
        self.windows: dict[UUID, set[Peer]] = {}
        self.people_moved = asyncio.Event()
        self._messages = Rate(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, clock)

    def enter(self, peer: Peer) -> bool:
        """Registers a socket of S2's protocol; False when its owner or its token has too many."""
        shelves, owner, limit = self._place(peer)
        theirs = shelves.get(owner, set())
        if len(theirs) >= limit or sum(other.token == peer.token for other in theirs) >= TOKEN_SOCKETS:
            return False
        shelves.setdefault(owner, set()).add(peer)
        for staff in peer.signed:
            self.sign(peer, staff)
        self._moved(peer.person_id)
        return True

    def sign(self, peer: Peer, staff: Staff) -> None:
        """From now on the socket is open for as long as this session is."""
        peer.signed.add(staff)
        self.windows.setdefault(staff.person, set()).add(peer)

    def leave(self, peer: Peer) -> None:
        """Forgets a socket everywhere."""
        for staff in peer.signed:
            theirs = self.windows.get(staff.person, set())
            theirs.discard(peer)
            if not theirs:
                self.windows.pop(staff.person, None)
        for channel in list(peer.subscriptions):
            self.unsubscribe(peer, channel)
        if peer.person_id is not None or peer.visit is not None:
            shelves, owner, _ = self._place(peer)
            shelves.get(owner, set()).discard(peer)
            if not shelves.get(owner):
                shelves.pop(owner, None)
            self._moved(peer.person_id)

    def subscribe(self, peer: Peer, channel: str, person_id: UUID | None) -> None:
        peer.subscriptions.add(channel)
        self.channels.setdefault(channel, {})[peer] = person_id
        self._moved(person_id)

    def unsubscribe(self, peer: Peer, channel: str) -> None:
        peer.subscriptions.discard(channel)
        subscribers = self.channels.get(channel, {})
        self._moved(subscribers.pop(peer, None))
        if not subscribers:
            self.channels.pop(channel, None)

    def people(self) -> set[UUID]:
        """The moderators who have a socket open here, of whichever protocol."""
        signed = {person_id for peers in self.channels.values() for person_id in peers.values() if person_id}
        return signed | set(self.staff)

    async def pace(self, peer: Peer) -> None:
        """Waits until this socket may be heard again. Who talks too fast is read more slowly; nothing is lost."""
        while not self._messages.allows(peer.socket_id):  # noqa: ASYNC110  time passing is no event
            await asyncio.sleep(PAUSE_SECONDS)

    def _moved(self, person_id: UUID | None) -> None:
        if person_id is not None:
            self.people_moved.set()

    def _place(self, peer: Peer) -> tuple[dict[UUID, set[Peer]], UUID, int]:
        if peer.person_id is not None:
            return self.staff, peer.person_id, STAFF_TABS
        assert peer.visit is not None
        return self.visitors, peer.visit.chat, VISITOR_TABS


def text_frame(payload: bytes) -> bytes:
    """A text message as the wire has it. Servers don't mask, and no extension is negotiated, so all get the same."""
    return WireFrame(Opcode.TEXT, payload).serialize(mask=False)


async def fan_out(peers: Sequence[Peer], wire: bytes) -> None:
    """Writes to however many: a big room in portions, so that pings and new sockets get their turn between them."""
    for first in range(0, len(peers), PORTION):
        if first:
            await asyncio.sleep(0)
        send(peers[first : first + PORTION], wire)


def send(peers: Iterable[Peer], wire: bytes) -> None:
    """Writes the same bytes to every open socket; cuts those whose buffer is full."""
    for peer in peers:
        connection = peer.connection
        transport = connection.transport
        if connection.state is not State.OPEN:
            continue
        if transport.get_write_buffer_size() > BUFFER_LIMIT:
            log.info("push.too_slow", socket=peer.socket_id)
            # No close frame gets through a full buffer; to the client this is a cut line, and it comes back.
            transport.abort()
        else:
            transport.write(wire)


async def refuse(connection: ServerConnection, code: Code) -> None:
    """Closes a socket and says why."""
    await connection.close(code, code.reason)
