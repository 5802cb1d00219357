"""Connections that write read models, and the locks they hold."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import psycopg
from psycopg.rows import DictRow, dict_row

from pulse.projections.sql import Statements

SQL = Statements(__file__)
CONNECT_SECONDS = 5

Connection = psycopg.AsyncConnection[DictRow]
# What a server that went away looks like; it may come back.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError)


@contextlib.asynccontextmanager
async def connected(database_url: str, schema: str) -> AsyncIterator[Connection]:
    """A connection whose tables are those of one schema. Raises psycopg.OperationalError."""
    connection = await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS, prepare_threshold=0,
        # The log is the truth: a crash of Postgres may cost the last moments, rows and checkpoint together.
        options=f"-c search_path={schema} -c timezone=UTC -c synchronous_commit=off",
    )  # fmt: skip
    async with connection:
        yield connection


async def lead(connection: Connection, what: str) -> None:
    """Waits until nobody else does this; the lock goes with the connection."""
    await connection.execute(SQL["lead"], {"what": what})


async def make_alone(connection: Connection, schema: str) -> None:
    """Until this transaction ends, nobody else makes tables in the schema."""
    await connection.execute(SQL["make_alone"], {"schema": schema})


async def enter(connection: Connection) -> None:
    """Must begin every transaction that writes rows: it waits for a swap, and then finds the new tables."""
    await connection.execute(SQL["enter"], prepare=False)
