"""Which moderators have a socket open is told live: at once when one comes or goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest

from pulse.eventlog.jetstream import Log
from pulse.presence import Presence
from pulse.push import online
from pulse.push.hub import Hub
from pulse.push.online import tell_online
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, BORIS, a_visit, staff_ear, visitor_ear
from tests.push.test_hub import a_peer
from tests.push.test_protocol import pusher_ear, signed

PATIENCE = 20


@pytest.fixture
async def presence(pulse: Pulse) -> Presence:
    """Listens before anybody comes."""
    found = Presence(pulse.house.log, lambda: 0.0)
    await found.run()
    await pulse.house.log.client.flush()
    return found


async def until(presence: Presence, *people: object) -> None:
    async def online() -> frozenset[object]:
        return frozenset(presence.online())

    async with asyncio.timeout(PATIENCE):
        await insist(online, lambda found: found == set(people))


async def test_a_moderator_is_online_while_one_of_their_sockets_is_open(
    pulse: Pulse, presence: Presence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "TELL_SECONDS", 3600)  # it is told because a socket came or went
    async with staff_ear(pulse, ANNA):
        await until(presence, ANNA)
        async with staff_ear(pulse, BORIS), staff_ear(pulse, ANNA), visitor_ear(pulse, a_visit()):
            await until(presence, ANNA, BORIS)
        await until(presence, ANNA)
    await until(presence)


async def test_a_subscription_of_a_pusher_client_counts_as_well(pulse: Pulse, presence: Presence) -> None:
    channel = f"private-moderator.{ANNA}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        await until(presence, ANNA)
    await until(presence)


async def test_it_is_told_again_and_again_and_at_the_end_that_nobody_is_left(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "TELL_SECONDS", 0.01)
    told: asyncio.Queue[bytes] = asyncio.Queue()
    await log.listen(online.ONLINE, told.put)
    await log.client.flush()
    hub, anna = Hub(), str(ANNA).encode()
    hub.subscribe(a_peer(), "private-moderator", ANNA)
    telling = asyncio.create_task(tell_online(log, hub))
    async with asyncio.timeout(PATIENCE):
        first = await next_of(told, lambda body: anna in body)
        assert await next_of(told, lambda body: anna in body) == first
        telling.cancel()
        process = orjson.loads(first)["process"].encode()
        last = await next_of(told, lambda body: process in body and anna not in body)
        assert orjson.loads(last)["people"] == []


async def next_of(told: asyncio.Queue[bytes], wanted: Callable[[bytes], bool]) -> bytes:
    while not wanted(body := await told.get()):
        pass
    return body
