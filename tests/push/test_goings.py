"""Who has gone is counted once, whichever door they came by, with what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pulse.house import House
from pulse.push import xhr_session
from pulse.push.codes import Code
from pulse.push.hub import Hub
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, a_door, staff_path
from tests.push.streams import an_http_door, staff_query, stream
from tests.push.test_xhr import Client

Counts = dict[str, float]


def counts(house: House) -> Counts:
    """Of all who have gone, by code; and of those who were cut."""
    [gone] = list(house.metrics.disconnects.collect())
    found = {sample.labels["code"]: sample.value for sample in gone.samples if sample.name.endswith("_total")}
    return found | {"slow": house.metrics.registry.get_sample_value("pulse_push_slow_closes_total") or 0}


async def counted(house: House, before: Counts) -> Counts:
    """What has been added, as soon as something has."""

    async def added() -> Counts:
        return {
            code: count - before.get(code, 0) for code, count in counts(house).items() if count > before.get(code, 0)
        }

    return await insist(added, bool)


async def gone_everywhere(hub: Hub) -> bool:
    return not hub.peers


@pytest.mark.parametrize(("end", "expected"), [
    (Code.TOO_SLOW, {"4101": 1, "slow": 1}), (Code.SESSION_ENDED, {"4009": 1}), (None, {"none": 1}),
])  # fmt: skip
async def test_a_stream(pulse: Pulse, end: Code | None, expected: Counts) -> None:
    async with an_http_door(pulse.house) as door:
        before = counts(pulse.house)
        async with stream(door.http, f"/channel/sse?{staff_query(pulse.house, ANNA)}") as opened:
            await opened.placed()
            if end is not None:
                [peer] = door.parts.hub.peers
                peer.dismiss(end)
                assert await counted(pulse.house, before) == expected
        assert await counted(pulse.house, before) == expected
        await insist(lambda: gone_everywhere(door.parts.hub), bool)
    assert await counted(pulse.house, before) == expected


async def test_who_polls_is_counted_when_it_may_not_come_back(pulse: Pulse) -> None:
    path = f"/channel/poll?{staff_query(pulse.house, ANNA)}"
    async with an_http_door(pulse.house) as door:
        before = counts(pulse.house)
        cursor = (await door.http.get(path)).json()["cursor"]
        assert counts(pulse.house) == before
        polling = asyncio.create_task(door.http.get(f"{path}&cursor={cursor}"))

        async def there() -> bool:
            return bool(door.parts.hub.peers)

        await insist(there, bool)
        [peer] = door.parts.hub.peers
        peer.dismiss(Code.SESSION_ENDED)
        assert (await polling).status_code == 401
        assert await counted(pulse.house, before) == {"4009": 1}


async def test_a_session_of_the_fallback_that_nobody_asks_for(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """It did not keep anything waiting: it is not there."""
    monkeypatch.setattr(xhr_session, "SESSION_SECONDS", 0.05)
    async with an_http_door(pulse.house) as door:
        before = counts(pulse.house)
        assert await Client(pulse, door.http).poll() == "o\n"
        assert await counted(pulse.house, before) == {"4201": 1}
        await insist(lambda: gone_everywhere(door.parts.hub), bool)
        assert await counted(pulse.house, before) == {"4201": 1}


@pytest.mark.parametrize(("way", "expected"), [
    (lambda pulse: staff_path(pulse.house, ANNA), {"1000": 1}), (lambda _: "/app/another?protocol=7", {"4001": 1}),
])  # fmt: skip
async def test_a_socket(pulse: Pulse, way: Callable[[Pulse], str], expected: Counts) -> None:
    async with a_door(pulse.house, hub=Hub()) as door:
        before = counts(pulse.house)
        async with connect(door.url + way(pulse)) as opened:
            with suppress(ConnectionClosed):
                await opened.recv()
        assert await counted(pulse.house, before) == expected
