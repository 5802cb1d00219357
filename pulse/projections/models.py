"""The one list of read models, and their tables in a schema."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from pulse.eventlog.envelope import Recorded
from pulse.projections import customers, deliveries, inbox, thread
from pulse.projections.changes import Changes, ReadModel
from pulse.projections.connections import Connection

# Each is named after its table.
MODELS: dict[str, ReadModel] = {"inbox": inbox, "thread": thread, "customers": customers, "deliveries": deliveries}


def versions() -> dict[str, int]:
    """The read models this code makes."""
    return {name: model.VERSION for name, model in MODELS.items()}


def project_all(recorded: Recorded, changes: Changes) -> None:
    """One event through every read model."""
    for model in MODELS.values():
        model.project(recorded, changes)


async def make_tables(connection: Connection, schema: str) -> None:
    """Makes the tables, empty, in a schema of their own."""
    await connection.execute(SQL("create schema if not exists {}").format(Identifier(schema)))
    for model in MODELS.values():
        await connection.execute(model.SQL["create"], prepare=False)


async def make_indexes(connection: Connection) -> None:
    """Makes what reading needs and writing does not: cheaper after a long build than kept up all the way."""
    for model in MODELS.values():
        if "index" in model.SQL:
            await connection.execute(model.SQL["index"], prepare=False)
    await connection.execute(SQL("analyze {}").format(SQL(", ").join(map(Identifier, MODELS))))
