"""A process that ends sends its clients home a few at a time, so that the next one is not run over."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pulse import wiring
from pulse.house import House
from pulse.push import leaving
from pulse.push.codes import Code
from pulse.roster import ONLINE, Roster
from tests.conftest import Pulse, free_port
from tests.insisting import insist
from tests.push.ears import ADMIN, Ear, a_door, a_visit, act, staff_path, visitor_path, writes

CROWD = 60


async def test_clients_leave_one_after_the_other_in_no_order(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first are told, most are still there; the one after the other is told 4200, as stock clients need it."""
    monkeypatch.setattr(leaving, "PER_SECOND", 60)
    gone: list[int] = []
    codes: list[int | None] = []

    async def listen(number: int, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for _ in socket:
                pass
        gone.append(number)
        codes.append(socket.close_code)

    async with AsyncExitStack() as clients:
        async with a_door(pulse.house) as door:
            url = f"{door.url}/app/{pulse.house.settings.push_key}?protocol=7"
            sockets = [await clients.enter_async_context(connect(url)) for _ in range(CROWD)]
            listening = [asyncio.create_task(listen(number, socket)) for number, socket in enumerate(sockets)]
            hub = door.hub
            most_at_once = asyncio.create_task(largest_step(hub.peers))
        await asyncio.gather(*listening)
    assert set(codes) == {Code.LEAVING}
    assert gone != sorted(gone)
    assert await most_at_once < CROWD / 2


async def test_our_own_clients_are_told_when_to_come_back(pulse: Pulse) -> None:
    async with AsyncExitStack() as clients:
        async with a_door(pulse.house) as door:
            window = await clients.enter_async_context(connect(door.url + visitor_path(pulse.house, a_visit())))
            assert '"pulse:cursor"' in str(await window.recv())
        told = []
        with suppress(ConnectionClosed):
            while True:
                told.append(str(await window.recv()))
        assert any('"pulse:reconnect"' in frame and '"delay_ms"' in frame for frame in told)


async def test_whoever_is_still_there_hears_what_is_told_and_is_there_while_others_leave(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends goes on telling, and being heard of by the others, until its last client has gone."""
    monkeypatch.setattr(leaving, "PER_SECOND", 2)
    ports = {"http_port": free_port(), "push_port": free_port()}
    settings, ready = pulse.house.settings.model_copy(update=ports), asyncio.Event()

    async def started(house: House) -> None:
        await house.begun()
        ready.set()

    serving = asyncio.create_task(wiring.serve(settings, pulse.house.addresses, ("push",), started))
    await ready.wait()
    async with AsyncExitStack() as clients:
        url = settings.push_address + staff_path(pulse.house, ADMIN)
        ears = [Ear(await clients.enter_async_context(connect(url))) for _ in range(6)]
        leave = [asyncio.create_task(ear.until_closed()) for ear in ears]
        roster = pulse.house.roster  # of a process that stays
        await insist(lambda: there(roster), bool)
        serving.cancel()
        await asyncio.wait(leave, return_when=asyncio.FIRST_COMPLETED)
        decided = await act(pulse.house, a_visit(), writes("Is anybody there?"))
        assert await there(roster)
        assert {await left for left in leave} == {Code.LEAVING}
        await asyncio.wait([serving])
    assert any(frame.get("seq") == decided.position for ear in ears for frame in ear.heard)


async def there(roster: Roster) -> bool:
    """Is the moderator online, without any grace?"""
    return str(ADMIN) in roster.here(ONLINE)


async def largest_step(peers: set[object]) -> int:
    """How many went at most between two looks, until all are gone."""
    before, most = len(peers), 0
    while peers:
        await asyncio.sleep(0)
        most, before = max(most, before - len(peers)), len(peers)
    return most
