"""A connection that sends too much or too slowly is ended, and the others go on."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pulse import http_limits
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import rest_of


@pytest.fixture
async def connection(pulse: Pulse) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    port = pulse.house.settings.http_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def test_large_headers_are_refused(connection: Connection, pulse: Pulse) -> None:
    reader, writer = connection
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    assert (await pulse.http.get("/healthz")).status_code == 200


async def test_many_headers_are_refused(connection: Connection) -> None:
    reader, writer = connection
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-",
        b"GET /",
        b"POST /webhook/vk/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Trailer: ",
    ],
    ids=["a header", "a header's name", "an address", "a trailer"],
)
async def test_what_is_never_whole_is_refused_before_it_grows(
    connection: Connection, pulse: Pulse, begun: bytes
) -> None:
    reader, writer = connection
    for piece in (begun, b"a" * http_limits.HEADER_BYTES + b"a", b"a"):
        writer.write(piece)
        assert (await pulse.http.get("/healthz")).status_code == 200  # by then the piece has been read
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("cut", [0, 10, 100], ids=["whole", "inside its address", "inside its headers"])
async def test_a_large_body_may_arrive_with_its_headers(connection: Connection, pulse: Pulse, cut: int) -> None:
    reader, writer = connection
    body = b'{"from": "vera", "message": "%s", "message_id": "m%d"}' % (b"x" * 5_000, cut) + b" " * 200_000
    address = pulse.webhook("simulator").encode()
    request = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (address, len(body), body)
    for _ in range(2):  # the connection is as good for another
        writer.write(request[:cut])
        assert (await pulse.http.get("/healthz")).status_code == 200
        writer.write(request[cut:])
        assert (await reader.readuntil(b"\r\n\r\n{}")).startswith(b"HTTP/1.1 200")


async def test_a_large_body_that_keeps_coming_has_more_time(monkeypatch: pytest.MonkeyPatch, pulse: Pulse) -> None:
    monkeypatch.setattr(http_limits, "ARRIVAL_SECONDS", 0.05)
    monkeypatch.setattr(http_limits, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(http_limits, "SLOWEST_BYTES", 1)
    looked: list[http_limits.LimitedHttp] = []
    look = http_limits.LimitedHttp._look
    monkeypatch.setattr(http_limits.LimitedHttp, "_look", lambda one: (looked.append(one), look(one))[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", pulse.house.settings.http_port)
    body = b'{"from": "vera", "message": "%s", "message_id": "slow"}' % (b"x" * 1000)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (
        pulse.webhook("simulator").encode(), len(body),
    )  # fmt: skip
    writer.write(head + body[:500])
    ours = writer.get_extra_info("sockname")[1]

    async def looks() -> int:
        return sum(one.client is not None and one.client[1] == ours for one in looked)

    assert await insist(looks, lambda count: count > 20), "that is four times as long as it would have had"
    writer.write(body[500:])
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /healthz HTT", b"POST /api/users/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"],
    ids=["silence", "half a header", "half a body"],
)
async def test_a_request_that_never_arrives_is_cut_off(
    begun: bytes, monkeypatch: pytest.MonkeyPatch, pulse: Pulse
) -> None:
    monkeypatch.setattr(http_limits, "ARRIVAL_SECONDS", 0.05)
    monkeypatch.setattr(http_limits, "LOOK_EVERY", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", pulse.house.settings.http_port)
    writer.write(begun)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 10)
    writer.close()


async def test_an_answer_that_nobody_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch, pulse: Pulse) -> None:
    whole = 20 * len((await pulse.http.get("/openapi.json")).content)
    monkeypatch.setattr(http_limits, "UNREAD_SECONDS", 0.05)
    monkeypatch.setattr(http_limits, "LOOK_EVERY", 0.05)
    cut: list[bool] = []
    lasts = http_limits.LimitedHttp._lasts
    monkeypatch.setattr(http_limits.LimitedHttp, "_lasts", lambda *asked: cut.append(lasts(*asked)) or cut[-1])
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", pulse.house.settings.http_port))
    await loop.sock_sendall(line, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)

    async def was_cut() -> bool:
        return any(cut)

    assert await insist(was_cut, bool)
    assert await rest_of(line) < whole
