"""The open port takes in one after the other, and goes on whatever is wrong with one of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from pulse.push.entrance import Entrance
from pulse.push.porter import Porter
from pulse.push.server import PushServer
from tests.conftest import Pulse
from tests.push.ears import a_door


class Visitor(asyncio.Protocol):
    """Whoever came in is told their number."""

    when_known: Callable[[], object] | None = None

    def __init__(self, number: int) -> None:
        self.number = number

    def connection_made(self, transport: Any) -> None:
        transport.write(b"%d\n" % self.number)


class Visitors:
    """Makes them; `troubles` come before those who come."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.came = 0

    def __call__(self) -> Any:
        if self.troubles:
            raise self.troubles.pop(0)
        self.came += 1
        return Visitor(self.came)


@asynccontextmanager
async def an_entrance(visitors: Visitors, porter: Porter | None = None) -> AsyncIterator[Entrance]:
    entrance = Entrance("127.0.0.1", 0, visitors, porter or Porter())
    try:
        yield entrance
    finally:
        entrance.close()
        await entrance.wait_closed()


async def told_by(entrance: Entrance) -> bytes:
    """What a client is told that comes now; nothing when its line is closed."""
    reader, writer = await asyncio.open_connection(*entrance.sockets[0].getsockname())
    try:
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_all_come_in_in_their_order() -> None:
    async with an_entrance(Visitors()) as entrance:
        where = entrance.sockets[0].getsockname()
        lines = [socket.create_connection(where) for _ in range(20)]  # all of them before any is let in
        loop, told = asyncio.get_running_loop(), list[bytes]()
        for line in lines:
            line.setblocking(False)
            told.append(await loop.sock_recv(line, 100))
            line.close()
    assert told == [b"%d\n" % number for number in range(1, 21)]


@pytest.mark.parametrize("trouble", [OSError(24, "Too many open files"), RuntimeError("?")])
async def test_after_trouble_with_one_the_next_comes_in(trouble: Exception) -> None:
    porter = Porter(from_one_address=2)
    with structlog.testing.capture_logs() as told:
        async with an_entrance(Visitors(trouble, trouble, trouble), porter) as entrance:
            for _ in range(3):  # and none of them is counted any more
                assert await told_by(entrance) == b""
            assert await told_by(entrance) == b"1\n"
            assert entrance.is_serving()
    assert len([line for line in told if line["log_level"] in ("warning", "error")]) == (
        1 if isinstance(trouble, OSError) else 3
    )


async def test_a_closed_one_lets_nobody_in() -> None:
    async with an_entrance(Visitors()) as entrance:
        where = entrance.sockets[0].getsockname()
    assert not entrance.is_serving()
    with pytest.raises(OSError):
        socket.create_connection(where)


async def test_the_port_says_whether_it_takes_anybody_in(pulse: Pulse) -> None:
    async with a_door(pulse.house) as door:
        server = PushServer(door.parts.channel_ws, door.parts.pusher, door.relay, Porter(), pulse.house.metrics)
        assert not server.is_open
        async with server.listening("127.0.0.1", 0):
            assert server.is_open
        assert not server.is_open
    assert (await pulse.house.check())["push"]
