"""One client of any door: whose it is, and how a message reaches it.

Who can't keep up is cut and comes back with its cursor, instead of everybody waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from pulse.push.codes import Code
from pulse.push.encoding import Wire
from pulse.tokens import Staff, Visit

BUFFER_LIMIT = 1024 * 1024
PORTION = 500
GOODBYE_SECONDS = 5.0

log = structlog.get_logger(__name__)
_closings: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a client is: a moderator's, a visitor's, or (a Pusher client before it subscribes) nobody's yet.

    `token` is a hash of what opened it, never the token; `staff` the session behind that.
    """

    person_id: UUID | None = None
    visit: Visit | None = None
    token: int = 0
    staff: Staff | None = None


NOBODY = Owner()


class Peer:
    """Whose it is, what it subscribed to, and whose sessions signed that.

    `since` is a cursor from its last connection, `resumes` says that it knows cursors; `namespace` stands before the
    names of events it is told; it is `quiet` until something is said to it.
    """

    __slots__ = (
        "dismissed", "namespace", "person_id", "quiet", "resumes", "signed", "since", "socket_id", "subscriptions",
        "token", "visit",
    )  # fmt: skip

    def __init__(self, owner: Owner = NOBODY) -> None:
        self.person_id = owner.person_id
        self.visit = owner.visit
        self.token = owner.token
        self.socket_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}"
        self.subscriptions: set[str] = set()
        self.signed: set[Staff] = set() if owner.staff is None else {owner.staff}
        self.since: str | None = None
        self.resumes = False
        self.namespace = ""
        self.quiet = True
        self.dismissed = False

    @property
    def is_window(self) -> bool:
        """Does it speak S2's protocol, where nothing is subscribed to?"""
        return self.person_id is not None or self.visit is not None

    def take(self, wire: Wire) -> None:
        """A message for it, in its turn. Cuts whoever has too much waiting."""
        raise NotImplementedError

    def messages(self) -> AsyncIterator[str | bytes]:
        """What it says, until it closes."""
        raise NotImplementedError

    async def close(self, code: Code) -> None:
        """Ends it, saying why; returns when it is gone."""
        raise NotImplementedError

    def dismiss(self, code: Code) -> None:
        """The same, and nobody waits for it."""
        if not self.dismissed:
            self.dismissed = True
            closing = asyncio.create_task(self.close(code))
            _closings.add(closing)
            closing.add_done_callback(_closings.discard)


class Socket(Peer):
    """A WebSocket. The bytes go to its transport as they are: an await each would cost more than the write."""

    __slots__ = ("connection",)

    def __init__(self, connection: ServerConnection, owner: Owner = NOBODY) -> None:
        super().__init__(owner)
        self.connection = connection

    def take(self, wire: Wire) -> None:
        connection = self.connection
        if connection.state is not State.OPEN or self.dismissed:
            return
        self.quiet = False
        transport = connection.transport
        if transport.get_write_buffer_size() > BUFFER_LIMIT:
            log.info("push.too_slow", socket=self.socket_id)
            self.dismiss(Code.TOO_SLOW)
        else:
            transport.write(wire.framed)

    def messages(self) -> AsyncIterator[str | bytes]:
        return self.connection.__aiter__()

    async def close(self, code: Code) -> None:
        """A stalled reader would hold up the goodbye for ever, because it waits behind what was not read."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self.connection.close(code, code.reason)
        finally:
            self.connection.transport.abort()


async def fan_out(peers: Sequence[Peer], wire: Wire) -> None:
    """Writes to however many: a big room in portions, so that pings and new sockets get their turn between them."""
    for first in range(0, len(peers), PORTION):
        if first:
            await asyncio.sleep(0)
        send(peers[first : first + PORTION], wire)


def send(peers: Iterable[Peer], wire: Wire) -> None:
    """The same message to all of them."""
    for peer in peers:
        peer.take(wire)
