"""What other programs publish: every process hears it, and the last of a cache channel is known for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pulse.embedded import Addresses, Embedded
from pulse.errors import LogDown
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import APP
from pulse.push.app_events import CACHE_SECONDS, AppEvent, AppEvents, Said, Terminate
from tests.insisting import insist

PATIENCE = 20


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Heard:
    """What one process heard, in order."""

    def __init__(self) -> None:
        self.all = asyncio.Queue[Said]()

    async def __call__(self, said: Said) -> None:
        self.all.put_nowait(said)

    async def next(self) -> Said:
        async with asyncio.timeout(PATIENCE):
            return await self.all.get()


@pytest.fixture
async def others(addresses: Addresses, log: Log) -> AsyncIterator[Log]:
    """Another process' connection."""
    opened = await Log.connect(addresses.nats_url, name="other")
    yield opened
    await opened.close()


async def test_every_process_hears_everything_in_order(log: Log, others: Log) -> None:
    heard = [Heard(), Heard()]
    said = [AppEvent("paid", str(number), ("orders",), "1.2") for number in range(20)]
    for process, hear in zip((log, others), heard, strict=True):
        await AppEvents(process).listen(hear)
    await others.client.flush()
    await AppEvents(log).publish(said)
    await AppEvents(log).terminate("7")
    for hear in heard:
        assert [await hear.next() for _ in range(21)] == [*said, Terminate("7")]


async def test_what_can_not_be_read_is_passed_over(log: Log) -> None:
    events, heard = AppEvents(log), Heard()
    await events.listen(heard)
    for body in (b"", b"[]", b'{"type": "of the future"}', b'{"type": "event", "event": 1}'):
        await log.tell(APP, body)
    await events.terminate("7")
    assert await heard.next() == Terminate("7")


async def test_any_process_knows_what_a_cache_channel_told_last(log: Log, others: Log) -> None:
    clock = Clock()
    events, other = AppEvents(log, clock), AppEvents(others, clock)
    channels = ("cache-a", "private-cache-b.1", "presence-cache-c", "private-encrypted-cache-d", "orders")
    await events.publish([AppEvent("paid", "1", channels[:3]), AppEvent("paid", "2", channels)])
    found = {channel: await other.last_event(channel) for channel in (*channels, "cache-never")}
    assert {channel: last and last.data for channel, last in found.items()} == {
        "cache-a": "2", "private-cache-b.1": "2", "presence-cache-c": "2", "private-encrypted-cache-d": "2",
        "orders": None, "cache-never": None,
    }  # fmt: skip
    clock.now += CACHE_SECONDS
    assert await other.last_event("cache-a") is None


async def test_workers_notes_do_not_go_for_what_others_put_beside_them(log: Log) -> None:
    await AppEvents(log).publish([AppEvent("paid", "1", ("cache-a",))])
    counts = [(await log.api(f"STREAM.INFO.{name}"))["state"]["messages"] for name in ("PULSE_NOTES", "PULSE_CACHE")]
    assert counts == [0, 1]


@pytest.fixture(scope="module")
def nats(data_dir: Path) -> Iterator[Embedded]:
    """A nats-server that may be killed."""
    with Embedded(data_dir / "app-nats", postgres=False) as running:
        yield running


async def test_while_nats_is_away_nothing_is_taken(nats: Embedded) -> None:
    log = await Log.connect(nats.addresses.nats_url, name="test")
    events, heard, lost = AppEvents(log), Heard(), asyncio.Event()
    await events.listen(heard)
    log.when_lost.add(lost.set)
    nats.kill_nats()
    await lost.wait()
    with pytest.raises(LogDown):
        await events.publish([AppEvent("paid", "1", ("orders",))])
    nats.restart_nats()
    await insist(lambda: events.publish([AppEvent("paid", "2", ("orders",))]), despite=LogDown)
    said = await heard.next()
    assert isinstance(said, AppEvent)
    assert said.data == "2"
    await log.close()
