"""Asks every socket now and then whether it is still there: each half a minute, all at different moments."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from pulse.push.codes import Code
from pulse.push.hub import Hub
from pulse.push.peers import Owner, Socket

PING_SECONDS, PONG_SECONDS = 30, 20
PING = b"pulse"
WIRE = Frame(Opcode.PING, PING).serialize(mask=False)


class PushConnection(ServerConnection):
    """A socket that knows whose it is from before it was accepted, and when it was asked for a pong. `when_known` is
    called when it said what it wants, or has gone before.

    The library's own keepalive is a task for each socket, and ends them with a code that tells clients nothing.
    """

    owner: Owner
    address: str
    asked_at: float | None = None
    when_ponged: Callable[[float], object] | None = None
    when_known: Callable[[], object] | None = None

    def become_known(self) -> None:
        """The first time only."""
        if self.when_known is not None:
            self.when_known()
            self.when_known = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone."""
        self.become_known()
        super().connection_lost(exc)

    def acknowledge_pings(self, data: bytes) -> None:
        """A pong has come."""
        if data == PING and self.asked_at is not None:
            latency, self.asked_at = self.loop.time() - self.asked_at, None
            if self.when_ponged is not None:
                self.when_ponged(latency)


class Pings:
    """`when_ponged` is called with each latency, in seconds."""

    def __init__(self, hub: Hub, when_ponged: Callable[[float], object] | None = None) -> None:
        self.hub = hub
        self.when_ponged = when_ponged

    async def run(self) -> None:
        """Asks for ever."""
        loop = asyncio.get_running_loop()
        for second in itertools.cycle(range(PING_SECONDS)):
            await asyncio.sleep(1)
            self.go(second, loop.time())

    def go(self, second: int, now: float) -> None:
        """One second's share: asks those whose turn it is, and gives up those who never answered."""
        for peer in list(self.hub.peers):
            if isinstance(peer, Socket) and isinstance(connection := peer.connection, PushConnection):
                if connection.asked_at is not None and now - connection.asked_at > PONG_SECONDS:
                    peer.dismiss(Code.NO_PONG)
                elif connection.asked_at is None and peer.turn == second:
                    self._ask(connection, now)

    def _ask(self, connection: PushConnection, now: float) -> None:
        if connection.state is State.OPEN:
            connection.asked_at = now
            connection.when_ponged = self.when_ponged
            connection.transport.write(WIRE)
