"""How many clients one process serves, of whichever door."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pulse.errors import TryLater


class ServerFull(TryLater):
    """This server is full. Try again in a moment."""


class Seats:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A place for as long as a client is there. Raises ServerFull."""
        if self.taken >= self.limit:
            raise ServerFull
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
