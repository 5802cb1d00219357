"""Who is connected, and one write per socket: a frame is encoded once and the same bytes go to everyone.

A socket that can't keep up is cut and comes back, instead of everybody waiting for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State

from pulse.push.codes import Code
from pulse.tokens import Visit

BUFFER_LIMIT = 1024 * 1024
STAFF_TABS, VISITOR_TABS = 20, 5

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Peer:
    """One socket: whose it is, and what it subscribed to."""

    connection: ServerConnection
    person_id: UUID | None = None
    visit: Visit | None = None
    socket_id: str = field(default_factory=lambda: f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}")
    subscriptions: dict[str, UUID | None] = field(default_factory=dict)


class Hub:
    """Three ways to find sockets: by moderator, by a visitor's chat, by a Pusher channel."""

    def __init__(self) -> None:
        self.staff: dict[UUID, set[Peer]] = {}
        self.visitors: dict[UUID, set[Peer]] = {}
        self.channels: dict[str, dict[Peer, UUID | None]] = {}

    def enter(self, peer: Peer) -> bool:
        """Registers a socket of S2's protocol; False when its owner has too many."""
        shelf, limit = self._shelf(peer)
        if len(shelf) >= limit:
            return False
        shelf.add(peer)
        return True

    def leave(self, peer: Peer) -> None:
        """Forgets a socket everywhere."""
        for channel in list(peer.subscriptions):
            self.unsubscribe(peer, channel)
        for shelves, key in ((self.staff, peer.person_id), (self.visitors, peer.visit.chat if peer.visit else None)):
            if key is not None and key in shelves:
                shelves[key].discard(peer)
                if not shelves[key]:
                    del shelves[key]

    def subscribe(self, peer: Peer, channel: str, person_id: UUID | None) -> None:
        peer.subscriptions[channel] = person_id
        self.channels.setdefault(channel, {})[peer] = person_id

    def unsubscribe(self, peer: Peer, channel: str) -> None:
        peer.subscriptions.pop(channel, None)
        subscribers = self.channels.get(channel)
        if subscribers is not None:
            subscribers.pop(peer, None)
            if not subscribers:
                del self.channels[channel]

    def count(self) -> int:
        in_channels = {peer for subscribers in self.channels.values() for peer in subscribers}
        shelves = [*self.staff.values(), *self.visitors.values()]
        return sum(map(len, shelves)) + len(in_channels)

    def _shelf(self, peer: Peer) -> tuple[set[Peer], int]:
        if peer.person_id is not None:
            return self.staff.setdefault(peer.person_id, set()), STAFF_TABS
        assert peer.visit is not None
        return self.visitors.setdefault(peer.visit.chat, set()), VISITOR_TABS


def text_frame(payload: bytes) -> bytes:
    """A text message as the wire has it. Servers don't mask, and no extension is negotiated, so all get the same."""
    return WireFrame(Opcode.TEXT, payload).serialize(mask=False)


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


async def refuse(connection: ServerConnection, code: Code, reason: str) -> None:
    await connection.close(code, reason)
