"""Clients on the channel of one chat, of which the last may stop reading and begin again.

The others note only when each message came: they are many, and reading must cost next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bench.child import orders, say
from bench.push.client import Client, Who, people
from bench.push.lines import PATIENCE, Lines
from bench.report import percentile
from bench.updates import ORDER

ROOM = 4096  # bytes the kernel keeps for whoever stops reading
AT_ONCE = 50
NUMBER = len(str(10**8))  # digits


class Ear(Client):
    """`arrivals` gets each message's number, and when it came."""

    def __init__(self, who: Who, arrivals: list[tuple[int, float]]) -> None:
        super().__init__(who)
        self.arrivals = arrivals

    def hear(self, payload: bytes) -> None:
        if not self.live_at:
            super().hear(payload)
        elif (at := payload.find(ORDER)) >= 0:
            self.arrivals.append((int(payload[at + len(ORDER) :][:NUMBER]), time.monotonic()))


class Stalling:
    """`lost` are the others whose line has ended, which none should."""

    def __init__(self, port: int, who: Who, sockets: int) -> None:
        self.port, self.who = port, who
        self.arrivals: list[tuple[int, float]] = []
        self.others = [Ear(who, self.arrivals) for _ in range(sockets - 1)]
        self.last = Client(who, room=ROOM)
        self.lost = 0
        self._lines = Lines[Client](self._lost)
        self._connect([*self.others, self.last])

    def join(self, *, stalls: bool) -> None:
        """A new last one comes, and reads unless it stalls. What the others heard is forgotten."""
        self._lines.drop(self.last)
        self.last = Client(self.who, room=ROOM)
        self._connect([self.last])
        if stalls:
            self._lines.stop_reading(self.last)
        self.arrivals.clear()

    def hear(self, frames: int) -> dict[str, float]:
        """Until the others have heard so many in all, or for as long as patience goes."""
        self._lines.until(lambda: len(self.arrivals) >= frames, PATIENCE)
        return {
            "heard": len(self.arrivals),
            "ended": max((at for _, at in self.arrivals), default=0.0),
            "lost": self.lost,
        }

    def late(self, scheduled: dict[str, float]) -> dict[str, float]:
        """How late the others heard, in seconds, by when each number was to be said."""
        due = {int(number): at for number, at in scheduled.items()}
        found = [at - due[number] for number, at in self.arrivals if number in due]
        return {"p50": percentile(found, 0.5), "p99": percentile(found, 0.99)}

    def wake(self, said: list[int], seconds: float) -> dict[str, Any]:
        """The last reads again, until it finds how its line ended; comes back with its cursor, and hears the rest."""
        last = self.last
        began = len(last.heard)
        self._lines.read_again(last)
        ended = self._lines.until(lambda: last not in self._lines.clients.values(), seconds)
        code, read = last.code, len(last.heard) - began
        self._lines.drop(last)
        self._connect([last])
        self._lines.until(lambda: set(said) <= set(last.heard) or bool(last.resynced), seconds)
        heard = set(last.heard)
        wrong = {"missing": len(set(said) - heard), "doubled": len(last.heard) - len(heard)}
        return {"ended": ended, "code": code, "read": read, "resynced": last.resynced} | wrong

    def _connect(self, clients: Sequence[Client]) -> None:
        call = self._lines.call
        self._lines.connect(clients, lambda number, client: call(client, number, self.port), AT_ONCE)

    def _lost(self, client: Client) -> None:
        self.lost += client is not self.last


def run(place: str, port: int, sockets: int) -> None:
    """A child's function: joins, hears and wakes as ordered."""
    stalling = Stalling(port, people(place, 1)[0], sockets)
    say(lost=stalling.lost)
    for order in orders():
        match order.pop("do"):
            case "join":
                stalling.join(**order)
                say(joined=True)
            case "hear":
                say(**stalling.hear(**order))
            case "late":
                say(**stalling.late(**order))
            case "wake":
                say(**stalling.wake(**order))
