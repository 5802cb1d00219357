"""The lines of many clients in one process, read as soon as something comes."""

from __future__ import annotations

import contextlib
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bench.push.client import Client
from bench.sockets import source_address

PATIENCE = 20.0

C = TypeVar("C", bound=Client)


class Lines(Generic[C]):
    """`when_lost` is called with each client whose line ended or never came to be; it is closed by then."""

    def __init__(self, when_lost: Callable[[C], object]) -> None:
        self.clients: dict[int, C] = {}  # by the number of the open line
        self._when_lost = when_lost
        self._poll = select.epoll()

    def call(self, client: C, number: int, port: int, awaits: int = 0) -> None:
        """Begins to connect the client of this number."""
        client.call(port, source_address(number), awaits)
        self.clients[client.line.fileno()] = client
        self._poll.register(client.line.fileno(), select.EPOLLOUT)

    def connect(self, clients: Sequence[C], call: Callable[[int, C], object], at_once: int) -> None:
        """Everybody, so many at a time, until all are live or lost."""
        waiting, until = deque(enumerate(clients)), time.monotonic() + PATIENCE
        while (waiting or not self._all_live()) and time.monotonic() < until:
            calling = sum(not client.live_at for client in self.clients.values())
            for _ in range(min(at_once - calling, len(waiting))):
                call(*waiting.popleft())
            self.take(0.01)

    def take(self, timeout: float) -> None:
        """Reads what is there, once."""
        for number, events in self._poll.poll(timeout):
            client = self.clients[number]
            try:
                if events == select.EPOLLOUT:
                    self._poll.modify(number, select.EPOLLIN)
                    client.greet()
                    alive = True
                else:
                    alive = client.read()
            except OSError:
                alive = False
            if not alive:
                self.drop(client)
                self._when_lost(client)

    def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Reads until then, or for so long; was it reached?"""
        end = time.monotonic() + seconds
        while not reached() and time.monotonic() < end:
            self.take(0.02)
        return reached()

    def stop_reading(self, client: C) -> None:
        self._poll.unregister(client.line.fileno())

    def read_again(self, client: C) -> None:
        self._poll.register(client.line.fileno(), select.EPOLLIN)

    def drop(self, client: C) -> None:
        """Without a goodbye."""
        number = client.line.fileno()
        if self.clients.pop(number, None) is not None:
            with contextlib.suppress(FileNotFoundError):
                self._poll.unregister(number)
            client.line.close()

    def vanish(self) -> None:
        """All of them at once, without a goodbye."""
        for client in list(self.clients.values()):
            self.drop(client)

    def _all_live(self) -> bool:
        return all(client.live_at for client in self.clients.values())
