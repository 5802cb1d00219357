"""One write per socket: who is slow is cut, a big room leaves time for others, who talks too fast is read slowly."""

import asyncio
import itertools
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import connect

from pulse.push import peers as peers_module
from pulse.push import post as post_module
from pulse.push.codes import Code
from pulse.push.encoding import wire_of
from pulse.push.hub import MESSAGES_AT_ONCE, Hub
from pulse.push.outlet import Outlet
from pulse.push.peers import BUFFER_LIMIT, Owner, Peer, Socket, Ticket, User
from pulse.push.post import Post
from pulse.tokens import NO_SESSION, Staff
from tests.conftest import Pulse
from tests.insisting import insist
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

LARGE = 20_000


async def test_a_slow_reader_is_cut_and_nobody_else_notices(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frames wait in our memory up to a limit; then nothing is added, and it is gone once its time is over."""
    monkeypatch.setattr(peers_module, "GOODBYE_SECONDS", 0.1)
    visit = a_visit()
    async with a_door(pulse.house) as door:
        slow = await raw_socket(door.url + staff_path(pulse.house, BORIS))
        async with (
            connect(door.url + staff_path(pulse.house, ANNA)) as staff,
            connect(door.url + visitor_path(pulse.house, visit)) as visitor,
        ):
            anna, vera = Ear(staff), Ear(visitor)
            texts = [f"{number} " + "x" * LARGE for number in range(120)]
            most = 0
            for text in texts:
                decided = await act(pulse.house, visit, writes(text))
                await anna.until(partial(is_alert, decided.position))
                await vera.up_to_version(decided.version)
                most = max(most, waiting(door))
            await insist(lambda: windows_of(door, BORIS), lambda found: not found)
        assert [frame["data"]["text"] for frame in anna.heard if frame["type"] == "chat.message"] == texts
        assert [frame["data"]["text"] for frame in vera.heard if frame["type"] == "chat.message"] == texts
        assert BUFFER_LIMIT / 2 < most < BUFFER_LIMIT + 10 * LARGE
        assert await rest_of(slow) < len(texts) * LARGE * 2


async def test_a_slow_reader_that_reads_on_is_told_to_come_back_with_its_cursor(pulse: Pulse) -> None:
    visit = a_visit()
    async with (
        a_door(pulse.house) as door,
        connect(door.url + staff_path(pulse.house, BORIS), max_queue=1) as staff,
        connect(door.url + visitor_path(pulse.house, visit)) as visitor,
    ):
        boris, vera = Ear(staff), Ear(visitor)
        said = 0
        while not any(peer.dismissed for peer in await windows_of(door, BORIS)):
            decided = await act(pulse.house, visit, writes(f"{said} " + "x" * LARGE))
            await vera.up_to_version(decided.version)
            said += 1
        assert await boris.until_closed() == Code.TOO_SLOW
        heard = [frame["seq"] for frame in boris.heard]
        assert heard == sorted(heard)
        assert not is_alert(decided.position, boris.heard[-1])
        async with connect(f"{door.url}{staff_path(pulse.house, BORIS)}&cursor={boris.heard[-1]['cursor']}") as again:
            on = Ear(again)
            await on.until(partial(is_alert, decided.position))
    texts = [frame["data"]["text"] for frame in boris.heard + on.heard if frame["type"] == "chat.message"]
    assert texts == [f"{number} " + "x" * LARGE for number in range(said)]


async def windows_of(door: Door, who: UUID) -> set[Peer]:
    return door.hub.staff.get(who, set())


def is_alert(position: int, frame: Frame) -> bool:
    return (frame["type"], frame["seq"]) == ("chat.alert", position)


def waiting(door: Door) -> int:
    """How much lies in our memory for the socket with most of it."""
    peers = itertools.chain.from_iterable(door.hub.staff.values())
    lines = [peer.connection.transport for peer in peers if isinstance(peer, Socket)]
    return max((line.get_write_buffer_size() for line in lines), default=0)


async def test_a_big_room_is_served_in_portions(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "PORTION", 2)
    async with a_door(pulse.house) as door:
        sockets = [await connect(door.url + staff_path(pulse.house, ANNA)) for _ in range(5)]
        for socket in sockets:
            await socket.recv()  # the cursor means that it is registered
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await asyncio.sleep(0)
        before = turns
        post = door.hub.post
        post.send(list(door.hub.staff[ANNA]), wire_of({"type": "all"}))
        await insist(lambda: over(post))
        assert turns - before >= 3
        beside.cancel()
        assert [await socket.recv() for socket in sockets] == ['{"type":"all"}'] * 5
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
    paths = {"staff": staff_path(pulse.house, ANNA), "pusher": f"/app/{pulse.house.settings.push_key}?protocol=7"}
    async with a_door(pulse.house, hub=Hub(lambda: time[0])) as door, connect(door.url + paths[path]) as socket:
        await socket.recv()  # its greeting, or its cursor
        for _ in range(MESSAGES_AT_ONCE + 1):
            await socket.send("junk")
        for _ in range(MESSAGES_AT_ONCE):
            assert "error" in str(await socket.recv())
        one_more = asyncio.create_task(socket.recv())
        async with connect(door.url + staff_path(pulse.house, BORIS)) as other:
            await other.send("junk")
            await Ear(other).next()
        assert not one_more.done()
        time[0] += 1
        assert "error" in str(await one_more)


def a_peer() -> Peer:
    return Outlet(Post(), Owner(person_id=ANNA))


def test_a_socket_that_left_leaves_nothing_behind() -> None:
    hub, peer = Hub(), a_peer()
    assert hub.enter(peer)
    hub.subscribe(peer, "private-chat.1", Ticket(Staff(ANNA, NO_SESSION)))
    hub.subscribe(peer, "private-chat.2", Ticket(Staff(ANNA, NO_SESSION)))
    hub.unsubscribe(peer, "private-chat.2")
    assert list(hub.channels) == ["private-chat.1"]
    hub.leave(peer)
    hub.leave(peer)
    assert (hub.staff, hub.visitors, hub.channels) == ({}, {}, {})


def test_who_is_here_is_known_without_a_walk_over_all_subscriptions() -> None:
    nothing: Any = None
    hub, window, client = Hub(), a_peer(), Outlet(Post())
    assert hub.enter(window)
    hub.people_moved.clear()
    hub.sign_in(client, User("boris", {}, Staff(BORIS, NO_SESSION)))
    assert hub.people_moved.is_set()
    channels, hub.channels = hub.channels, nothing
    assert hub.people() == {ANNA, BORIS}
    hub.channels = channels
    hub.people_moved.clear()
    hub.leave(client)
    assert hub.people_moved.is_set()
    assert hub.people() == {ANNA}


async def over(post: Post) -> None:
    """Returns when everything was written."""
    while post._began is not None:
        await asyncio.sleep(0)
