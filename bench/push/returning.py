"""Clients that lose their line at one moment and come back at another, all of them, with the cursor they had.

Half are visitors on `/channel/ws`, half Pusher clients. Each has a chat of its own. A server that gives no cursors is
come back to without.
"""

from __future__ import annotations

import time

from bench.child import orders, say
from bench.push.client import Client, Who, people
from bench.push.lines import PATIENCE, Lines
from bench.report import percentile


class Returning:
    def __init__(self, port: int, people: list[Who]) -> None:
        self.port = port
        self.clients = [Client(who, visitor=bool(number % 2)) for number, who in enumerate(people)]
        self.cut, self.began = 0, 0.0
        self.lines = Lines[Client](self._lost)

    def connect(self, awaits: int, at_once: int) -> list[float]:
        """Everybody, so many at a time; for each how long it took from the beginning until it was live, in seconds."""
        self.began, self.cut = time.monotonic(), 0
        call = self.lines.call
        self.lines.connect(self.clients, lambda number, client: call(client, number, self.port, awaits), at_once)
        return sorted(client.live_at - self.began for client in self.clients if client.live_at)

    def listen(self, heard: int) -> None:
        """Until so many frames have been heard by each."""
        here = self.lines.clients
        self.lines.until(lambda: all(len(client.heard) >= heard for client in here.values()), PATIENCE)

    def _lost(self, _: Client) -> None:
        self.cut += 1


def run(place: str, port: int, clients: int) -> None:
    """A child's function: comes, goes and comes back as ordered."""
    returning = Returning(port, people(place, clients))
    say(ready=True)
    for order in orders():
        match order["do"]:
            case "come":
                took = returning.connect(awaits=order["awaits"], at_once=order["at_once"])
                clients_ = returning.clients
                say(began=returning.began, live=len(took), last=took[-1] if took else 0.0, p50=percentile(took, 0.5), cut=returning.cut,
                    resynced=sum(client.resynced for client in clients_))  # fmt: skip
            case "listen":
                returning.listen(order["heard"])
                heard = [len(client.heard) for client in returning.clients]
                say(complete=sum(number == order["heard"] for number in heard), most=max(heard),
                    cursors=sum(client.cursor is not None for client in returning.clients))  # fmt: skip
            case "vanish":
                returning.lines.vanish()
                say(gone=True)
