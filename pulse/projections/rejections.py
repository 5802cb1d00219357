"""Rejections: deliveries that left no event, as ingest tells of them. Best effort, a sample, bounded."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import psycopg

from pulse.eventlog.jetstream import Log
from pulse.logs import Outage
from pulse.projections.connections import AWAY, Connection, connected, lead
from pulse.projections.deliveries import Wanted
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)
REJECTED = "pulse.live.rejected"
SCHEMA = "trace"
KEPT = 1000
RETRY_SECONDS = 0.5
OUTCOMES = frozenset({"refused", "repeated", "live", "confirmed", "blocked"})


class Rejection(msgspec.Struct, frozen=True):
    source: str
    outcome: str
    reason: str
    body: str
    suppressed: int


async def page(reads: Reads, wanted: Wanted, *, limit: int, cursor: str | None) -> Page:
    """What is kept of one of OUTCOMES, newest first. A cursor comes from an earlier page."""
    at = Cursor.of(cursor)
    rows = await reads.fetch(SQL[at.way], **wanted.values(), position=at.position, limit=limit + 1)
    return at.page(rows, limit, "number")


async def keep_rejections(source: Log, database_url: str) -> None:
    """Writes what is told, for ever. Of several processes one does it; Postgres may come and go."""
    told: asyncio.Queue[Rejection] = asyncio.Queue(maxsize=KEPT)

    async def heard(body: bytes) -> None:
        with contextlib.suppress(msgspec.MsgspecError, asyncio.QueueFull):
            told.put_nowait(msgspec.json.decode(body, type=Rejection))

    listening, outage = False, Outage("rejections")
    while True:
        try:
            async with connected(database_url, SCHEMA) as connection:
                outage.ended()
                await lead(connection, SCHEMA)
                await connection.execute(SQL["create"], prepare=False)
                if not listening:
                    await source.listen(REJECTED, heard)
                    listening = True
                while True:
                    await _keep(connection, await told.get())
        except AWAY as trouble:
            outage.began(trouble)
            await asyncio.sleep(RETRY_SECONDS)


async def _keep(connection: Connection, rejection: Rejection) -> None:
    with contextlib.suppress(psycopg.DataError):  # a text that no table takes
        await connection.execute(SQL["insert"], {**msgspec.structs.asdict(rejection), "kept": KEPT})
