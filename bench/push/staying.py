"""Stock clients behind a balancer: whoever is sent away comes back, as pusher-js does, and is let in elsewhere.

They do the balancer's work themselves: the ports in turn, and the next one where one refuses. Each is on the channel of
a chat of its own; two of four keep cursors, so that half of them are at either port.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.child import orders, say
from bench.push.client import Client, Who, people
from bench.push.lines import Lines

AT_ONCE = range(4200, 4300)  # codes that mean it
WAIT = 1.0  # seconds otherwise
LOOK = 0.02


class Staying:
    """`lines_ended` are the codes of lines that had been live, 0 where nobody said goodbye; `failed` are attempts."""

    def __init__(self, ports: Sequence[int], people: Sequence[Who]) -> None:
        self.clients = [Client(who, keeps=number % 4 < 2) for number, who in enumerate(people)]
        self.lines_ended: Counter[int] = Counter()
        self.failed = 0
        self.moved: set[int] = set()  # numbers of clients
        self._ports = itertools.cycle(ports)
        self._numbers = {client: number for number, client in enumerate(self.clients)}
        self.lines = Lines[Client](self._lost)
        self._due: list[tuple[float, int]] = []

    def come(self, at_once: int) -> int:
        """Everybody, so many at a time; how many are live."""
        self.lines.connect(self.clients, lambda number, _: self.call(number), at_once)
        return sum(bool(client.live_at) for client in self.clients)

    def stay(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            while self._due and self._due[0][0] <= now:
                self.call(heapq.heappop(self._due)[1])
            self.lines.take(LOOK)

    def call(self, number: int) -> None:
        """The client of this number, at the port whose turn it is."""
        self.lines.call(self.clients[number], number, next(self._ports))

    def _lost(self, client: Client) -> None:
        number = self._numbers[client]
        if client.refused:
            self.call(number)  # the balancer knows another
            return
        if client.live_at:
            self.lines_ended[client.code] += 1
            self.moved.add(number)
        else:
            self.failed += 1
        client.live_at = 0.0
        wait = 0.0 if client.code in AT_ONCE else WAIT
        heapq.heappush(self._due, (time.monotonic() + wait, number))

    def found(self) -> dict[str, Any]:
        """When those who moved were live again; what each heard, by chat."""
        back = [self.clients[number].live_at for number in self.moved]
        return {
            "back": sorted(at for at in back if at),
            "moved": len(back),
            "ended": {str(code): lines for code, lines in self.lines_ended.items()},
            "failed": self.failed,
            "live": sum(bool(client.live_at) for client in self.clients),
            "resynced": sum(client.resynced for client in self.clients),
            "keepers": {str(client.who.chat): client.heard for client in self.clients if client.keeps},
            "others": {str(client.who.chat): client.heard for client in self.clients if not client.keeps},
        }


def run(place: str, ports: list[int], clients: int) -> None:
    """A child's function: comes, and stays as long as ordered."""
    staying = Staying(ports, people(place, clients))
    say(ready=True)
    for order in orders():
        match order["do"]:
            case "come":
                say(live=staying.come(order["at_once"]))
            case "stay":
                staying.stay(order["seconds"])
                say(**staying.found())
