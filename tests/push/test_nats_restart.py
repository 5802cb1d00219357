"""The log's server dies in the middle: sockets stay, and everything arrives once and in order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from pulse.embedded import Addresses, Embedded
from pulse.errors import Trouble
from pulse.eventlog.commands import Decided
from pulse.eventlog.jetstream import Log
from pulse.push.hub import Hub
from pulse.push.relay import Relay
from pulse.tokens import Visit
from tests.conftest import Pulse, running_pulse
from tests.insisting import insist as again
from tests.push.conftest import empty_log
from tests.push.ears import Frame, a_visit, act, staff_ear, visitor_ear, writes

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


async def test_a_relay_that_begins_while_nats_is_away_waits_for_it(pulse: Pulse, nats: Embedded) -> None:
    relay = Relay(pulse.house.log, pulse.house.directory, Hub())
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
