"""Says to quiet clients, every half a minute, how far the log was told: so that they need not come back from far behind."""

from __future__ import annotations

import asyncio

from pulse.push.encoding import Wire
from pulse.push.hub import Hub
from pulse.push.peers import Peer
from pulse.push.protocol import Pusher
from pulse.push.windows import Windows

ROUND_SECONDS = 30.0


class Rounds:
    def __init__(self, hub: Hub, windows: Windows, pusher: Pusher) -> None:
        self.hub = hub
        self.windows = windows
        self.pusher = pusher

    async def run(self) -> None:
        """Goes round for ever."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            self.go()

    def go(self) -> None:
        """One round: whoever was told something knows its place already."""
        for peer in list(self.hub.peers):
            if peer.quiet and (wire := self._wire(peer)) is not None:
                peer.take(wire)
            peer.quiet = True

    def _wire(self, peer: Peer) -> Wire | None:
        if peer.is_window:
            return self.windows.cursor_wire(peer)
        return self.pusher.cursor_wire() if peer.resumes else None
