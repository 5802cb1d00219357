"""One write per socket: who is slow is cut, a big room leaves time for others, who talks too fast is read slowly."""

import asyncio
import itertools
from functools import partial
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect

from pulse.push import hub as hub_module
from pulse.push.hub import BUFFER_LIMIT, MESSAGES_AT_ONCE, Hub, Peer, fan_out, text_frame
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    BORIS,
    Door,
    Ear,
    Frame,
    a_door,
    a_visit,
    act,
    raw_socket,
    rest_of,
    staff_path,
    visitor_path,
    writes,
)

LARGE = 60_000


async def test_a_slow_reader_is_cut_and_nobody_else_notices(pulse: Pulse) -> None:
    """Its frames wait in our memory up to a limit, and then it is gone."""
    visit = a_visit()
    async with a_door(pulse.house) as door:
        slow = await raw_socket(door.url + staff_path(pulse.house, BORIS))
        async with (
            connect(door.url + staff_path(pulse.house, ANNA)) as staff,
            connect(door.url + visitor_path(pulse.house, visit)) as visitor,
        ):
            anna, vera = Ear(staff), Ear(visitor)
            texts = [f"{number} " + "x" * LARGE for number in range(40)]
            most = 0
            for text in texts:
                decided = await act(pulse.house, visit, writes(text))
                await anna.until(partial(is_alert, decided.position))
                await vera.up_to_version(decided.version)
                most = max(most, waiting(door))
            assert BORIS not in door.hub.staff
        assert [frame["data"]["text"] for frame in anna.heard if frame["type"] == "chat.message"] == texts
        assert [frame["data"]["text"] for frame in vera.heard if frame["type"] == "chat.message"] == texts
        assert BUFFER_LIMIT / 2 < most < BUFFER_LIMIT + 3 * LARGE
        assert await rest_of(slow) < len(texts) * LARGE * 2


def is_alert(position: int, frame: Frame) -> bool:
    return (frame["type"], frame["seq"]) == ("chat.alert", position)


def waiting(door: Door) -> int:
    """How much lies in our memory for the socket with most of it."""
    peers = itertools.chain.from_iterable(door.hub.staff.values())
    return max((peer.connection.transport.get_write_buffer_size() for peer in peers), default=0)


async def test_a_big_room_is_served_in_portions(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PORTION", 2)
    async with a_door(pulse.house) as door:
        sockets = [await connect(door.url + staff_path(pulse.house, ANNA)) for _ in range(5)]
        for socket in sockets:
            await socket.send("hm?")  # an answer means that it is registered
            await socket.recv()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await asyncio.sleep(0)
        before = turns
        await fan_out(list(door.hub.staff[ANNA]), text_frame(b'"all"'))
        assert turns - before == 2
        beside.cancel()
        assert [await socket.recv() for socket in sockets] == ['"all"'] * 5
        for socket in sockets:
            await socket.close()


async def test_a_socket_that_talks_too_fast_is_read_more_slowly() -> None:
    time = [0.0]
    hub, peer = Hub(lambda: time[0]), a_peer()
    for _ in range(MESSAGES_AT_ONCE):
        await hub.pace(peer)
    reading = asyncio.create_task(hub.pace(peer))
    await asyncio.sleep(0)
    assert not reading.done()
    await hub.pace(a_peer())  # others are heard at once
    time[0] += 1
    await reading


@pytest.mark.parametrize("path", ["staff", "pusher"])
async def test_nothing_that_a_socket_says_too_fast_is_lost(pulse: Pulse, path: str) -> None:
    time = [0.0]
    paths = {"staff": staff_path(pulse.house, ANNA), "pusher": f"/app/{pulse.house.settings.push_key}"}
    async with a_door(pulse.house, hub=Hub(lambda: time[0])) as door, connect(door.url + paths[path]) as socket:
        if path == "pusher":
            await socket.recv()  # its greeting
        for _ in range(MESSAGES_AT_ONCE + 1):
            await socket.send("junk")
        for _ in range(MESSAGES_AT_ONCE):
            assert "error" in str(await socket.recv())
        one_more = asyncio.create_task(socket.recv())
        async with connect(door.url + staff_path(pulse.house, BORIS)) as other:
            await other.send("junk")
            await other.recv()
        assert not one_more.done()
        time[0] += 1
        assert "error" in str(await one_more)


def a_peer() -> Peer:
    return Peer(cast(Any, None), person_id=ANNA)


def test_a_socket_that_left_leaves_nothing_behind() -> None:
    hub, peer = Hub(), a_peer()
    assert hub.enter(peer)
    hub.subscribe(peer, "private-chat.1", ANNA)
    hub.subscribe(peer, "private-chat.2", ANNA)
    hub.unsubscribe(peer, "private-chat.2")
    assert list(hub.channels) == ["private-chat.1"]
    hub.leave(peer)
    hub.leave(peer)
    assert (hub.staff, hub.visitors, hub.channels) == ({}, {}, {})
