"""A whole Pulse per module: each test brings its own chats and people, and listens for those only."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from pulse.embedded import Addresses
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import NUMBERS, STREAMS, Pulse, running_pulse


@pytest.fixture(scope="module")
async def pulse(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pulse]:
    """On an empty log and an empty database of its own."""
    await empty_log(addresses)
    name = f"test_push_{next(NUMBERS)}"
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        own = replace(addresses, database_url=addresses.database_url.replace("/pulse?", f"/{name}?"))
        async with running_pulse(own, tmp_path_factory.mktemp("pulse")) as running:
            yield running
        with suppress(psycopg.errors.InsufficientPrivilege):  # an autovacuum worker in it is not ours to end
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def empty_log(addresses: Addresses) -> None:
    log = await Log.connect(addresses.nats_url, name="test")
    with suppress(AppendRefused):  # there may be none yet
        await log.api(f"STREAM.DELETE.{log.stream}")
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    await log.close()
