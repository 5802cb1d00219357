"""A live projector beside a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pulse.errors import ReadsDown
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads

TABLES = {
    "inbox": "select t::text from {}.inbox t order by chat_id",
    # a kind that no chat is of any more says nothing
    "counts": "select t::text from {}.inbox_counts t where chats <> 0 order by t::text",
    "tag counts": "select t::text from {}.tag_counts t where chats <> 0 order by t::text",
    "tags": "select t::text from {}.tagged t order by chat_id, tag",
    "thread": "select t::text from {}.thread t order by chat_id, version",
    "customers": "select t::text from {}.customers t order by customer_id",
    "marks": "select t::text from {}.marks t order by moderator_id, chat_id",
    "callbacks": "select t::text from {}.callbacks t order by position",
    "rooms": "select t::text from {}.rooms t order by room_id",
    "room messages": "select t::text from {}.room_messages t order by room_id, number",
    "room marks": "select t::text from {}.room_marks t order by moderator_id, room_id",
    "notifications": "select t::text from {}.notifications t order by moderator_id, position",
    "joins": "select t::text from {}.joins t order by customer_id, other_id",
    "deliveries": "select t::text from {}.deliveries t order by position",
    "health": "select t::text from {}.health t order by source_id",
    "pending replies": "select t::text from {}.pending_replies t order by chat_id, version",
    "facts": "select t::text from {}.facts t order by position",
    "tags of facts": "select t::text from {}.fact_tags t order by chat_id, version",
    "dead letters": "select (position, subject, kind, body)::text from {}.projection_dead_letter order by position",
    "checkpoint": "select (epoch, position, hash, versions)::text from {}.checkpoint",
}


def all_rows(database_url: str, schema: str = "read") -> dict[str, list[str]]:
    """Every byte of the read models."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return {
            table: [text for (text,) in connection.execute(statement.format(schema)).fetchall()]
            for table, statement in TABLES.items()
        }


@asynccontextmanager
async def live(projector: Projector) -> AsyncIterator[asyncio.Task[None]]:
    """Runs until the block ends; what ends it earlier is raised there."""
    running = asyncio.create_task(projector.run())
    try:
        yield running
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(reads: Reads, position: int) -> None:
    """Waits for the read models to reach a position, also while Postgres comes and goes."""
    reached = False
    while not reached:
        with suppress(ReadsDown):
            reached = await reads.wait_for(position)


async def until_row(database_url: str, statement: str, **values: Any) -> dict[str, Any]:
    """Asks until there is a row."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        while True:
            row = await (await connection.execute(statement, values)).fetchone()
            if row is not None:
                return row
