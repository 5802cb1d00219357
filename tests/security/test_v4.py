"""V4 API and web service."""

from __future__ import annotations

import asyncio

import pytest
import websockets

from tests.conftest import Pulse
from tests.desk.test_one_style import ELSEWHERE
from tests.producing import a_shop, an_event, encoded
from tests.promises import document
from tests.world import Desk, is_problem, rows


async def test_v4_1_1_an_answer_says_what_it_is(shared: Pulse) -> None:
    """Media types, and for pages the charset; every answer of every test is held to the document."""
    for address, media_type in (("/", "text/html; charset=utf-8"), ("/healthz", "application/json")):
        assert (await shared.http.get(address)).headers["content-type"] == media_type


async def test_v4_1_3_callers_say_nothing_about_their_own_address(shared: Pulse) -> None:
    """Headers of proxies count from trusted proxies only."""
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7", "Forwarded": "for=203.0.113.7"}
    body = {"email": "anna@pulse.example", "password": "password"}
    assert (await shared.http.post("/api/users/login", json=body, headers=forged)).status_code == 200
    shared.http.cookies.clear()
    found = await rows(shared, "select address from desk.sessions order by created_at desc limit 1")
    assert found[0]["address"] == "127.0.0.1"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT"])
async def test_v4_1_4_other_methods_are_refused(shared: Pulse, desk: Desk, method: str) -> None:
    """405, with those that there are."""
    answer = await shared.http.request(method, "/api/chats", headers=await desk.headers("anna"))
    is_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "GET"


async def test_v4_1_5_producers_sign_every_single_post(shared: Pulse) -> None:
    """A changed byte, another delivery's id or an old time, and the post is a stranger's."""
    shop = await a_shop(shared)
    event = an_event()
    good = await shop.post(event)
    assert good.status_code == 202
    forged = dict(good.request.headers) | {"webhook-id": "another"}
    answer = await shared.http.post(shop.address, content=encoded(event), headers=forged)
    is_problem(answer, 401, "not-authentic")


@pytest.mark.parametrize(
    "head", ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6"]
)
async def test_v4_2_1_where_a_request_ends_is_never_in_doubt(shared: Pulse, head: str) -> None:
    """Two ways to say a body's length end the connection: nothing can be smuggled behind it."""
    base = shared.http.base_url
    reader, writer = await asyncio.open_connection(base.host, base.port)
    writer.write(f"POST /api/users/login HTTP/1.1\r\nHost: {base.host}\r\n{head}\r\n\r\n0\r\n\r\n".encode())
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_v4_4_2_a_socket_opens_for_our_own_pages_only(shared: Pulse, desk: Desk) -> None:
    """The Origin of the handshake is looked at."""
    token = (await desk.headers("anna"))["Authorization"].removeprefix("Bearer ")
    address = f"{shared.push}/channel/ws?type=staff&access_token={token}"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(address, origin=websockets.Origin(ELSEWHERE))
    assert refused.value.response.status_code == 403


async def test_v4_4_3_and_4_a_sockets_token_comes_from_a_signed_in_session(shared: Pulse, desk: Desk) -> None:
    """Without one, with a made up one, or with another door's, no socket opens."""
    for token in ("", "made.up.token", "v1.k1.eyJ"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{shared.push}/channel/ws?type=staff&access_token={token}")
        assert refused.value.response.status_code in (400, 401)


def test_v4_1_1_the_document_names_a_media_type_for_every_body() -> None:
    """No answer with a body is without a type."""
    for methods in document()["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert (
                    "content" in answer
                    or status in ("204", "303", "304", "416")
                    or operation["operationId"] == "ask_to_publish"
                )
