"""Real servers for one bench, in a directory of their own, away from the core that is measured."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.machine import REST, pin, slow_fsync
from pulse.embedded import Addresses, Embedded


@dataclass(frozen=True, slots=True)
class World:
    """Where the servers are, and which process is nats-server."""

    place: Path
    addresses: Addresses
    nats_pid: int

    def as_arguments(self) -> dict[str, object]:
        """For a child process, which makes it `addresses_of` again."""
        return {"place": str(self.place), "addresses": asdict(self.addresses)}


@contextlib.contextmanager
def opened_world(*, sync_always: bool = True, slower_us: int = 0) -> Iterator[World]:
    """`slower_us`: by how much every fsync of nats-server takes longer. Raises CannotSlow."""
    under = slow_fsync(slower_us) if slower_us else ()
    place = Path(tempfile.mkdtemp(prefix="pulse-bench-"))
    place.chmod(0o711)  # root's Postgres is somebody else
    try:
        with Embedded(place, sync_always=sync_always, nats_under=under) as embedded:
            servers = psutil.Process().children()
            for server in servers:
                pin(server.pid, REST)
            nats = next(server.pid for server in servers if server.name() == "nats-server")
            yield World(place, embedded.addresses, nats)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
