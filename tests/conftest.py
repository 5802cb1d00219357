"""Real servers for every test: one nats-server and one Postgres a session, a fresh stream and database a test."""

import asyncio
import gc
import itertools
import os
import random
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi.dependencies import models
from psycopg import sql

from pulse import demo, wiring
from pulse.aggregates.source import source_id
from pulse.embedded import Addresses, Embedded
from pulse.embedded.files import passwords_of
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER, House, now
from pulse.projections.projector import Projector
from pulse.projections.reads import PROJECTED
from pulse.settings import Settings
from tests.fakes.serving import served
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import FakeVk, a_fake_vk
from tests.promises import as_promised

DOORS = tuple(role for role in wiring.ROLES if role != "deliver")
STREAMS = NATS_FOLDER / "streams.json"
# The longest files, begun first: so both workers end at about the same time.
LONGEST = frozenset({
    "tests/commands/test_up.py", "tests/conformance/test_pusher_js_suite.py", "tests/desk/test_schemathesis.py",
    "tests/laws/test_projections.py", "tests/laws/test_snapshot_and_frames.py", "tests/test_bench.py",
    "tests/test_embedded.py",
})  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; whoever stands on servers is marked so."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONGEST)
    for item in items:
        if "data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking for garbage in it, again and again, is in vain."""
    gc.collect()
    gc.freeze()


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
        write_lazily(data_dir / "servers", running.addresses)
        yield running


def write_lazily(data_dir: Path, addresses: Addresses) -> None:
    """Postgres need not wait for the disk: these databases outlive no test, and a power cut is none of them."""
    url = addresses.database_url.replace("//pulse:", "//postgres:", 1)
    with psycopg.connect(url, password=passwords_of(data_dir)["postgres"], autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")


@pytest.fixture(scope="session")
def addresses(servers: Embedded) -> Addresses:
    return servers.addresses


@pytest.fixture
async def log(addresses: Addresses) -> AsyncIterator[Log]:
    """A connection to a log that was just made, with nothing in it."""
    opened = await Log.connect(addresses.nats_url, name="test")
    with suppress(AppendRefused):
        # nats-server may stumble (10049) over making its first stream while it removes the last one's folder.
        await opened.api("STREAM.CREATE.KEEP", {"name": "KEEP", "subjects": ["keep"]})
    for stream in wanted_streams(STREAMS):
        with suppress(AppendRefused):  # the first test finds none
            await opened.api(f"STREAM.DELETE.{stream}")
    await reconcile(opened, wanted_streams(STREAMS), max_bytes=1 << 30)
    yield opened
    await opened.close()


@pytest.fixture
def store(log: Log) -> EventStore:
    return EventStore(log)


NUMBERS = itertools.count(1)
PORTS = itertools.count(random.randrange(1_000))
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture
def database_url(addresses: Addresses) -> Iterator[str]:
    """A database of its own."""
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield addresses.database_url.replace("/pulse?", f"/{name}?")
    # An autovacuum worker in it is not ours to end; then it goes with the whole cluster, at the end.
    with (
        psycopg.connect(addresses.database_url, autocommit=True) as connection,
        suppress(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class Projected:
    """How far a Pulse's read models are: its projector's own word, looked at whenever it announces something."""

    def __init__(self, projector: Projector | None) -> None:
        self._projector = projector
        self._moved = asyncio.Condition()

    async def reach(self, position: int) -> None:
        assert self._projector is not None, "this Pulse does not project"
        projector = self._projector
        async with self._moved:
            await self._moved.wait_for(lambda: projector.position >= position)

    async def on_announced(self, _: bytes) -> None:
        async with self._moved:
            self._moved.notify_all()


@dataclass
class Pulse:
    """A whole Pulse in this process, on ports of its own, with the demo world in it."""

    house: House
    http: httpx2.AsyncClient
    push: str
    projected: Projected

    def webhook(self, channel: str) -> str:
        identifier = {demo_source.channel: demo_source.identifier for demo_source in demo.SOURCES}[channel]
        return f"/webhook/{channel}/{source_id(channel, identifier)}"

    async def sign_in(self, name: str) -> dict[str, str]:
        """Headers of a signed-in person: anna, boris or admin."""
        credentials = {"email": f"{name}@pulse.example", "password": demo.PASSWORD}
        answer = await self.http.post("/api/users/login", json=credentials)
        assert answer.status_code == 200, answer.text
        self.http.cookies.clear()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def a_client(address: str, **more: Any) -> httpx2.AsyncClient:
    """Of a Pulse on loopback, which has no certificate: reading the authorities would take as long as many a test."""
    return httpx2.AsyncClient(base_url=address, timeout=10, verify=False, **more)


def free_port() -> int:
    """Nobody else's: each of the processes that run tests has a thousand, below those that outgoing lines are given."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + 1_000 * WORKER + next(PORTS) % 1_000))
            return int(probe.getsockname()[1])


@asynccontextmanager
async def running_pulse(addresses: Addresses, data_dir: Path, roles: tuple[str, ...] = DOORS) -> AsyncIterator[Pulse]:
    """Starts a Pulse like `pulse up --demo` does, and ends it. Without workers, so that only what a test does happens."""
    settings = Settings(
        _env_file=None, data_dir=data_dir, http_port=free_port(), push_port=free_port(), push_subscription_counts=True
    )
    ready: asyncio.Future[House] = asyncio.get_running_loop().create_future()

    async def started(house: House) -> None:
        await house.directory.wait_for(await demo.make_demo(house.store, house.vault, now))
        await house.begun()
        assert all((await house.check()).values())
        ready.set_result(house)

    serving = asyncio.create_task(wiring.serve(settings, addresses, roles, started))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    held = {"response": [as_promised]}  # whatever a test asks for
    async with a_client(settings.http_address, event_hooks=held) as client:
        house = ready.result()
        projected = Projected(house.projector)
        await house.log.listen(PROJECTED, projected.on_announced)
        yield Pulse(house, client, settings.push_address, projected)
    serving.cancel()
    await asyncio.wait([serving])
    forget_callables()


def forget_callables() -> None:
    """FastAPI remembers thousands of functions, and with each the whole Pulse that it belonged to."""
    for known in vars(models).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()


@pytest.fixture
async def pulse(addresses: Addresses, log: Log, database_url: str, tmp_path: Path) -> AsyncIterator[Pulse]:
    """A whole Pulse on an empty log and an empty database."""
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as running:
        yield running


@pytest.fixture
async def whole_pulse(addresses: Addresses, log: Log, database_url: str, tmp_path: Path) -> AsyncIterator[Pulse]:
    """With the workers too."""
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path, wiring.ROLES) as running:
        yield running


@pytest.fixture
async def fake_telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram of a test's own, on loopback; a source whose `api_url` is its address talks to it."""
    telegram = FakeTelegram()
    async with served(telegram) as address:
        telegram.address = address
        yield telegram
        telegram.let_go.set()  # whoever is still held back


@pytest.fixture
async def fake_vk() -> AsyncIterator[FakeVk]:
    """A VK of a test's own, on loopback; a source whose `api_url` is the fake's talks to it."""
    async with a_fake_vk() as fake:
        yield fake
