"""Goes round all clients, each every half a minute, at different moments: says to quiet ones how far the log was told,
so that they need not come back from far behind, and sends away those of whom nothing was seen for a day.
"""

from __future__ import annotations

import asyncio
import itertools

from pulse.push.codes import Code
from pulse.push.encoding import Wire
from pulse.push.hub import Hub
from pulse.push.peers import Peer
from pulse.push.protocol import Pusher
from pulse.push.windows import Windows

ROUND_SECONDS, SHARE_SECONDS = 30, 1.0
IDLE_ROUNDS = 24 * 60 * 60 // ROUND_SECONDS


class Rounds:
    def __init__(self, hub: Hub, windows: Windows, pusher: Pusher) -> None:
        self.hub = hub
        self.windows = windows
        self.pusher = pusher

    async def run(self) -> None:
        """Goes round for ever."""
        for second in itertools.cycle(range(ROUND_SECONDS)):
            await asyncio.sleep(SHARE_SECONDS)
            self.go(second)

    def go(self, second: int) -> None:
        """One second's share: a window that was told something knows its place already. Stock Pusher clients do not: they
        hand on what is in `data`, and drop the cursor beside it."""
        if second == 0:
            self.windows.telling.ring.mark()
        staff, pusher = self.windows.staff_cursor_wire(), self.pusher.cursor_wire()
        for peer in [one for one in self.hub.peers if one.turn == second]:
            peer.idle_rounds = peer.idle_rounds + 1 if peer.quiet else 0
            if peer.idle_rounds >= IDLE_ROUNDS:
                peer.dismiss(Code.IDLE)
            elif (peer.quiet or not peer.is_window) and (wire := self._wire(peer, staff, pusher)) is not None:
                peer.take(wire)
            peer.quiet = True

    def _wire(self, peer: Peer, staff: Wire, pusher: Wire) -> Wire | None:
        if peer.visit is not None:
            return self.windows.cursor_wire(peer)
        if peer.is_window:
            return staff
        return pusher if peer.may_have_cursors else None
