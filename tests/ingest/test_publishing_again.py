"""Business events while the log's server dies, and on two processes at once: accepted ones are there, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from pulse.aggregates.feed import Feed
from pulse.embedded import Addresses, Embedded
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS, Pulse, running_pulse
from tests.insisting import insist
from tests.producing import BATCH, Shop, a_shop, an_event, published
from tests.world import is_problem, since


@pytest.fixture
def nats(data_dir: Path) -> Iterator[Embedded]:
    """A nats-server that may be killed."""
    with Embedded(data_dir / "events-nats", postgres=False) as running:
        yield running


async def taken(shop: Shop, event: object, kind: dict[str, str]) -> httpx2.Response:
    """As a producer does: the same event until it is accepted."""
    return await insist(lambda: shop.post(event, kind), lambda answer: answer.status_code == 202)


async def orders(pulse: Pulse) -> list[object]:
    return [event.published.data["sum"] for event in published(await since(pulse, 0))]


async def test_nothing_accepted_is_lost_or_doubled_when_nats_is_killed(
    nats: Embedded, addresses: Addresses, tmp_path: Path
) -> None:
    own = replace(nats.addresses, database_url=addresses.database_url)
    log = await Log.connect(own.nats_url, name="test")
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    await log.close()
    batches = [[an_event(data={"order": n % 3, "sum": f"{b}.{n}"}) for n in range(5)] for b in range(8)]
    async with running_pulse(own, tmp_path, roles=("ingest",)) as pulse:
        shop = await a_shop(pulse)
        for batch in batches[:4]:
            await taken(shop, batch, BATCH)
        lost = asyncio.Event()
        pulse.house.log.when_lost.add(lost.set)
        nats.kill_nats()
        await lost.wait()
        answer = await shop.post(batches[4], BATCH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        is_problem(answer, 503, "log-down")
        assert (await shop.post(batches[4], BATCH, secret="whsec_" + "A" * 40)).status_code == 401
        nats.restart_nats()
        for batch in batches[4:]:
            await taken(shop, batch, BATCH)
    async with running_pulse(own, tmp_path, roles=("ingest",)) as pulse:
        again = Shop(pulse, shop.name)
        answers = [await taken(again, batch, BATCH) for batch in batches]
        assert [answer.json() for answer in answers] == [{"stored": 0, "repeated": 5}] * 8
        assert await orders(pulse) == [event["data"]["sum"] for batch in batches for event in ordered(batch)]


def ordered(batch: list[dict[str, dict[str, object]]]) -> list[dict[str, dict[str, object]]]:
    """A batch as it is stored: feed after feed."""
    return sorted(batch, key=lambda event: str(event["data"]["order"]))


async def test_the_same_events_at_two_doors_at_once_count_once(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path
) -> None:
    own = replace(addresses, database_url=database_url)
    async with (
        running_pulse(own, tmp_path, roles=("ingest",)) as one,
        running_pulse(own, tmp_path, roles=("ingest",)) as other,
    ):
        shop = await a_shop(one)
        await other.house.directory.wait_for(await log.last_position())
        doors = (shop, Shop(other, shop.name)) * 5
        for number in range(10):
            event = an_event(data={"order": 1, "sum": str(number)})
            answers = await asyncio.gather(*(door.post(event) for door in doors))
            assert {answer.status_code for answer in answers} == {202}
            assert sum(answer.json()["stored"] for answer in answers) == 1
        feed = await other.house.store.load(Feed, shop.feed("private-orders.1"))
        assert feed is not None
        assert feed.version == 11
        assert await orders(one) == [str(number) for number in range(10)]
