"""The push port: who gets in, what is too much, and how it is left."""

import asyncio
import logging
import re
import socket
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from pulse.accounts import Accounts
from pulse.errors import Trouble
from pulse.house import now
from pulse.push.codes import Code
from pulse.push.server import KERNEL_BUFFER, PING_SECONDS
from pulse.tokens import CHANNEL_TOKEN_LIFE, STAFF_LIFE
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    SALES,
    Ear,
    a_door,
    a_visit,
    act,
    change,
    hire,
    raw_socket,
    rest_of,
    staff_path,
    visitor_path,
    writes,
)

API = Path(__file__).parents[2] / "docs" / "api.md"


async def refusal(url: str, origin: str | None = None) -> int:
    """The HTTP status of a socket that is not accepted."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin=Origin(origin) if origin else None)
    return refused.value.response.status_code


async def closing_of(connection: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await connection.recv()
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


def test_codes_lie_where_pusher_clients_know_what_to_do() -> None:
    assert [code.name for code in Code if 4000 <= code < 4100] == [
        "TLS_ONLY", "NO_SUCH_APP", "APP_DISABLED", "TOO_MANY_CONNECTIONS", "NO_SUCH_PATH", "NOT_A_VERSION", "OLD_PROTOCOL", "NO_VERSION",
        "SESSION_ENDED",
    ]  # fmt: skip
    assert [code.name for code in Code if 4100 <= code < 4200] == ["OVER_CAPACITY", "TOO_SLOW"]
    assert [code.name for code in Code if 4200 <= code < 4300] == ["LEAVING", "NO_PONG", "IDLE"]
    assert all(4000 <= code < 4300 and code.reason for code in Code)


def test_the_documents_table_of_close_codes_is_the_codes() -> None:
    told = re.findall(r"^\| (4\d{3}) \| (.+?) \| (no|later|at once) \|$", API.read_text(), re.MULTILINE)
    back = {40: "no", 41: "later", 42: "at once"}
    assert told == [
        (str(code.value), code.reason, "at once" if code is Code.TLS_ONLY else back[code // 100]) for code in Code
    ]


async def test_wrong_tokens_are_refused_before_the_socket_is_accepted(pulse: Pulse) -> None:
    house, visit, other = pulse.house, a_visit(), a_visit()
    token, jwt = house.signer.channel_token(visit), house.signer.staff_token(ANNA, now())
    for query in (
        "", "type=staff", "type=staff&access_token=", "type=staff&access_token=a.b.c", f"type=staff&access_token={token}",
        f"type=staff&access_token={jwt[:-2]}", f"session={visit.chat}&token={jwt}", f"session={visit.chat}&token=",
        f"session={other.chat}&token={token}", f"session=&token={token}", f"session={visit.chat}&token={token[:-1]}x",
        f"session={visit.chat}&token={house.signer.chat_token(visit)}", f"session={visit.chat}&token=v1.%ff.%00",
        f"type=staff&access_token={house.signer.staff_token(uuid4(), now())}",
    ):  # fmt: skip
        assert await refusal(f"{pulse.push}/channel/ws?{query}") == 401, query


async def test_expired_tokens_are_refused(pulse: Pulse) -> None:
    jwt = pulse.house.signer.staff_token(ANNA, now() - STAFF_LIFE - timedelta(minutes=1))
    assert await refusal(f"{pulse.push}/channel/ws?type=staff&access_token={jwt}") == 401
    long_ago = a_visit()
    issued = int((now() - CHANNEL_TOKEN_LIFE - timedelta(minutes=1)).timestamp())
    expired = type(long_ago)(long_ago.chat, long_ago.source, long_ago.peer, "", None, issued)
    assert await refusal(pulse.push + visitor_path(pulse.house, expired)) == 401


async def test_a_token_is_checked_at_opening_and_not_again(pulse: Pulse) -> None:
    time = [now()]
    async with a_door(pulse.house, lambda: time[0]) as door:
        path = staff_path(pulse.house, ANNA)
        async with connect(door.url + path) as opened:
            time[0] += timedelta(days=2)
            assert await refusal(door.url + path) == 401
            decided = await act(pulse.house, a_visit(), writes("Still there?"))
            await Ear(opened).up_to(decided.position)


async def test_a_disabled_moderator_gets_no_socket(pulse: Pulse) -> None:
    dora = await hire(pulse.house, "dora", SALES)
    decided = await change(pulse.house, dora, lambda moderator: moderator.disable(now=now()))
    await pulse.house.directory.wait_for(decided.position)
    assert await refusal(pulse.push + staff_path(pulse.house, dora)) == 401


async def test_a_visitors_socket_opens_only_on_websites_of_its_source(pulse: Pulse) -> None:
    accounts = Accounts(pulse.house.store, pulse.house.vault, now)
    listed = {"origins": "https://shop.example https://www.shop.example"}
    name = f"shop-{uuid4().hex[:6]}"
    connected = await accounts.connect_source("web", name, "Shop", (SALES,), settings=listed, secrets={})
    await pulse.house.directory.wait_for(connected.position)
    source = pulse.house.directory.source_named("web", name)
    assert source is not None
    url = pulse.push + visitor_path(pulse.house, a_visit(source.id))
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"):
        assert await refusal(url, origin) == 403, origin
    for listed_one in (Origin("https://shop.example"), Origin("https://www.shop.example"), None):
        async with connect(url, origin=listed_one):
            pass


async def test_a_staff_socket_opens_only_on_its_own_host(pulse: Pulse) -> None:
    url = pulse.push + staff_path(pulse.house, ANNA)
    for origin in ("https://evil.example", "http://127.0.0.2", "null", "http://["):
        assert await refusal(url, origin) in (400, 403), origin
    async with connect(url, origin=Origin("http://127.0.0.1:8000")):
        pass


async def test_a_visitor_may_open_five_tabs(pulse: Pulse) -> None:
    url = pulse.push + visitor_path(pulse.house, a_visit())
    async with AsyncExitStack() as tabs:
        opened = [await tabs.enter_async_context(connect(url)) for _ in range(5)]
        assert await closing_of(await connect(url)) == (4004, "Too many windows are open.")
        await opened[0].close()
        await (await until_free(url)).close()


async def test_a_moderator_may_open_ten_sockets_a_token_and_twenty_in_all(pulse: Pulse) -> None:
    who = await hire(pulse.house, "eve", SALES)
    urls = [pulse.push + staff_path_at(pulse, who, seconds) for seconds in range(3)]
    async with AsyncExitStack() as tabs:
        for url in urls[:2]:
            for _ in range(10):
                await tabs.enter_async_context(connect(url))
            assert (await closing_of(await connect(url)))[0] == Code.TOO_MANY_CONNECTIONS
        assert (await closing_of(await connect(urls[2])))[0] == Code.TOO_MANY_CONNECTIONS


def staff_path_at(pulse: Pulse, who: UUID, seconds: int) -> str:
    """Tokens differ by their second."""
    token = pulse.house.signer.staff_token(who, now() - timedelta(seconds=seconds))
    return f"/channel/ws?type=staff&access_token={token}"


async def until_free(url: str) -> ClientConnection:
    """Tries until the server has noticed that somebody left."""
    async with asyncio.timeout(10):
        while not await still_open(connection := await connect(url)):
            pass
    return connection


async def still_open(connection: ClientConnection) -> bool:
    """Does it answer? A socket that was refused is closed instead."""
    try:
        await connection.send("hm?")
        await connection.recv()
    except ConnectionClosed:
        return False
    return True


async def test_a_full_server_asks_to_come_back_later(pulse: Pulse) -> None:
    async with a_door(pulse.house, capacity=2) as door:
        urls = [door.url + visitor_path(pulse.house, a_visit()) for _ in range(2)]
        async with connect(urls[0]), connect(f"{door.url}/app/{pulse.house.settings.push_key}?protocol=7") as pusher:
            await pusher.recv()
            assert (await closing_of(await connect(urls[1])))[0] == Code.OVER_CAPACITY


async def test_a_message_over_64_kib_closes_its_socket(pulse: Pulse) -> None:
    connection = await connect(pulse.push + staff_path(pulse.house, ANNA))
    await connection.send("x" * (64 * 1024 + 1))
    assert (await closing_of(connection))[0] == 1009


async def test_addresses_that_make_no_sense_are_bad_requests(pulse: Pulse) -> None:
    assert await refusal(f"{pulse.push}/nowhere") == 404
    for request in ("GET //[ HTTP/1.1\r\nHost: x", "GET /channel/ws?type=staff HTTP/1.1\r\nHost: x\r\nHost: y"):
        host, port = pulse.push.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{request}\r\nOrigin: a\r\nOrigin: b\r\n\r\n".encode())
        status = (await reader.readline()).split()[1]
        assert status in (b"400", b"401"), request
        writer.close()


async def test_whoever_watches_gets_an_answer(pulse: Pulse) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(pulse.push.replace("ws://", "http://") + "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_nobody_gets_in_before_the_log_is_followed_and_nothing_after_the_beginning_is_passed_over(
    pulse: Pulse,
) -> None:
    began = await pulse.house.log.last_position()
    async with a_door(pulse.house, relaying=False) as door, httpx2.AsyncClient() as client:
        decided = await act(pulse.house, a_visit(), writes("Anybody there?"))
        assert door.relay.follow is not None
        assert door.relay.follow.position == began < decided.position
        healthz = door.url.replace("ws://", "http://") + "/healthz"
        answer = await client.get(healthz)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, str(Trouble.retry_after))
        for path in (staff_path(pulse.house, ANNA), visitor_path(pulse.house, a_visit()), "/app/pulse?protocol=7"):
            assert await refusal(door.url + path) == 503
        await door.relaying()
        assert (await client.get(healthz)).status_code == 200
        async with connect(door.url + staff_path(pulse.house, ANNA)) as opened:
            decided = await act(pulse.house, a_visit(), writes("Now?"))
            await Ear(opened).up_to(decided.position)


async def test_no_token_is_ever_logged(pulse: Pulse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.WARNING)
    with structlog.testing.capture_logs() as told:
        async with a_door(pulse.house) as door:
            good = staff_path(pulse.house, ANNA)
            async with connect(door.url + good) as opened:
                await opened.send("x" * 70_000)
                await closing_of(opened)
            bad = good[:-1]
            await refusal(door.url + bad)
            await refusal(door.url + good, "https://evil.example")
    token = good.partition("access_token=")[2]
    logged = caplog.text + repr(told)
    assert token[:-1] not in logged
    assert token.split(".")[2][:20] not in logged


async def test_a_line_that_breaks_is_no_error(pulse: Pulse, caplog: pytest.LogCaptureFixture) -> None:
    async with a_door(pulse.house) as door:
        for path in (staff_path(pulse.house, ANNA), visitor_path(pulse.house, a_visit()), "/app/pulse?protocol=7"):
            connection = await connect(door.url + path)
            await connection.send("hm?")
            await connection.recv()
            connection.transport.abort()
            await connection.wait_closed()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_leaving_tells_everybody_to_come_back_at_once(pulse: Pulse) -> None:
    async with AsyncExitStack() as clients:
        async with a_door(pulse.house) as door:
            paths = [staff_path(pulse.house, ANNA), visitor_path(pulse.house, a_visit()), "/app/pulse?protocol=7"]
            opened = [await clients.enter_async_context(connect(door.url + path)) for path in paths]
            await opened[2].recv()
        for connection in opened:
            assert await closing_of(connection) == (4200, "Pulse is restarting.")


async def test_nobody_can_hold_up_the_leaving(pulse: Pulse) -> None:
    """Neither a client that stopped reading with much on its way, nor a line that never said what it wanted."""
    async with a_door(pulse.house) as door:
        stuck = await raw_socket(door.url + staff_path(pulse.house, ANNA))
        host, port = door.url.removeprefix("ws://").split(":")
        _, silent = await asyncio.open_connection(host, int(port))
        async with connect(door.url + staff_path(pulse.house, ANNA)) as healthy:
            visit = a_visit()
            for number in range(20):  # under a mebibyte: too little to be cut for
                decided = await act(pulse.house, visit, writes(f"{number}" + "x" * 20_000))
            await Ear(healthy).up_to(decided.position)
            assert [peer for peers in door.hub.staff.values() for peer in peers if buffered(peer.connection) > 32_768]
    assert await rest_of(stuck) < 20 * 40_000
    silent.close()


def buffered(connection: object) -> int:
    size: int = connection.transport.get_write_buffer_size()  # type: ignore[attr-defined]
    return size


async def test_the_kernel_keeps_little_for_it_and_not_for_long(pulse: Pulse) -> None:
    async with a_door(pulse.house) as door, connect(door.url + staff_path(pulse.house, ANNA)):
        (peer,) = (peer for peers in door.hub.staff.values() for peer in peers)
        line: socket.socket = peer.connection.transport.get_extra_info("socket")
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * KERNEL_BUFFER
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > PING_SECONDS * 1000
