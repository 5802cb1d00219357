"""The tables of all read models, with checkpoint and dead letters, in a schema of their own.

They are made bare and get their indexes once they have caught up: cheaper than keeping those up all the way.
"""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from pulse.projections.checkpoint import make_checkpoint, mark_indexed, read_checkpoint
from pulse.projections.connections import Connection, enter, make_alone
from pulse.projections.dead_letters import make_dead_letters
from pulse.projections.models import LISTS, Shelf


async def make_read_models(connection: Connection, schema: str, epoch: str, shelf: Shelf = LISTS) -> None:
    """Makes what a projector writes, empty, unless it is there."""
    async with connection.transaction():
        await make_alone(connection, schema)
        if await read_checkpoint(connection) is not None:
            return
        await connection.execute(SQL("create schema if not exists {}").format(Identifier(schema)))
        for model in shelf.models.values():
            await connection.execute(model.SQL["create"], prepare=False)
        await make_dead_letters(connection)
        await make_checkpoint(connection, epoch, shelf)


async def index_read_models(connection: Connection, schema: str, shelf: Shelf = LISTS) -> None:
    """Makes what only reading needs, unless it is there."""
    async with connection.transaction():
        await make_alone(connection, schema)
        if await read_checkpoint(connection) is None:
            return
        await enter(connection)  # or a swap could bring other tables, with their indexes, under these names
        checkpoint = await read_checkpoint(connection)
        if checkpoint is None or checkpoint.indexed:
            return
        for model in shelf.models.values():
            if "index" in model.SQL:
                await connection.execute(model.SQL["index"], prepare=False)
        await connection.execute(SQL("analyze {}").format(SQL(", ").join(map(Identifier, shelf.models))))
        await mark_indexed(connection)
