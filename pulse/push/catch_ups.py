"""What one subscription missed: read once, and made whole out of memory in the moment in which it is let in."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

from pulse.cursors import Cursor
from pulse.push.encoding import Wire
from pulse.push.peers import BUFFER_LIMIT, Peer
from pulse.push.resuming import BYTES, LOOK_SECONDS, Comer, Missed, Reason, Resuming
from pulse.push.telling import Telling

ROOM_SECONDS = 5.0
ROOM = BUFFER_LIMIT - BYTES  # what may wait for a client while it is still told whatever it missed


class CatchUp:
    """Of `peer` on a channel, for a moderator (None: whoever holds the app's secret), since a cursor; None: it begins
    now."""

    def __init__(self, telling: Telling, resuming: Resuming, peer: Peer, since: str | None) -> None:
        self.telling = telling
        self.resuming = resuming
        self.ring = resuming.ring
        self.peer = peer
        self.since = since

    async def read(self, channel: str, person: UUID | None) -> None:
        """Reads it, once what the client was told before has left: else two busy channels would be too much for it."""
        wanted = partial(self.telling.for_channel, channel, person, self.peer.namespace)
        self._comer = Comer(wanted, person, channel)
        if self.since is None or await self._has_room():
            self._found = await self.resuming.missed(self.since, self._comer)
        else:
            self.resuming.metrics.resumes.labels("snapshot", Reason.TOO_FAR).inc()
            self._found = Missed([], Reason.TOO_FAR)
        self._read_to = self.ring.head

    def whole(self) -> Missed:
        """With what was told since it was read: all of it until something is awaited."""
        if self.since is None or self._found.reason is not None or self._read_to == self.ring.head:
            return self._found
        if self._read_to < Cursor(self.ring.floor):
            return Missed([], Reason.TOO_FAR)
        person = self._comer.person
        if person is not None and self.ring.rights_changed(person, self._read_to):
            return Missed([], Reason.RIGHTS)
        return Missed([*self._found.wires, *self._later()])

    def _later(self) -> list[Wire]:
        later = self.ring.after(self._read_to, self._comer.channel)
        return [wire for told in later if (wire := self._comer.wanted(told)) is not None]

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
