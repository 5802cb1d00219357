"""Makes the read models anew from the log, beside those in use, and puts them in their place."""

from __future__ import annotations

import asyncio

from psycopg import sql

from pulse.errors import ReadsDown
from pulse.eventlog.jetstream import Log
from pulse.logs import Outage
from pulse.projections.checkpoint import read_checkpoint
from pulse.projections.connections import AWAY, Connection, connected, lead
from pulse.projections.models import LISTS, Shelf, versions
from pulse.projections.projector import RETRY_SECONDS, Projector, Told
from pulse.projections.sql import Statements
from pulse.projections.tables import make_read_models

SQL = Statements(__file__)


async def outdated(database_url: str, shelf: Shelf = LISTS) -> bool:
    """Are the read models missing, or made by another version of this code?"""
    async with connected(database_url, shelf.schema) as connection:
        checkpoint = await read_checkpoint(connection)
        return checkpoint is None or checkpoint.versions != versions(shelf)


async def make_current(
    source: Log, database_url: str, epoch: str, told: Told = lambda _at, _of: None, shelf: Shelf = LISTS
) -> None:
    """Rebuilds what this code would make otherwise; waits for Postgres as long as it takes."""
    outage = Outage("rebuild")
    while True:
        try:
            if await outdated(database_url, shelf):
                await rebuild(source, database_url, epoch, told, shelf)
        except (*AWAY, ReadsDown) as trouble:
            outage.began(trouble)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            outage.ended()
            return


async def rebuild(
    source: Log, database_url: str, epoch: str, told: Told = lambda _at, _of: None, shelf: Shelf = LISTS
) -> int:
    """Builds beside the live read models and swaps; readers see no pause and no error. Returns the position.

    The log may come and go meanwhile. Raises ReadsDown when Postgres goes: nothing was changed then.
    """
    beside = f"{shelf.schema}_next"
    try:
        async with connected(database_url, beside) as connection:
            await lead(connection, beside)
            await _do(connection, "clear", shelf)
            await make_read_models(connection, beside, epoch, shelf)
            projector = Projector(source, database_url, epoch, schema=beside, shelf=shelf)
            await projector.catch_up(told)
            await _swap(connection, projector)
            return projector.position
    except AWAY as error:
        raise ReadsDown("Postgres went away during the rebuild. Nothing was changed; try again.") from error


async def _swap(connection: Connection, projector: Projector) -> None:
    """Nobody writes the live tables meanwhile, so that nobody who has read them sees older ones afterwards."""
    async with connection.transaction():
        await _do(connection, "hold", projector.shelf)
        await projector.catch_up()
        await _do(connection, "swap", projector.shelf)
    await _do(connection, "drop_old", projector.shelf)


async def _do(connection: Connection, step: str, shelf: Shelf) -> None:
    names = {"live": shelf.schema, "beside": f"{shelf.schema}_next", "old": f"{shelf.schema}_old"}
    named = {name: sql.Identifier(schema) for name, schema in names.items()}
    await connection.execute(sql.SQL(SQL[step]).format(**named), prepare=False)
