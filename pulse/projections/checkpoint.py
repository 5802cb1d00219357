"""The checkpoint: how far a schema's read models are, and which log they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import orjson

from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.jetstream import Log
from pulse.projections.connections import Connection
from pulse.projections.models import LISTS, Shelf, versions
from pulse.projections.sql import Statements

SQL = Statements(__file__)
MOVED = "PU001"
CURE = "Restore the log from a backup, or make the read models anew from this one with `pulse rebuild`."


class LogBehind(Trouble):
    """The event log is not the one the read models were made from, or it has lost its end. Nothing was changed."""


class OtherVersion(Trouble):
    """Another version of Pulse made the read models. Restart this process, or run `pulse rebuild` with it."""


class CheckpointMoved(Trouble):
    """Another projector was faster, or the read models were made anew."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`hash` is that of the event at `position`: a log that differs there is not ours. `build` names these tables."""

    build: UUID
    epoch: str
    position: int
    hash: bytes
    versions: dict[str, int]
    indexed: bool

    async def guard(self, log: Log, epoch: str, shelf: Shelf = LISTS) -> None:
        """Raises LogBehind when the log is another one, OtherVersion when this code makes other tables."""
        if self.versions != versions(shelf):
            raise OtherVersion
        if self.position == 0:
            return
        if self.epoch != epoch:
            raise LogBehind(f"The read models were made from another event log: its epoch differs. {CURE}")
        found = await log.read(self.position, limit=1)
        if not found or found[0].position != self.position:
            raise LogBehind(f"The read models are at {self.position}, which the event log does not reach. {CURE}")
        if sha256(found[0].body).digest() != self.hash:
            raise LogBehind(f"The event at {self.position} is not the one the read models were made from. {CURE}")


async def make_checkpoint(connection: Connection, epoch: str, shelf: Shelf) -> None:
    """Makes the table with its one row, at position 0."""
    await connection.execute(SQL["create"], prepare=False)
    await connection.execute(SQL["begin"], {"versions": orjson.dumps(versions(shelf)).decode(), "epoch": epoch})


async def read_checkpoint(connection: Connection) -> Checkpoint | None:
    """None where there are no tables yet."""
    if await (await connection.execute(SQL["exists"])).fetchone() is None:
        return None
    row = await (await connection.execute(SQL["read"])).fetchone()
    return None if row is None else Checkpoint(**row)


async def mark_indexed(connection: Connection) -> None:
    """Notes that the tables have all their indexes."""
    await connection.execute(SQL["mark_indexed"])


async def advance(connection: Connection, build: UUID, known: int, last: Stored) -> None:
    """Moves the checkpoint inside a transaction, which fails with sqlstate MOVED if it is not where it is known."""
    to = {"build": build, "known": known, "reached": last.position, "hash": sha256(last.body).digest()}
    await connection.execute(SQL["advance"], to)
