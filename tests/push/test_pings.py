"""Every socket is asked now and then whether it is there: who never answers is given up, with a code."""

import asyncio
import json

from websockets.asyncio.client import connect

from pulse.push.codes import Code
from pulse.push.peers import Socket
from pulse.push.pings import PING, PING_SECONDS, PONG_SECONDS, Pings, PushConnection
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, Door, a_door, raw_socket, staff_path


def asked(door: Door) -> list[PushConnection]:
    """The sockets that owe an answer."""
    lines = [peer.connection for peer in door.hub.peers if isinstance(peer, Socket)]
    return [line for line in lines if isinstance(line, PushConnection) and line.asked_at is not None]


async def nothing_owed(door: Door) -> bool:
    return asked(door) == []


def whole_round(pings: Pings, now: float) -> None:
    for second in range(PING_SECONDS):
        pings.go(second, now)


async def test_half_a_minute_asks_everybody_once_and_measures_the_answers(pulse: Pulse) -> None:
    latencies: list[float] = []
    now = asyncio.get_running_loop().time
    async with a_door(pulse.house) as door:
        url = door.url + staff_path(pulse.house, ANNA)
        async with connect(url) as one, connect(url) as other:
            for socket in (one, other):
                await socket.recv()
            whole_round(Pings(door.hub, latencies.append), now())
            assert len(asked(door)) == 2
            await insist(lambda: nothing_owed(door), bool)
    assert len(latencies) == 2
    assert all(latency >= 0 for latency in latencies)
    assert PING_SECONDS == 30


async def test_who_never_answers_is_closed_with_a_code_that_brings_clients_back(pulse: Pulse) -> None:
    now = asyncio.get_running_loop().time
    async with a_door(pulse.house) as door:
        silent = await raw_socket(door.url + staff_path(pulse.house, ANNA))
        await insist(lambda: known(door), bool)
        pings = Pings(door.hub)
        whole_round(pings, now())
        (line,) = asked(door)
        whole_round(pings, now() + PONG_SECONDS - 1)
        assert line.asked_at is not None  # and it is not asked twice
        whole_round(pings, now() + PONG_SECONDS + 1)
        loop, heard = asyncio.get_running_loop(), b""
        while Code.NO_PONG.to_bytes(2, "big") not in heard:
            heard += await loop.sock_recv(silent, 1024)
        assert PING in heard
        silent.close()


async def known(door: Door) -> bool:
    return len(door.hub.peers) == 1


async def test_a_stray_pong_means_nothing(pulse: Pulse) -> None:
    async with a_door(pulse.house) as door, connect(door.url + staff_path(pulse.house, ANNA)) as socket:
        assert json.loads(await socket.recv())["type"] == "pulse:cursor"
        await socket.pong(PING)
        await socket.pong(b"other")
        await socket.send("hm?")
        assert json.loads(await socket.recv())["type"] == "error"
