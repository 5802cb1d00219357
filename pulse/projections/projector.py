"""Folds the log into the read models: a batch of events is one transaction with its checkpoint, or nothing.

A second projector waits for the first one's lock; should both run, the checkpoint's compare-and-set lets only
one of them count. An event that can't be projected is set aside with its chat, and the rest flows on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
import structlog
from psycopg.rows import DictRow, dict_row

from pulse.errors import Trouble
from pulse.eventlog.envelope import PREFIX, Recorded, open_envelope
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log, Stored
from pulse.projections import customers, deliveries, inbox, thread
from pulse.projections.changes import Changes, ReadModel
from pulse.projections.reads import PROJECTED, SCHEMA
from pulse.projections.sql import Statements

MODELS: dict[str, ReadModel] = {"inbox": inbox, "thread": thread, "customers": customers, "deliveries": deliveries}  # type: ignore[dict-item]
SQL = Statements(__file__)
NEXT = "read_next"
LEADER_LOCK = 0x70756C73
RETRY_SECONDS = 0.5
REJECTED = "pulse.live.rejected"
REJECTIONS_KEPT = 1000

log = structlog.get_logger(__name__)
Connection = psycopg.AsyncConnection[DictRow]


class LogBehind(Trouble):
    """The event log is not the one the read models were made from, or it has lost its end.

    Nothing was changed. Restore the log from a backup, or rebuild the read models with `pulse rebuild`.
    """


class CheckpointMoved(Trouble):
    """Another projector was faster."""


@dataclass(slots=True)
class Checkpoint:
    """How far the read models are, and a hash of the event there: a log that differs is not ours."""

    epoch: str
    position: int
    hash: bytes
    versions: dict[str, int]


def versions() -> dict[str, int]:
    """The read models this code makes."""
    return {name: model.VERSION for name, model in MODELS.items()}


class Projector:
    """Projects into one schema. `run` never returns; `catch_up` does, when the end of the log is reached."""

    def __init__(self, source: Log, database_url: str, epoch: str, *, schema: str = SCHEMA) -> None:
        self.source = source
        self.database_url = database_url
        self.epoch = epoch
        self.schema = schema
        self.position = 0
        self.ready = asyncio.Event()
        self._parked: set[UUID] = set()

    async def run(self) -> None:
        """Projects for ever; Postgres and NATS may come and go. Raises LogBehind, LogHole: those need a person."""
        while True:
            try:
                async with self._connected() as connection:
                    await self._lead(connection)
                    await self._follow(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError, CheckpointMoved) as trouble:
                log.warning("projector.waiting", trouble=str(trouble).strip())
                await asyncio.sleep(RETRY_SECONDS)

    async def catch_up(self, told: Callable[[int, int], None] = lambda _at, _of: None) -> int:
        """Projects up to what is now the end of the log, telling how far it is. Returns the position."""
        async with self._connected() as connection:
            await self._begin(connection)
            goal = await self.source.last_position()
            while page := await self.source.read(self.position + 1):
                await self._take(connection, page)
                told(self.position, goal)
                if self.position >= goal:
                    break
        return self.position

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        connection = await psycopg.AsyncConnection.connect(
            self.database_url, autocommit=True, row_factory=dict_row, connect_timeout=5, prepare_threshold=0,
            options=f"-c search_path={self.schema} -c synchronous_commit=off",
        )  # fmt: skip
        async with connection:
            yield connection

    async def _lead(self, connection: Connection) -> None:
        """Waits until no other projector works on this schema; the lock goes with the connection."""
        await connection.execute("select pg_advisory_lock(%s)", (LEADER_LOCK,))
        await self._begin(connection)

    async def _follow(self, connection: Connection) -> None:
        async for page in Follow(self.source, self.position, caught_up=self.ready):
            await self._take(connection, page)

    async def _begin(self, connection: Connection) -> None:
        """Makes the tables if they are missing, and checks that the log is the one they were made from."""
        exists = await (await connection.execute("select to_regclass('checkpoint') as found")).fetchone()
        if exists is None or exists["found"] is None:
            await create_schema(connection, self.schema, self.epoch)
        checkpoint = await read_checkpoint(connection)
        await self._guard(checkpoint)
        self.position = checkpoint.position
        parked = await (await connection.execute(SQL["parked"])).fetchall()
        self._parked = {row["aggregate_id"] for row in parked}

    async def _guard(self, checkpoint: Checkpoint) -> None:
        if checkpoint.position == 0:
            return
        if checkpoint.epoch != self.epoch:
            raise LogBehind("The read models were made from another event log (its epoch differs).")
        found = await self.source.read(checkpoint.position, limit=1)
        if not found or found[0].position != checkpoint.position:
            raise LogBehind(f"The read models are at {checkpoint.position}, where the event log has nothing any more.")
        if sha256(found[0].body).digest() != checkpoint.hash:
            raise LogBehind(f"The event at {checkpoint.position} is not the one the read models were made from.")

    # A page of events

    async def _take(self, connection: Connection, page: list[Stored]) -> None:
        """Writes a page. What the tables refuse is found by halving and set aside."""
        try:
            await self._write(connection, page, {})
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(page) > 1:
                middle = len(page) // 2
                await self._take(connection, page[:middle])
                await self._take(connection, page[middle:])
                return
            await self._write(connection, page, {page[0].position: error})
        if page:
            await self.source.tell(PROJECTED, orjson.dumps({"position": self.position}))

    async def _write(self, connection: Connection, page: list[Stored], poison: dict[int, Exception]) -> None:
        if not page:
            return
        changes, parked = self._fold(page, poison)
        last = page[-1]
        try:
            async with connection.pipeline(), connection.transaction():
                reached = {"known": self.position, "reached": last.position, "hash": sha256(last.body).digest()}
                await connection.execute(SQL["advance"], reached, prepare=True)
                for name, model in MODELS.items():
                    for statement in model.WRITES:
                        await _write_rows(connection, model.SQL[statement], changes.rows(f"{name}.{statement}"))
                await _write_rows(connection, SQL["bury"], changes.rows("bury"))
        except psycopg.Error as error:
            if error.sqlstate == "PU001":
                raise CheckpointMoved from error
            raise
        self.position = last.position
        self._parked |= parked

    def _fold(self, page: list[Stored], poison: dict[int, Exception]) -> tuple[Changes, set[UUID]]:
        """The page as rows. An event that raises is marked, and the page folded again without it."""
        changes, parked = Changes(), set[UUID]()
        for stored in page:
            aggregate_id = _aggregate_id(stored)
            if stored.position in poison or aggregate_id in self._parked or aggregate_id in parked:
                parked.add(aggregate_id)
                error = poison.get(stored.position)
                changes.add("bury", _dead_letter(stored, aggregate_id, repr(error) if error else "parked"))
                continue
            try:
                project_all(open_envelope(stored.position, stored.subject, stored.body), changes)
            except Exception as error:
                log.exception("projector.poison", position=stored.position)
                return self._fold(page, {**poison, stored.position: error})
        return changes, parked


def project_all(recorded: Recorded, changes: Changes) -> None:
    """One event through every read model."""
    for model in MODELS.values():
        model.project(recorded, changes)


async def create_schema(connection: Connection, schema: str, epoch: str) -> None:
    """Makes the tables of all read models, empty, in a schema of their own."""
    async with connection.transaction():
        await connection.execute(psycopg.sql.SQL("create schema if not exists {}").format(_name(schema)))
        await connection.execute(SQL["create"], prepare=False)
        for model in MODELS.values():
            await connection.execute(model.SQL["create"], prepare=False)
        await connection.execute(SQL["begin"], {"versions": orjson.dumps(versions()).decode(), "epoch": epoch})


async def read_checkpoint(connection: Connection) -> Checkpoint:
    row = await (await connection.execute(SQL["checkpoint"])).fetchone()
    if row is None:
        raise LogBehind("The read models have no checkpoint.")
    return Checkpoint(row["epoch"], row["position"], row["hash"], row["versions"])


async def outdated(database_url: str) -> bool:
    """Were the read models there made by another version of this code?"""
    connection = await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, row_factory=dict_row, options=f"-c search_path={SCHEMA}"
    )
    async with connection:
        found = await (await connection.execute("select to_regclass('checkpoint') as found")).fetchone()
        if found is None or found["found"] is None:
            return False
        return (await read_checkpoint(connection)).versions != versions()


async def rebuild(
    source: Log, database_url: str, epoch: str, told: Callable[[int, int], None] = lambda _at, _of: None
) -> int:
    """Builds the read models anew beside the live ones and swaps them in; readers see no pause and no error."""
    connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row)
    async with connection:
        await connection.execute(f"drop schema if exists {NEXT} cascade")
        projector = Projector(source, database_url, epoch, schema=NEXT)
        await projector.catch_up(told)
        async with connection.transaction():
            await connection.execute("drop schema if exists read_old cascade")
            live = await (await connection.execute("select to_regnamespace(%s) as found", (SCHEMA,))).fetchone()
            if live is not None and live["found"] is not None:
                await connection.execute(f"alter schema {SCHEMA} rename to read_old")
            await connection.execute(f"alter schema {NEXT} rename to {SCHEMA}")
        await connection.execute("drop schema if exists read_old cascade")
    return projector.position


async def keep_rejections(source: Log, database_url: str) -> None:
    """Writes what ingest says about deliveries that left no event; best effort, a sample, bounded."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=REJECTIONS_KEPT)

    async def heard(body: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(body)

    await source.listen(REJECTED, heard)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5)
            async with connection:
                await connection.execute(SQL["create_rejections"])
                while True:
                    row = orjson.loads(await queue.get())
                    await connection.execute(SQL["insert_rejection"], {**row, "kept": REJECTIONS_KEPT})
        except psycopg.Error as trouble:
            log.warning("rejections.waiting", trouble=str(trouble).strip())
            await asyncio.sleep(RETRY_SECONDS)


async def _write_rows(connection: Connection, statement: LiteralString, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(statement, {"rows": orjson.dumps(rows).decode()}, prepare=True)


def _aggregate_id(stored: Stored) -> UUID:
    return UUID(stored.subject.rsplit(".", 1)[1])


def _dead_letter(stored: Stored, aggregate_id: UUID, error: str) -> dict[str, Any]:
    kind = stored.subject.removeprefix(f"{PREFIX}.").split(".", 1)[0]
    body = stored.body.decode(errors="replace").replace("\0", "\ufffd")
    return {
        "position": stored.position, "aggregate_id": aggregate_id, "type": kind, "error": error, "body": body,
    }  # fmt: skip


def _name(schema: str) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(schema)
