"""What waits for a client without a socket is bounded, and nobody can hold a place by not reading."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from pulse import http_limits
from pulse.push.codes import Code
from pulse.push.encoding import wire_of
from pulse.push.outlet import PORTION_BYTES, Outlet
from pulse.push.peers import BUFFER_LIMIT
from pulse.push.post import Post
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, a_visit, act, rest_of, writes
from tests.push.streams import HttpDoor, an_http_door, staff_query, stream, visitor_query


async def test_messages_leave_in_their_order_and_in_portions() -> None:
    outlet = Outlet(Post())
    for number in range(5):
        outlet.take(wire_of({"type": "t", "data": {"number": number, "text": "x" * 40_000}}))
    portions = []
    while told := outlet.drain():
        portions.append(sum(len(wire.payload) for wire in told))
    assert len(portions) == 3
    assert all(portion < PORTION_BYTES + 41_000 for portion in portions)
    assert outlet.idle


async def test_who_has_a_mebibyte_waiting_is_ended_and_keeps_nothing() -> None:
    outlet = Outlet(Post())
    wire = wire_of({"type": "t", "data": "x" * 65_000})
    taken = 0
    while outlet.code is None:
        outlet.take(wire)
        taken += len(wire.payload)
    assert taken <= BUFFER_LIMIT + 2 * len(wire.payload)
    assert outlet.code is Code.TOO_SLOW
    assert outlet.drain() == []
    outlet.take(wire)
    assert outlet.drain() == []


async def test_only_the_first_reason_of_an_end_counts() -> None:
    outlet = Outlet(Post())
    outlet.dismiss(Code.SESSION_ENDED)
    await outlet.close(Code.LEAVING)
    assert outlet.code is Code.SESSION_ENDED


async def test_who_waits_is_woken_by_a_message_and_by_the_end() -> None:
    outlet = Outlet(Post())
    waiting = asyncio.create_task(outlet.wait(60))
    await asyncio.sleep(0)
    outlet.take(wire_of({"type": "t"}))
    await waiting
    assert len(outlet.drain()) == 1
    waiting = asyncio.create_task(outlet.wait(60))
    await asyncio.sleep(0)
    outlet.dismiss(Code.LEAVING)
    await waiting


async def test_a_stream_that_is_not_read_is_cut_and_the_others_hear_everything(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "LOOK_EVERY", 0.05)
    visit = a_visit()
    async with an_http_door(pulse.house) as door:
        line = await stuck(f"{door.address}/channel/sse?{visitor_query(pulse.house, visit)}")
        await insist(lambda: windows(door), lambda count: count == 1)
        [outlet] = door.parts.hub.peers
        assert isinstance(outlet, Outlet)
        async with stream(door.http, f"/channel/sse?{staff_query(pulse.house, ANNA)}") as healthy:
            await healthy.placed()
            for number in range(200):
                decided = await act(pulse.house, visit, writes(f"{number} " + "x" * 9_900))
                told = await healthy.up_to(decided.position)
                assert any(frame["type"] == "chat.message" for frame in told)
                if outlet.code is not None:
                    break
            assert outlet.code is Code.TOO_SLOW
            monkeypatch.setattr(http_limits, "UNREAD_SECONDS", 0.1)
            await insist(lambda: windows(door), lambda count: count == 1)
        assert await rest_of(line) < 1024 * 1024, "what was not on its way yet never was"


async def windows(door: HttpDoor) -> int:
    return len(door.parts.hub.peers)


async def stuck(url: str) -> socket.socket:
    """A browser that asks for a stream and reads nothing of it."""
    loop, where = asyncio.get_running_loop(), urlsplit(url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    await loop.sock_connect(line, (where.hostname, where.port))
    await loop.sock_sendall(line, f"GET {where.path}?{where.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return line
