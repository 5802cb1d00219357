"""Runs a real nats-server and a real Postgres under one data directory; `pulse up` and the tests call it.

Synchronous on purpose: call it from the main thread before the event loop starts, because the kernel ends the
servers together with the thread that started them. What a server acknowledged is there after any crash.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Self

from pulse.embedded.addresses import Addresses
from pulse.embedded.child import Say, ServerFailed
from pulse.embedded.files import passwords_of, read_json, write_private
from pulse.embedded.lock import AlreadyRunning, holders, locked, take_lock, write_holders
from pulse.embedded.nats import NatsServer
from pulse.embedded.postgres import PostgresServer

__all__ = ["Addresses", "AlreadyRunning", "Embedded", "ServerFailed", "ran_here", "running"]


def running(data_dir: Path) -> Addresses | None:
    """Addresses of the Pulse that runs on `data_dir`, for another process; None when none does yet."""
    try:
        lock = os.open(data_dir / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        known = read_json(data_dir / "addresses.json")
        if locked(lock, fcntl.LOCK_SH) or known.get("pid") != holders(lock)[0]:
            return None
        return Addresses(known["nats_url"], known["nats_monitor_url"], known["database_url"])
    finally:
        os.close(lock)


def ran_here(data_dir: Path) -> bool:
    """Were there servers on `data_dir` at any time?"""
    return (data_dir / "addresses.json").exists()


class Embedded:
    """The servers of one data directory. `kill_*` and `restart_*`, for fault tests, keep the addresses.

    `nats_under` is the command of a tracer that nats-server runs under, for measuring.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        nats: bool = True,
        postgres: bool = True,
        progress: Say = lambda _: None,
        sync_always: bool = True,
        nats_under: Sequence[str] = (),
    ) -> None:
        self._dir, self._say = data_dir.resolve(), progress
        self._wants_nats, self._wants_postgres = nats, postgres
        self._nats = NatsServer(self._dir, progress, sync_always, nats_under)
        self._postgres = PostgresServer(self._dir, progress)
        self._lock = -1
        self.addresses = Addresses()

    def start(self) -> Addresses:
        """Returns when both answer, however long recovery takes. Raises AlreadyRunning, ServerFailed."""
        # Root's Postgres is somebody else, who must be able to pass through.
        self._dir.mkdir(mode=0o700 if os.geteuid() else 0o711, parents=True, exist_ok=True)
        (self._dir / "logs").mkdir(mode=0o700, exist_ok=True)
        self._lock = take_lock(self._dir, self._say)
        try:
            self.addresses = self._start_servers()
        except BaseException:
            self.stop()
            raise
        return self.addresses

    def stop(self) -> None:
        """Ends both and frees the data directory. Harmless when nothing runs."""
        self._nats.stop()
        self._postgres.stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def revive(self) -> list[str]:
        """Starts again what has died by itself, without waiting for it; names it. Call it from the main thread."""
        died = [child.name for child in (self._nats, self._postgres) if child.revive()]
        if self._nats.name in died:
            assert self._nats.process is not None
            write_holders(self._lock, os.getpid(), self._nats.process.pid)
        return died

    def kill_nats(self) -> None:
        self._nats.kill()

    def restart_nats(self) -> None:
        self._nats.stop()
        self._nats.start(self._lock)

    def kill_postgres(self) -> None:
        self._postgres.kill()

    def restart_postgres(self) -> None:
        self._postgres.stop()
        self._postgres.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_servers(self) -> Addresses:
        passwords, state = passwords_of(self._dir), read_json(self._dir / "addresses.json")
        found = Addresses()
        if self._wants_nats:
            found = self._nats.prepare(passwords["nats"], state)
            self._nats.start(self._lock)
        if self._wants_postgres:
            self._postgres.prepare(passwords["postgres"])
            self._postgres.start()
            found = replace(found, database_url=self._postgres.open_database(passwords))
        write_private(self._dir / "addresses.json", json.dumps(state | asdict(found) | {"pid": os.getpid()}))
        return found
