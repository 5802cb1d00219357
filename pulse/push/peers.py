"""One client of any door: whose it is, and how a message reaches it.

Who can't keep up is cut and comes back with its cursor, instead of everybody waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, Wire, event_wire
from pulse.push.post import Post
from pulse.tokens import Staff, Visit

BUFFER_LIMIT = 1024 * 1024
GOODBYE_SECONDS = 2.0
TURNS = 30  # seconds of a round: each has its share of all peers

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


@dataclass(frozen=True, slots=True)
class User:
    """Who a Pusher client signed in as; `staff` unless it is somebody of another system that holds the app's secret."""

    id: str
    info: dict[str, Any]
    staff: Staff | None
    watchlist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signature says: by whose session, and who is shown as a member.

    An open one is anybody's, for a public channel, or that of a server that holds the app's secret and names nobody.
    """

    staff: Staff | None = None
    member: str | None = None
    info: dict[str, Any] | None = None

    @property
    def person(self) -> UUID | None:
        return self.staff.person if self.staff else None


OPEN = Ticket()


@dataclass(slots=True)
class Comeback:
    """`pulse:resume`: a cursor from its last connection, until when it counts, and the channels that were told."""

    cursor: str
    until: float
    answered: set[str] = field(default_factory=set)

    def since(self, channel: str, now: float) -> str | None:
        return self.cursor if now < self.until and channel not in self.answered else None


class Peer(ABC):
    """Whose it is, what it subscribed to, and whose sessions signed that.

    `comeback` is what it said of its last connection, `resumes` says that it knows cursors, `proven` that something it
    subscribed to was signed; `namespace` stands before the names of events it is told; it is `quiet` until something is
    said to it; `address` is where it is, as limits count it. `awaiting` are the channels that it is let into once it has
    signed in, `members` are the names under which it is on presence
    channels, `turn` its second of each round, and `idle_rounds` how many have passed since anything was said, to it or
    by it.
    """

    __slots__ = (
        "address", "awaiting", "comeback", "dismissed", "idle_rounds", "members", "namespace", "person_id", "post", "proven",
        "quiet", "resumes", "signed", "socket_id", "subscriptions", "token", "turn", "user", "visit",
    )  # fmt: skip

    def __init__(self, post: Post, owner: Owner = NOBODY) -> None:
        self.post = post
        self.person_id = owner.person_id
        self.visit = owner.visit
        self.token = owner.token
        self.socket_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}"
        self.subscriptions: set[str] = set()
        self.signed: set[Staff] = set() if owner.staff is None else {owner.staff}
        self.user: User | None = None
        self.awaiting: frozenset[str] = frozenset()
        self.members: dict[str, str] = {}
        self.comeback: Comeback | None = None
        self.address = ""
        self.resumes = False
        self.proven = False
        self.namespace = ""
        self.quiet = True
        self.idle_rounds = 0
        self.turn = secrets.randbelow(TURNS)
        self.dismissed: Code | None = None

    transport = "none"

    @property
    def waiting(self) -> int:
        """Bytes that were written to it and are still here."""
        return 0

    @property
    def is_window(self) -> bool:
        """Does it speak S2's protocol, where nothing is subscribed to?"""
        return self.person_id is not None or self.visit is not None

    @property
    def may_have_cursors(self) -> bool:
        """Of Pusher clients: positions tell how much all of Pulse has to do, so strangers are told none."""
        return self.resumes and (self.proven or self.user is not None)

    def take(self, wire: Wire) -> None:
        """A message for it alone, after all that was told to it by now."""
        self.post.hand(self, wire)

    def note(self, wires: Sequence[Wire]) -> None:
        """It is told something. That there was nothing is none."""
        if len(wires) > 1 or wires[0].name != CURSOR:
            self.quiet = False

    @abstractmethod
    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        """The same messages, as a WebSocket has them and one by one. Cuts whoever has too much waiting."""

    @abstractmethod
    async def close(self, code: Code) -> None:
        """Ends it, saying why; returns when it is gone."""

    def dismiss(self, code: Code) -> None:
        """The same, and nobody waits for it."""
        if self.dismissed is None:
            self.dismissed = code
            closing = asyncio.create_task(self.close(code))
            _closings.add(closing)
            closing.add_done_callback(_closings.discard)


class Speaker(Peer):
    """One that says something itself; a stream only listens."""

    __slots__ = ()

    @abstractmethod
    def messages(self) -> AsyncIterator[str | bytes]:
        """What it says, until it closes."""


class Socket(Speaker):
    """A WebSocket. The bytes go to its transport as they are: an await each would cost more than the write."""

    __slots__ = ("connection",)
    transport = "ws"

    @property
    def waiting(self) -> int:
        return self.connection.transport.get_write_buffer_size()

    def __init__(self, connection: ServerConnection, post: Post, owner: Owner = NOBODY) -> None:
        super().__init__(post, owner)
        self.connection = connection

    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        connection = self.connection
        if connection.state is not State.OPEN or self.dismissed is not None:
            return
        if self.quiet:
            self.note(wires)
        transport = connection.transport
        if transport.get_write_buffer_size() > BUFFER_LIMIT:
            log.info("push.too_slow", socket=self.socket_id)
            self.dismiss(Code.TOO_SLOW)
        else:
            transport.write(framed)

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


def say(peer: Peer, event: str, data: dict[str, Any], channel: str | None = None) -> None:
    """A frame of Pusher's protocol itself."""
    peer.take(event_wire(event, data, channel))


def complain(peer: Peer, message: str, code: int | None = None) -> None:
    """An error that the connection survives."""
    say(peer, "pusher:error", {"code": code, "message": message})
