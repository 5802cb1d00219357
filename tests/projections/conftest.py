"""A log with words in it, and projectors that fold them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from pulse.embedded import Embedded
from pulse.eventlog.appends import Append, AppendRefused
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from tests.conftest import STREAMS
from tests.projections.told import Told


@pytest.fixture
async def epoch(log: Log) -> str:
    return await epoch_of(log)


async def epoch_of(log: Log) -> str:
    return await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)


@pytest.fixture
def projector(log: Log, database_url: str, epoch: str) -> Projector:
    return Projector(log, database_url, epoch)


@pytest.fixture
async def reads(log: Log, database_url: str) -> AsyncIterator[Reads]:
    async with Reads.open(database_url, log) as opened:
        yield opened


@pytest.fixture
def query(database_url: str) -> Callable[..., list[dict[str, Any]]]:
    """Asks the test's own database, past everything of ours."""

    def ask(statement: Any, parameters: Any = None) -> list[dict[str, Any]]:
        with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
            connection.execute("set search_path = read")
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return ask


async def append(log: Log, told: Told) -> int:
    """Puts events into the log as they are. Returns the last position."""
    position = 0
    for first in range(0, len(told.appends), 500):
        batch = [Append(each.subject, each.body) for each in told.appends[first : first + 500]]
        position = (await log.append_batch(batch)).position
    return position


@pytest.fixture(scope="session")
def own_servers(data_dir: Path) -> Iterator[Embedded]:
    """Servers that may be killed. Whoever does starts them again."""
    with Embedded(data_dir / "projections") as running:
        yield running


@asynccontextmanager
async def own_log(servers: Embedded) -> AsyncIterator[Log]:
    """An empty log beside an empty database, on servers of one's own."""
    with psycopg.connect(servers.addresses.database_url, autocommit=True) as connection:
        connection.execute("drop schema if exists read, read_next, alone, trace cascade")
    opened = await Log.connect(servers.addresses.nats_url, name="test")
    with suppress(AppendRefused):  # the first test finds no stream
        await opened.api(f"STREAM.DELETE.{opened.stream}")
    await epoch_of(opened)
    yield opened
    await opened.close()
