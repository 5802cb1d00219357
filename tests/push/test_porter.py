"""How many come in, from where, and from which websites."""

import asyncio
import socket
from contextlib import ExitStack, suppress
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.http11 import Request
from websockets.typing import Origin

from pulse.push.codes import Code
from pulse.push.pings import PushConnection
from pulse.push.porter import Porter, ServerFull
from pulse.push.server import PushServer
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ADMIN, Door, a_door, a_visit, staff_path, visitor_path
from tests.push.test_protocol import pusher_ear


def test_one_address_has_its_share_and_gives_it_back() -> None:
    porter = Porter(capacity=3, from_one_address=2)
    with ExitStack() as here:
        here.enter_context(porter.seat("192.0.2.1"))
        with porter.seat("192.0.2.1"), pytest.raises(ServerFull), porter.seat("192.0.2.1"):
            pass
        here.enter_context(porter.seat("192.0.2.2"))
        here.enter_context(porter.seat("192.0.2.1"))
        with pytest.raises(ServerFull), porter.seat("192.0.2.3"):
            pass
    with porter.seat("192.0.2.1"), porter.seat("192.0.2.1"):
        pass


@pytest.mark.parametrize(("line", "forwarded", "address"), [
    ("192.0.2.1", [], "192.0.2.1"),
    ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # nobody whom we trust says so
    ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
    ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),  # what came before it is anybody's word
    ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
    ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("2001:db8:1:2::7", [], "2001:db8:1:2::/64"),
])  # fmt: skip
def test_a_client_is_where_the_last_trusted_proxy_says(line: str, forwarded: list[str], address: str) -> None:
    porter = Porter(proxies=[ip_network("10.0.0.0/8")])
    connection: Any = SimpleNamespace(remote_address=(line, 1))
    request: Any = SimpleNamespace(headers=Headers([("X-Forwarded-For", each) for each in forwarded]))
    assert porter.address_of(connection, request) == address


async def test_who_has_gone_before_they_are_let_in_is_nowhere(pulse: Pulse) -> None:
    """`remote_address` of such a line is None."""
    async with a_door(pulse.house) as door:
        asked = Request(f"/app/{pulse.house.settings.push_key}?protocol=7", Headers())
        gone: Any = Mock(PushConnection, remote_address=None)
        server = PushServer(
            door.parts.channel_ws, door.parts.pusher, door.relay, Porter(proxies=[ip_network("10.0.0.0/8")]),
            pulse.house.metrics,
        )  # fmt: skip
        assert await server._admit(gone, asked) is None
        assert (gone.address, gone.respond.called) == ("", False)


async def test_pusher_sockets_open_on_the_websites_that_are_named_and_on_servers(pulse: Pulse) -> None:
    key = pulse.house.settings.push_key
    async with a_door(pulse.house, origins={"https://shop.example"}) as door:
        for origin in ("https://evil.example", "null"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{door.url}/app/{key}?protocol=7", origin=Origin(origin))
            assert refused.value.response.status_code == 403
        for origin in ("https://shop.example", None):
            async with connect(f"{door.url}/app/{key}?protocol=7", origin=None if origin is None else Origin(origin)):
                pass


async def test_without_tls_at_a_trusted_proxy_pusher_clients_are_sent_to_it(pulse: Pulse) -> None:
    path = f"/app/{pulse.house.settings.push_key}?protocol=7"
    plain, secure = ({"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": proto} for proto in ("http", "https"))
    loopback = [ip_network("127.0.0.0/8")]
    async with a_door(pulse.house, tls_only=True, proxies=loopback) as door:
        refused = await connect(door.url + path, additional_headers=plain)
        await refused.wait_closed()
        assert (refused.close_code, refused.close_reason) == (Code.TLS_ONLY, Code.TLS_ONLY.reason)
        for headers in (secure, {}):  # by TLS, and past all proxies
            async with connect(door.url + path, additional_headers=headers) as socket:
                assert "connection_established" in str(await socket.recv())
        async with connect(door.url + staff_path(pulse.house, ADMIN), additional_headers=plain) as window:
            await window.recv()
    for known in ({"tls_only": True}, {"proxies": loopback}):  # nobody whom we trust says so; nobody asks for TLS
        async with a_door(pulse.house, **known) as door, connect(door.url + path, additional_headers=plain) as socket:
            assert "connection_established" in str(await socket.recv())


async def test_too_many_of_one_address_are_asked_to_come_back_later(pulse: Pulse) -> None:
    async with a_door(pulse.house, from_one_address=1) as door:
        async with connect(door.url + visitor_path(pulse.house, a_visit())) as first:
            await first.recv()
            second = await connect(door.url + visitor_path(pulse.house, a_visit()))
            await second.wait_closed()
            assert second.close_code == Code.OVER_CAPACITY
        async with connect(door.url + visitor_path(pulse.house, a_visit())) as third:
            await third.recv()


async def test_lines_that_say_nothing_are_counted_from_the_beginning(pulse: Pulse) -> None:
    async with a_door(pulse.house, from_one_address=2) as door:
        silent = [a_line(door) for _ in range(2)]
        refused = a_line(door)
        assert await asyncio.get_running_loop().sock_recv(refused, 1) == b""
        refused.close()
        silent.pop().close()

        async def greeted() -> bool:
            """Its line is there only while it has not said what it wants."""
            with suppress(OSError, InvalidMessage):
                async with connect(door.url + visitor_path(pulse.house, a_visit())) as opened:
                    return bool(await opened.recv())
            return False

        for _ in range(3):
            await insist(greeted, bool)
        for line in silent:
            line.close()


def a_line(door: Door) -> socket.socket:
    where = urlsplit(door.url)
    line = socket.create_connection((where.hostname, where.port))
    line.setblocking(False)
    return line


def test_a_proxy_holds_as_many_lines_as_all_together() -> None:
    porter = Porter(capacity=3, from_one_address=1, proxies=[ip_network("10.0.0.0/8")])
    known = [porter.hold("10.0.0.1") for _ in range(2)] + [porter.hold("192.0.2.1")]
    for host in ("10.0.0.1", "192.0.2.2"):
        with pytest.raises(ServerFull):
            porter.hold(host)
    for _ in range(2):  # whoever is known may go
        known[2]()
    porter.hold("10.0.0.1")


async def test_a_scrape_tells_who_is_connected(pulse: Pulse) -> None:
    async with connect(pulse.push + staff_path(pulse.house, ADMIN)) as staff, pusher_ear(pulse) as ear:
        await staff.recv()
        await ear.subscribe("news")
        async with httpx2.AsyncClient() as http:
            told = (await http.get(pulse.house.settings.http_address + "/metrics")).text
    assert 'pulse_push_active_connections{kind="staff",transport="ws"} 1.0' in told
    assert 'pulse_push_active_connections{kind="pusher",transport="ws"} 1.0' in told
    assert "pulse_push_subscriptions 1.0" in told
    assert 'pulse_push_write_buffer_bytes{of="max"}' in told
    assert "pulse_push_stream_lag_events 0.0" in told
