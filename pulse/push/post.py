"""Brings what is told to clients: what is told within one turn of the loop reaches each of them in one write."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import structlog

from pulse.push.encoding import Wire

PORTION = 100  # writes of a turn of the loop, so that pings and new sockets get theirs
TOGETHER = 64 * 1024  # bytes; more in one piece would pass by the limit of what may wait for a client
WAITING = 100_000

log = structlog.get_logger(__name__)


class Reader(Protocol):
    """Who gets letters."""

    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        """The same messages, as a WebSocket has them and one by one."""
        ...


Letter = tuple[Sequence[Reader], Wire]
NOTHING = Wire(b"", b"")


class Receipt:
    """A reader that is told nothing, only when its turn has come."""

    def __init__(self) -> None:
        self.turn = asyncio.Event()

    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        self.turn.set()


class Post:
    """In the order in which it was told. `when_done` is called with the seconds that a turn's letters took."""

    def __init__(self, when_done: Callable[[float], object] = lambda _: None) -> None:
        self._when_done = when_done
        self._letters: list[Letter] = []
        self._size = 0
        self._portions: deque[tuple[Sequence[Reader], Sequence[Wire], bytes]] = deque()
        self._waiting = 0
        self._began: float | None = None
        self._room = asyncio.Event()

    def send(self, peers: Sequence[Reader], wire: Wire) -> None:
        """Soon, to all of them."""
        if not peers:
            return
        if self._began is None:
            self._began = time.monotonic()
            asyncio.get_running_loop().call_soon(self._bring)
        if self._size + len(wire.framed) > TOGETHER:
            self._sort()
        self._letters.append((peers, wire))
        self._size += len(wire.framed)
        self._waiting += len(peers)

    def hand(self, reader: Reader, wire: Wire) -> None:
        """To one alone, after all that was told to it by now: at once, unless something waits."""
        if self._began is None:
            reader.put(wire.framed, (wire,))
        else:
            self.send((reader,), wire)

    async def room(self) -> None:
        """Waits while too much waits."""
        while self._waiting > WAITING:
            self._room.clear()
            await self._room.wait()

    async def brought(self) -> None:
        """Returns when whatever was told by now has been written."""
        if self._began is not None:
            receipt = Receipt()
            self.send((receipt,), NOTHING)
            await receipt.turn.wait()

    def _bring(self) -> None:
        """A turn's writes."""
        if not self._portions:
            self._sort()
        written = 0
        while self._portions and written + len(self._portions[0][0]) <= PORTION:
            written += self._write()
        if self._portions or self._letters:
            asyncio.get_running_loop().call_soon(self._bring)
        else:
            assert self._began is not None
            self._when_done(time.monotonic() - self._began)  # the loop's own clock stands still within a turn
            self._began = None
        self._room.set()

    def _write(self) -> int:
        """Writes one portion; returns to how many."""
        peers, wires, framed = self._portions.popleft()
        self._waiting -= len(peers) * len(wires)
        for peer in peers:
            try:
                peer.put(framed, wires)
            except Exception:
                log.exception("push.not_written")  # whatever is wrong with one, the others are told
        return len(peers)

    def _sort(self) -> None:
        """Letters become portions: whoever gets the same gets the same bytes."""
        for peers, wires in _bundles(self._letters):
            framed = wires[0].framed if len(wires) == 1 else b"".join(wire.framed for wire in wires)
            for first in range(0, len(peers), PORTION):
                self._portions.append((peers[first : first + PORTION], wires, framed))
        self._letters, self._size = [], 0


def _bundles(letters: list[Letter]) -> Iterator[tuple[Sequence[Reader], Sequence[Wire]]]:
    if len(letters) == 1:
        peers, wire = letters[0]
        yield peers, (wire,)
        return
    theirs: dict[Reader, list[int]] = {}
    for number, (peers, _) in enumerate(letters):
        for peer in peers:
            theirs.setdefault(peer, []).append(number)
    together: dict[tuple[int, ...], list[Reader]] = {}
    for peer, mine in theirs.items():
        together.setdefault(tuple(mine), []).append(peer)
    for numbers, these in together.items():
        yield these, [letters[number][1] for number in numbers]
