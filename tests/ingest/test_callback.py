"""A visitor asks to be called, and a blocked visitor is told so."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import pytest

from pulse.aggregates.customer import customer_id
from pulse.house import now
from tests.conftest import Pulse
from tests.ingest.test_widget import Visitor, a_visitor
from tests.world import Desk, is_problem, kinds, settled, since, until_kept


async def asks(vera: Visitor, **body: Any) -> httpx2.Response:
    return await vera.pulse.http.post("/api/widget/callback", json=body, headers=vera.headers)


async def test_a_callback_is_a_word_in_the_chat_that_staff_see(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared, name="Vera")
    before = await shared.house.log.last_position()
    answer = await asks(vera, phone=" +7 999  555 01 42 ", time="2026-11-21T18:00:00+03:00", comment="After six")
    assert (answer.status_code, answer.json()) == (201, {"id": 2, "chat_id": str(vera.chat)})
    assert kinds(await since(shared, before)) == ["chat.opened", "chat.callback-requested", "customer.met"]
    [entry] = await desk.thread("anna", vera.chat)
    assert {key: entry[key] for key in ("notice", "phone", "wanted_at", "text", "sender_type")} == {
        "notice": "callback", "phone": "+7 999 555 01 42", "wanted_at": "2026-11-21T15:00:00+00:00",
        "text": "After six", "sender_type": "customer",
    }  # fmt: skip
    shown = (await desk.get("anna", f"/api/chats/{vera.chat}")).json()
    assert (shown["last_kind"], shown["last_text"], shown["unread"]) == ("callback", "After six", 1)


async def test_the_same_request_is_one_however_often_it_is_sent(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    answers = await asyncio.gather(*(asks(vera, phone="12345") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert {answer.json()["id"] for answer in answers} == {2}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+7 (999) 123-45-67", "+7 999 123 45 67"), ("8-999-555-01-42", "8 999 555 01 42"),
        ("+7(999)5550142", "+7 999 5550142"), ("(812) 555.01.42", "812 555 01 42"),
    ],
)  # fmt: skip
async def test_a_phone_may_be_written_as_people_write_them(shared: Pulse, desk: Desk, typed: str, kept: str) -> None:
    vera = await a_visitor(shared)
    assert (await asks(vera, phone=typed)).status_code == 201
    [entry] = await desk.thread("anna", vera.chat)
    assert entry["phone"] == kept


async def test_only_what_is_taken_uses_up_the_limit(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    for phone in ("call me", "1234", "7+9995550142"):
        is_problem(await asks(vera, phone=phone), 400, "unreadable")
    assert [(await asks(vera, phone="12345")).status_code for _ in range(4)] == [201, 200, 200, 200]
    assert [(await asks(vera, phone=f"1234{number}")).status_code for number in range(4)] == [201] * 4
    is_problem(await asks(vera, phone="54321"), 429, "too-often")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone": None},
        {"phone": 12345},
        {"phone": "1234"},
        {"phone": "1" * 21},
        {"phone": "call me"},
        {"phone": "7+9995550142"},
        {"phone": "12345", "time": "soon"},
        {"phone": "12345", "time": "2026-11-21T18:00:00"},
        {"phone": "12345", "time": "0001-01-01T00:00:00+14:00"},
        {"phone": "12345", "time": "1970-01-01T00:00:00+00:01"},
        {"phone": "12345", "time": "2100-12-31T23:59:59-00:01"},
        {"phone": "12345", "time": "9999-12-31T23:59:59Z"},
        {"phone": "12345", "comment": "x" * 1001},
    ],
)
async def test_an_odd_request_is_bad_input(shared: Pulse, body: dict[str, Any]) -> None:
    vera = await a_visitor(shared)
    before = await shared.house.log.last_position()
    is_problem(await asks(vera, **body), 400, "unreadable")
    assert await shared.house.log.last_position() == before


async def test_nobody_asks_without_a_session_or_without_end(shared: Pulse) -> None:
    nobody = await shared.http.post("/api/widget/callback", json={"phone": "12345"})
    is_problem(nobody, 401, "not-authentic")
    vera = await a_visitor(shared)
    answers = [await asks(vera, phone=f"1234{number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]


async def test_a_body_over_8_kibibytes_is_too_large(shared: Pulse) -> None:
    is_problem(await asks(await a_visitor(shared), phone="12345", comment="x" * 8200), 413, "too-large")


async def test_a_visitor_sees_that_somebody_called_and_not_what_was_noted(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared)
    asked = await asks(vera, phone="12345")
    address = f"/api/chats/{vera.chat}/callbacks/{asked.json()['id']}/done"
    done = await desk.post("anna", address, {"outcome": "rude"})
    assert done.status_code == 200
    read = await vera.read(done.json()["version"])
    assert "done_at" in read.text
    assert "rude" not in read.text
    [entry] = await desk.thread("boris", vera.chat)
    assert entry["outcome"] == "rude"


async def test_the_log_does_not_keep_the_token_of_a_request(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    before = await shared.house.log.last_position()
    body = {"phone": "12345", "chat_token": vera.session["chat_token"]}
    assert (await shared.http.post("/api/widget/callback", json=body)).status_code == 201
    stored = await shared.house.log.read(before + 1)
    assert not any(vera.session["chat_token"].encode() in one.body for one in stored)


async def test_a_blocked_visitor_is_told_so_and_is_heard_again_later(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared)
    said = await vera.write("Hello")
    peer = shared.house.signer.read_chat_token(vera.session["chat_token"], now()).peer
    source = (await desk.get("anna", f"/api/chats/{vera.chat}", at=await settled(shared))).json()["source_id"]
    customer = (await desk.get("anna", f"/api/chats/{vera.chat}")).json()["customer_id"]
    assert customer == str(customer_id(UUID(source), peer))
    await desk.post("anna", f"/api/customers/{customer}/block", {"reason": "spam"})
    before = await shared.house.log.last_position()
    for answer in (await vera.write("Buy this"), await asks(vera, phone="12345")):
        assert is_problem(answer, 403, "sender-blocked")["title"] == "You can't write here any more."
    assert await shared.house.log.last_position() == before
    assert await vera.thread(said.json()["id"]) == ["Hello"]  # their own thread stays theirs
    query = "select 1 from trace.rejections where outcome = 'blocked' and reason = %(peer)s"
    await until_kept(shared, query, peer=peer)
    await desk.post("anna", f"/api/customers/{customer}/unblock")
    assert (await vera.write("Sorry")).status_code == 201
