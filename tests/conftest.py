"""Real servers for every test: one nats-server and one Postgres a session, a fresh stream and database a test."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pulse.embedded import Addresses, Embedded
from pulse.eventlog.jetstream import AppendRefused, Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams

STREAMS = Path(__file__).parent.parent / "nats" / "streams.json"


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A directory that Postgres' own user can enter, also when the tests run as root."""
    place = Path(tempfile.mkdtemp(prefix="pulse-tests-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(data_dir: Path) -> Iterator[Embedded]:
    with Embedded(data_dir / "servers") as running:
        yield running


@pytest.fixture(scope="session")
def addresses(servers: Embedded) -> Addresses:
    return servers.addresses


@pytest.fixture
async def log(addresses: Addresses) -> AsyncIterator[Log]:
    """A connection to a log that was just made, with nothing in it."""
    opened = await Log.connect(addresses.nats_url, name="test")
    try:
        await opened.api(f"STREAM.DELETE.{opened.stream}")
    except AppendRefused:
        pass  # the first test finds no stream
    await reconcile(opened, wanted_streams(STREAMS), max_bytes=1 << 30)
    yield opened
    await opened.close()


@pytest.fixture
def store(log: Log) -> EventStore:
    return EventStore(log)


NUMBERS = itertools.count(1)


@pytest.fixture
def database_url(addresses: Addresses) -> Iterator[str]:
    """A database of its own."""
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield addresses.database_url.replace("/pulse?", f"/{name}?")
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
