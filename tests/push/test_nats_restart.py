"""The log's server dies in the middle: sockets stay, and everything arrives once and in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import structlog

from pulse.embedded import Addresses, Embedded
from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.commands import Decided
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.tokens import Visit
from pulse.wiring.push_parts import push_parts
from tests.conftest import Pulse, running_pulse
from tests.insisting import insist as again
from tests.push.comers import data_of, texts_of
from tests.push.conftest import empty_log
from tests.push.ears import (
    ADMIN,
    PATIENCE,
    Ear,
    Frame,
    a_visit,
    act,
    happened,
    is_pulses,
    staff_ear,
    visitor_ear,
    writes,
)
from tests.push.test_protocol import COUNT, pusher_ear, signed

MESSAGES, KILLED_AT = 120, 40


@pytest.fixture(scope="module")
def nats(data_dir: Path) -> Iterator[Embedded]:
    """A nats-server that may be killed."""
    with Embedded(data_dir / "push-nats", postgres=False) as running:
        yield running


@pytest.fixture(scope="module")
async def pulse(nats: Embedded, addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pulse]:
    """A push process, which needs no database."""
    own = replace(nats.addresses, database_url=addresses.database_url)
    await empty_log(own)
    async with running_pulse(own, tmp_path_factory.mktemp("pulse"), roles=("push",)) as running:
        yield running


async def test_nothing_is_missed_or_doubled_when_nats_is_killed_and_comes_back(pulse: Pulse, nats: Embedded) -> None:
    visit = a_visit()
    texts = [f"message {number}" for number in range(MESSAGES)]
    async with staff_ear(pulse) as admin, visitor_ear(pulse, visit) as vera:
        for text in texts[:KILLED_AT]:
            await insist(pulse, visit, text)
        lost = when_lost(pulse.house.log)
        nats.kill_nats()
        writing = asyncio.create_task(write_all(pulse, visit, texts[KILLED_AT:]))
        await lost.wait()
        nats.restart_nats()
        last = await writing
        staff = await admin.until(lambda frame: frame["seq"] == last.position and frame["type"] == "chat.alert")
        visitor = await vera.up_to_version(last.version)
    assert said(staff) == said(visitor) == texts
    assert [frame["data"]["version"] for frame in visitor] == list(range(1, MESSAGES + 2))
    heard = [(frame["seq"], frame["type"]) for frame in staff]
    assert len(heard) == len(set(heard)) == 2 * MESSAGES + 1
    assert [position for position, _ in heard] == sorted(position for position, _ in heard)


async def test_while_nats_is_away_sockets_stay_and_are_told_so_and_then_what_they_missed(
    pulse: Pulse, nats: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes meanwhile is told so too. The feed is stale until everything that was missed has been told."""
    visit, texts = a_visit(), [f"missed {number}" for number in range(20)]
    channel, may_relay, pages = f"private-chat.{visit.chat}", asyncio.Event(), Follow._pages
    await happened(pulse, visit, writes("Before"))

    async def pages_in_time(follow: Follow) -> AsyncIterator[list[Stored]]:
        await may_relay.wait()
        async for page in pages(follow):
            yield page

    monkeypatch.setattr(Follow, "_pages", pages_in_time)
    async with staff_ear(pulse) as admin, visitor_ear(pulse, visit) as vera, pusher_ear(pulse) as pusher:
        await pusher.subscribe(channel, **signed(pulse, pusher, channel, ADMIN))
        nats.kill_nats()
        for ear in (admin, vera, pusher):
            assert await until_feed(ear, stale=True) == []
        async with visitor_ear(pulse, visit) as late, pusher_ear(pulse) as late_pusher:
            assert await until_feed(late, stale=True) == await until_feed(late_pusher, stale=True) == []
        nats.restart_nats()
        await write_all(pulse, visit, texts)
        may_relay.set()
        for ear in (admin, vera, pusher):
            assert texts_of(await until_feed(ear, stale=False)) == texts
        async with visitor_ear(pulse, visit) as new:
            await insist(pulse, visit, "live")
            for ear in (admin, vera, pusher, new):
                assert texts_of([*await ear.until(lambda frame: texts_of([frame]) != [])]) == ["live"]
            assert [aside["type"] for aside in new.asides] == ["pulse:cursor"]


async def test_of_a_nats_that_hangs_health_and_sockets_are_told_the_same_at_the_same_time(
    pulse: Pulse, nats: Embedded
) -> None:
    """Its connections are up for a while yet."""
    async with staff_ear(pulse) as admin:
        await happened(pulse, a_visit(), writes("Before"))
        with hanging(nats):
            await until_feed(admin, stale=True)
            assert pulse.house.log.up
            assert (await pulse.house.check())["log"] is False
        await until_feed(admin, stale=False)
        await again(pulse.house.check, lambda checks: checks["log"])


@contextmanager
def hanging(nats: Embedded) -> Iterator[None]:
    server = psutil.Process(nats._nats.process.pid)
    those = [server, *server.children(recursive=True)]
    for process in those:
        process.suspend()
    try:
        yield
    finally:
        for process in those:
            process.resume()


async def until_feed(ear: Ear, *, stale: bool) -> list[Frame]:
    """What it hears until it is told how its feed is."""
    heard: list[Frame] = []
    async with asyncio.timeout(PATIENCE):
        while True:
            frame = json.loads(await ear.socket.recv())
            if (frame.get("type") or frame["event"]) == "pulse:feed":
                assert data_of(frame) == {"stale": stale}
                return heard
            if not is_pulses(frame) and frame.get("event") != COUNT:
                heard.append(frame)


async def test_a_relay_that_begins_while_nats_is_away_waits_for_it(pulse: Pulse, nats: Embedded) -> None:
    relay = push_parts(pulse.house).relay
    lost = when_lost(pulse.house.log)
    nats.kill_nats()
    await lost.wait()
    with structlog.testing.capture_logs() as told:
        beginning = asyncio.create_task(relay.begin())
        await asyncio.sleep(0)  # a log that is away says so at once
        assert [entry for entry in told if entry["event"].startswith("push.")]
        assert not relay.ready
        nats.restart_nats()
        await beginning
    running = asyncio.create_task(relay.run())
    assert relay.follow is not None
    await relay.follow.caught_up.wait()
    assert relay.ready
    running.cancel()


def when_lost(log: Log) -> asyncio.Event:
    """Set as soon as the connection notices that its server is gone."""
    lost = asyncio.Event()
    log.when_lost.add(lost.set)
    return lost


async def write_all(pulse: Pulse, visit: Visit, texts: list[str]) -> Decided:
    for text in texts:
        last = await insist(pulse, visit, text)
    return last


async def insist(pulse: Pulse, visit: Visit, text: str) -> Decided:
    """Like a provider: the same delivery again until it is taken."""
    return await again(lambda: act(pulse.house, visit, writes(text, external_id=text)), despite=Trouble)


def said(frames: list[Frame]) -> list[str]:
    return [frame["data"]["text"] for frame in frames if frame["type"] == "chat.message"]
