"""`X-Socket-Id`: whatever comes of a command names the socket that sent it, so that frames leave it out."""

from __future__ import annotations

import asyncio

import httpx2
import orjson
import pytest

from pulse.eventlog.envelope import Recorded
from tests.conftest import Pulse
from tests.ingest.test_widget import a_visitor
from tests.world import Desk, a_name, settled, since, vera_writes

SOCKET = {"X-Socket-Id": "123.456"}


async def of(pulse: Pulse, position: int) -> dict[str, str | None]:
    return {one.envelope.type: one.besides for one in await since(pulse, position)}


async def test_what_comes_of_a_command_names_its_senders_socket(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    before, anna = await settled(shared), await desk.headers("anna")
    answer = await shared.http.post(f"/api/chats/{chat}/messages", json={"text": "Good day"}, headers=anna | SOCKET)
    assert answer.status_code == 201
    events = await since(shared, before)
    written = [one for one in events if one.envelope.type == "chat.reply-written"]
    assert [one.besides for one in written] == ["123.456"]
    assert {one.besides for one in events if one.envelope.by == "system"} <= {None}
    before = await settled(shared)
    assert (await desk.reply("anna", chat, "And again")).status_code == 201
    assert (await of(shared, before))["chat.reply-written"] is None


@pytest.mark.parametrize("odd", ["1.2:x", "x", "1", "9" * 21 + ".1", ""])
async def test_an_odd_socket_is_nobodys_and_the_command_is_done(shared: Pulse, desk: Desk, odd: str) -> None:
    chat, headers = await vera_writes(shared, a_name()), await desk.headers("anna") | {"X-Socket-Id": odd}
    before = await settled(shared)
    answer = await shared.http.post(f"/api/chats/{chat}/tags", json={"tag": "invoice"}, headers=headers)
    assert answer.is_success
    assert await of(shared, before) == {"chat.tags-changed": None}


async def test_commands_that_wait_together_each_keep_their_own_socket(shared: Pulse, desk: Desk) -> None:
    """Of one chat, so that they become batches."""
    chat, anna, before = await vera_writes(shared, a_name()), await desk.headers("anna"), await settled(shared)

    async def note(number: int) -> httpx2.Response:
        socket = {"X-Socket-Id": f"{number}.1"} if number % 3 else {}
        return await shared.http.post(f"/api/chats/{chat}/notes", json={"text": str(number)}, headers=anna | socket)

    answers = await asyncio.gather(*map(note, range(30)))
    assert {answer.status_code for answer in answers} == {201}
    noted = {text_of(one): one.besides for one in await since(shared, before)}
    assert noted == {str(number): f"{number}.1" if number % 3 else None for number in range(30)}


def text_of(recorded: Recorded) -> str:
    return str(orjson.loads(bytes(recorded.envelope.data))["text"])


async def test_a_visitors_word_names_their_socket_and_a_website_may_send_it(shared: Pulse) -> None:
    vera, before = await a_visitor(shared, name="Vera"), await shared.house.log.last_position()
    said = await shared.http.post("/api/widget/messages", json={"text": "Hello"}, headers=vera.headers | SOCKET)
    assert said.status_code == 201
    assert set((await of(shared, before)).values()) == {"123.456"}
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Headers": "x-socket-id"}
    allowed = await shared.http.options("/api/widget/messages", headers=asked)
    assert "x-socket-id" in allowed.headers["access-control-allow-headers"]


async def test_a_webhook_names_no_socket(shared: Pulse) -> None:
    before = await shared.house.log.last_position()
    said = {"from": a_name("vera"), "message": "Hello", "type": "text", "message_id": a_name("m")}
    assert (await shared.http.post(shared.webhook("simulator"), json=said, headers=SOCKET)).is_success
    assert set((await of(shared, before)).values()) == {None}


async def test_what_is_read_is_the_same_with_and_without_a_socket(shared: Pulse, desk: Desk) -> None:
    """Read models and the log's folding know nothing of it."""
    threads = []
    for headers in ({}, SOCKET):
        chat = await vera_writes(shared, a_name())
        said = await desk.headers("anna") | headers
        await shared.http.post(f"/api/chats/{chat}/messages", json={"text": "Good day"}, headers=said)
        await shared.http.post(f"/api/chats/{chat}/tags", json={"tag": "invoice"}, headers=said)
        shown = (await desk.get("anna", f"/api/chats/{chat}", at=await settled(shared))).json()
        thread = await desk.thread("anna", chat)
        threads.append((shown["tags"], shown["version"], [(one["id"], one["text"]) for one in thread]))
    assert threads[0] == threads[1]
