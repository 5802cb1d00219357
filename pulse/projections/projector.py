"""Folds the log into the read models: a batch of events is one transaction with its checkpoint, or nothing.

A second projector waits for the first one's lock; should both run, the checkpoint's compare-and-set lets only
one of them count. An event that can't be projected is set aside with its aggregate, and the rest flows on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID

import orjson
import psycopg
import structlog

from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.logs import Outage
from pulse.projections.batch import Batch, Unwritable, fold, parts
from pulse.projections.checkpoint import MOVED, CheckpointMoved, advance, read_checkpoint
from pulse.projections.connections import AWAY, Connection, connected, enter, lead
from pulse.projections.dead_letters import parked_subjects
from pulse.projections.models import LISTS, Shelf
from pulse.projections.reads import PROJECTED, SCHEMA
from pulse.projections.tables import index_read_models, make_read_models

RETRY_SECONDS = 0.5
SHORT = 100
# Error classes that blame the values, not the server: cardinality, data, integrity, a limit of Postgres.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
BLAMES_VALUES = ("21", "22", "23", "54")

log = structlog.get_logger(__name__)
T = TypeVar("T")
Told = Callable[[int, int], None]


class Projector:
    """Projects a shelf into one schema. `run` never returns; `catch_up` does, when the end of the log is reached."""

    def __init__(
        self, source: Log, database_url: str, epoch: str, *, schema: str | None = None, shelf: Shelf = LISTS
    ) -> None:
        self.source = source
        self.database_url = database_url
        self.epoch = epoch
        self.schema = schema or shelf.schema
        self.shelf = shelf
        self.position = 0
        self.ready = asyncio.Event()
        self._build = UUID(int=0)
        self._indexed = False
        self._parked: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Projects for ever; Postgres and NATS may come and go.

        Raises LogBehind, LogHole and OtherVersion: those need a person.
        """
        outage = Outage("projector")
        while True:
            try:
                async with connected(self.database_url, self.schema) as connection:
                    await lead(connection, self.schema)
                    goal = await self.source.last_position()
                    outage.ended()
                    async with aclosing(self._project(connection)) as positions:
                        async for position in positions:
                            if position >= goal:
                                await self._caught_up(connection)
                                self.ready.set()
            except (*AWAY, LogDown, AppendRefused) as trouble:
                outage.began(trouble)
                await asyncio.sleep(RETRY_SECONDS)

    async def catch_up(self, told: Told = lambda _at, _of: None) -> int:
        """Projects up to what is now the end of the log, telling how far it is. Returns the position."""
        async with connected(self.database_url, self.schema) as connection:
            goal = await self.source.last_position()
            async with aclosing(self._project(connection)) as positions:
                async for position in positions:
                    told(position, goal)
                    if position >= goal:
                        await self._caught_up(connection)
                        break
        return self.position

    async def _project(self, connection: Connection) -> AsyncGenerator[int, None]:
        """From the checkpoint on: each position that is reached. Starts over when something moved the checkpoint."""
        while True:
            await self._begin(connection)
            yield self.position
            try:
                async with aclosing(ahead(self._batches())) as batches:
                    async for batch in batches:
                        await self._take(connection, batch)
                        yield self.position
            except CheckpointMoved:
                log.info("projector.moved", schema=self.schema, position=self.position)

    async def _begin(self, connection: Connection) -> None:
        """Finds the place to go on from, and checks that the log is the one the tables were made from."""
        checkpoint = await read_checkpoint(connection)
        if checkpoint is None:
            await make_read_models(connection, self.schema, self.epoch, self.shelf)
            return await self._begin(connection)
        await checkpoint.guard(self.source, self.epoch, self.shelf)
        self._build, self.position, self._indexed = checkpoint.build, checkpoint.position, checkpoint.indexed
        self._parked = await parked_subjects(connection)
        await self._announce()
        return None

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        async for page in Follow(self.source, self.position):
            for part in parts(page):
                yield await self._fold(part)
            if len(page) < SHORT:
                await asyncio.sleep(self.shelf.gather_seconds)

    async def _fold(self, page: list[Stored], poison: Mapping[int, Exception] | None = None) -> Batch:
        return await fold(page, self._parked, poison, self.shelf)

    async def _take(self, connection: Connection, batch: Batch) -> None:
        """Writes a batch. What the tables refuse is found by halving and set aside."""
        if batch.behind != len(self._parked):  # it was folded while a subject of its own was being parked
            batch = await self._fold(batch.page)
        try:
            await self._write(connection, batch)
        except Unwritable as refused:
            page, middle = batch.page, len(batch.page) // 2
            if middle:
                await self._take(connection, await self._fold(page[:middle]))
                await self._take(connection, await self._fold(page[middle:]))
            else:
                cause = refused.__cause__
                assert isinstance(cause, Exception)
                await self._write(connection, await self._fold(page, {batch.last.position: cause}))

    async def _write(self, connection: Connection, batch: Batch) -> None:
        """One transaction. Raises CheckpointMoved, Unwritable; then nothing of it happened."""
        try:
            async with connection.pipeline(), connection.transaction():
                await enter(connection)
                await advance(connection, self._build, self.position, batch.last)
                await batch.write(connection)
        except psycopg.Error as error:
            if error.sqlstate == MOVED:
                raise CheckpointMoved from error
            if isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(BLAMES_VALUES):
                raise Unwritable from error
            raise
        if batch.parks:
            log.error("projector.parked", position=batch.last.position, parked=len(batch.parks), one=min(batch.parks))
        self.position = batch.last.position
        self._parked |= batch.parks  # a new set: one that is being folded with stays as it is
        await self._announce()

    async def _caught_up(self, connection: Connection) -> None:
        if not self._indexed:
            await index_read_models(connection, self.schema, self.shelf)
            self._indexed = True

    async def _announce(self) -> None:
        """Tells those who wait for their own write; only tables that are read count."""
        if self.schema == SCHEMA:
            await self.source.tell(PROJECTED, orjson.dumps({"position": self.position}))


async def ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same items, the next one being made while the last is in use."""
    coming = asyncio.ensure_future(anext(items))
    try:
        while True:
            item = await coming
            coming = asyncio.ensure_future(anext(items))
            yield item
    finally:
        coming.cancel()
        await asyncio.wait([coming])
        if not coming.cancelled():
            coming.exception()
        await items.aclose()
