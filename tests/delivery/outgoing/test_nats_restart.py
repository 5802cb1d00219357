"""The log's server dies in the middle: other systems are told everything all the same, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pulse.embedded import Embedded
from pulse.errors import Trouble
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS
from tests.delivery.outgoing.conftest import World
from tests.insisting import insist


@pytest.fixture
def nats(data_dir: Path) -> Iterator[Embedded]:
    """A nats-server that may be killed."""
    with Embedded(data_dir / "delivery-nats", postgres=False) as running:
        yield running


@pytest.fixture
async def world(nats: Embedded) -> AsyncIterator[World]:
    log = await Log.connect(nats.addresses.nats_url, name="test")
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    async with AsyncExitStack() as stack:
        yield World(log, EventStore(log), stack)
    await log.close()


async def test_nothing_is_skipped_when_nats_is_killed_and_comes_back(world: World, nats: Embedded) -> None:
    receiver = await world.receiver()
    await world.subscribe(receiver)
    async with world.worker():
        await world.vera_writes("one", "two")
        await receiver.until(2)
        nats.kill_nats()
        nats.restart_nats()
        for text in ("three", "four"):
            await insist(lambda text=text: world.vera_writes(text), despite=Trouble)

        async def told() -> bool:
            return "four" in receiver.texts

        await insist(told, bool)
    assert list(dict.fromkeys(receiver.texts)) == ["one", "two", "three", "four"]
