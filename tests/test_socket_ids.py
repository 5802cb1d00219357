"""The socket that a request names, and that it names no other request's."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from pulse.socket_ids import SENDER, SenderSocket, socket_in


async def sender(_: Request) -> Response:
    await asyncio.sleep(0)  # others get their turn
    return PlainTextResponse(SENDER.get() or "none")


def client() -> httpx2.AsyncClient:
    app = SenderSocket(Router([Route("/", sender)]))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://pulse.example")


async def test_each_request_is_known_by_its_own_socket() -> None:
    async with client() as http:
        headers: list[dict[str, str]] = [{"X-Socket-Id": f"{number}.7"} for number in range(20)] + [{}] * 20
        answers = await asyncio.gather(*(http.get("/", headers=one) for one in headers))
    assert [answer.text for answer in answers] == [one.get("X-Socket-Id", "none") for one in headers]
    assert SENDER.get() is None


async def test_a_request_without_one_is_not_known_by_the_last_ones() -> None:
    """Requests of one connection may share their context."""
    before = SENDER.set("1.2")
    try:
        async with client() as http:
            assert (await http.get("/")).text == "none"
    finally:
        SENDER.reset(before)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"123.456", "123.456"), (b"0.0", "0.0"), (b"9" * 20 + b"." + b"9" * 20, "9" * 20 + "." + "9" * 20),
        (b"9" * 21 + b".1", None), (b"1.2.3", None), (b"1", None), (b"", None), (b".", None), (b"1.2\n", None),
        (b" 1.2", None), (b"1.2:private-chat", None), (b"\xd9\xa1.\xd9\xa2", None), (b"\xb2.\xb2", None), (b"undefined", None),
    ],
)  # fmt: skip
def test_an_odd_socket_id_is_none(said: bytes, found: str | None) -> None:
    assert socket_in([(b"host", b"pulse.example"), (b"x-socket-id", said)]) == found


def test_the_first_of_several_counts() -> None:
    assert socket_in([(b"x-socket-id", b"1.2"), (b"x-socket-id", b"3.4")]) == "1.2"
    assert socket_in([]) is None
