"""The lock on a data directory. nats-server inherits its descriptor, because it does not lock its store itself."""

import fcntl
import os
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from pulse.embedded.child import Say, until
from pulse.errors import Trouble

ORPHANS_END = 10.0  # seconds that the servers of a killed Pulse are given


class AlreadyRunning(Trouble):
    """Pulse already runs on this data directory."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(f"Pulse already runs on {data_dir} (process {pid}). Stop it or use another directory.")
        self.data_dir, self.pid = data_dir, pid


def take_lock(data_dir: Path, say: Say) -> int:
    """Holds the data directory. Servers of a Pulse that was killed get a moment to end."""
    lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    waiting = "the servers of a killed Pulse are ending"
    until(lambda: locked(lock) or psutil.pid_exists(holders(lock)[0]), ORPHANS_END, say, waiting)
    if not locked(lock):
        pids = holders(lock)
        os.close(lock)
        raise AlreadyRunning(data_dir, next(filter(psutil.pid_exists, pids), pids[0]))
    write_holders(lock, os.getpid())
    return lock


def locked(lock: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holders(lock: int) -> list[int]:
    """Pulse, then its nats-server."""
    return [int(pid) for pid in os.pread(lock, 100, 0).split()] or [-1]


def write_holders(lock: int, *pids: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, " ".join(map(str, pids)).encode(), 0)
