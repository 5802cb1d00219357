"""A client whose messages leave in HTTP answers. What waits for it is bounded, as a socket's is."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

import structlog

from pulse.push.codes import Code
from pulse.push.encoding import Wire
from pulse.push.peers import BUFFER_LIMIT, NOBODY, Owner, Peer
from pulse.push.post import Post

PORTION_BYTES = 64 * 1024

log = structlog.get_logger(__name__)


class Outlet(Peer):
    """Keeps messages until an answer takes them. `code` says why it has ended, once it has."""

    __slots__ = ("_changed", "_size", "_waiting", "code")

    def __init__(self, post: Post, owner: Owner = NOBODY) -> None:
        super().__init__(post, owner)
        self.code: Code | None = None
        self._waiting: deque[Wire] = deque()
        self._size = 0
        self._changed = asyncio.Event()

    transport = "http"

    @property
    def waiting(self) -> int:
        return self._size

    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        if self.code is not None:
            return
        if self.quiet:
            self.note(wires)
        if self._size > BUFFER_LIMIT:
            log.info("push.too_slow", socket=self.socket_id)
            self._waiting.clear()  # it comes back with its cursor
            self.dismiss(Code.TOO_SLOW)
            return
        self._waiting.extend(wires)
        self._size += sum(len(wire.payload) for wire in wires)
        self._changed.set()

    @property
    def idle(self) -> bool:
        """Has it nothing to tell?"""
        return not self._waiting and self.code is None

    def drain(self, most: int = PORTION_BYTES) -> list[Wire]:
        """What waits, in its order: about so many bytes of it."""
        taken: list[Wire] = []
        while self._waiting and most > 0:
            taken.append(self._waiting.popleft())
            most -= len(taken[-1].payload)
            self._size -= len(taken[-1].payload)
        return taken

    async def wait(self, seconds: float) -> None:
        """Returns when something waits, when it has ended, and in any case after some time."""
        if self.idle:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    async def close(self, code: Code) -> None:
        """The answer says why and ends, when its reader has read it; nobody waits for that."""
        self.dismiss(code)

    def dismiss(self, code: Code) -> None:
        if self.code is None:
            self.dismissed = self.code = code
            self._changed.set()
