"""Makes the read models anew from the log, beside those in use, and puts them in their place."""

from __future__ import annotations

import asyncio

from pulse.errors import ReadsDown
from pulse.eventlog.jetstream import Log
from pulse.logs import Outage
from pulse.projections.checkpoint import read_checkpoint
from pulse.projections.connections import AWAY, Connection, connected, lead
from pulse.projections.models import versions
from pulse.projections.projector import RETRY_SECONDS, Projector, Told
from pulse.projections.reads import SCHEMA
from pulse.projections.sql import Statements
from pulse.projections.tables import make_read_models

SQL = Statements(__file__)
NEXT = "read_next"


async def outdated(database_url: str) -> bool:
    """Are the read models missing, or made by another version of this code?"""
    async with connected(database_url, SCHEMA) as connection:
        checkpoint = await read_checkpoint(connection)
        return checkpoint is None or checkpoint.versions != versions()


async def make_current(source: Log, database_url: str, epoch: str, told: Told = lambda _at, _of: None) -> None:
    """Rebuilds what this code would make otherwise; waits for Postgres as long as it takes."""
    outage = Outage("rebuild")
    while True:
        try:
            if await outdated(database_url):
                await rebuild(source, database_url, epoch, told)
        except (*AWAY, ReadsDown) as trouble:
            outage.began(trouble)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            outage.ended()
            return


async def rebuild(source: Log, database_url: str, epoch: str, told: Told = lambda _at, _of: None) -> int:
    """Builds beside the live read models and swaps; readers see no pause and no error. Returns the position.

    The log may come and go meanwhile. Raises ReadsDown when Postgres goes: nothing was changed then.
    """
    try:
        async with connected(database_url, NEXT) as connection:
            await lead(connection, NEXT)
            await connection.execute(SQL["clear"])
            await make_read_models(connection, NEXT, epoch)
            projector = Projector(source, database_url, epoch, schema=NEXT)
            await projector.catch_up(told)
            await _swap(connection, projector)
            return projector.position
    except AWAY as error:
        raise ReadsDown("Postgres went away during the rebuild. Nothing was changed; try again.") from error


async def _swap(connection: Connection, projector: Projector) -> None:
    """Nobody writes the live tables meanwhile, so that nobody who has read them sees older ones afterwards."""
    async with connection.transaction():
        await connection.execute(SQL["hold"], prepare=False)
        await projector.catch_up()
        await connection.execute(SQL["swap"], prepare=False)
    await connection.execute(SQL["drop_old"])
