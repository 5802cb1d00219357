"""What one subscription missed: read once, and made whole out of memory in the moment in which it is let in."""

from __future__ import annotations

import asyncio

from pulse.cursors import Cursor
from pulse.push.missed import BYTES, Comer, Found, Missed, MustSnapshot, Reason
from pulse.push.peers import BUFFER_LIMIT, Peer
from pulse.push.resuming import Resuming

ROOM_SECONDS, LOOK_SECONDS = 5.0, 0.02
ROOM = BUFFER_LIMIT - BYTES  # what may wait for a client while it is still told whatever it missed


class CatchUp:
    """Of `peer` since a cursor; None: it begins now."""

    def __init__(self, resuming: Resuming, peer: Peer, since: str | None) -> None:
        self.resuming = resuming
        self.ring = resuming.ring
        self.peer = peer
        self.since = since

    async def read(self, comer: Comer) -> None:
        """Reads it, once what the client was told before has left: else two busy channels would be too much for it."""
        self._comer, self._found = comer, Found(comer)
        if self.since is None or await self._has_room():
            self._missed = await self.resuming.missed(self.since, comer, self._found)
        else:
            self.resuming.metrics.resumes.labels("snapshot", Reason.TOO_FAR).inc()
            self._missed = Missed([], Reason.TOO_FAR)
        self._read_to = self.ring.head

    def whole(self) -> Missed:
        """With what was told since it was read: all of it until something is awaited."""
        if self.since is None or self._missed.reason is not None or self._read_to == self.ring.head:
            return self._missed
        if self._read_to < Cursor(self.ring.floor):
            return Missed([], Reason.TOO_FAR)
        person = self._comer.person
        if person is not None and self.ring.rights_changed(person, self._read_to):
            return Missed([], Reason.RIGHTS)
        try:
            for told in self.ring.after(self._read_to, self._comer.channel):
                self._found.add(told)
        except MustSnapshot as must:
            return Missed([], must.reason)
        return Missed(self._found.wires)

    async def _has_room(self) -> bool:
        """Waits a moment until whatever it missed may wait for it as well."""
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                await self.peer.post.brought()
                while self.peer.waiting > ROOM:  # noqa: ASYNC110  moments; an event for each who waits costs more
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            return False
        return True
