"""The website widget over HTTP: a visitor's session, words and thread, and nothing else."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.house import now
from pulse.tokens import CHANNEL_TOKEN_LIFE, CHAT_TOKEN_LIFE, Visit
from tests.conftest import Pulse
from tests.world import SALES, SUPPORT, Desk, a_name, accounts, connect, is_problem, kinds, settled, since

SHOP = "https://shop.example"


class Visitor:
    """A browser with an open session."""

    def __init__(self, pulse: Pulse, session: dict[str, Any]) -> None:
        self.pulse = pulse
        self.session = session
        self.chat = UUID(session["chat_id"])
        self.headers = {"Authorization": f"Bearer {session['chat_token']}"}

    async def write(self, text: object, client_msg_id: str | None = None, **headers: str) -> httpx2.Response:
        body = {"text": text} | ({} if client_msg_id is None else {"clientMsgId": client_msg_id})
        return await self.pulse.http.post("/api/widget/messages", json=body, headers=self.headers | headers)

    async def read(self, at: int | None = None, **query: Any) -> httpx2.Response:
        own_write = {} if at is None else {"X-Pulse-Version": str(at)}
        params = {key: str(value) for key, value in query.items()}
        return await self.pulse.http.get("/api/widget/messages", params=params, headers=self.headers | own_write)

    async def thread(self, at: int) -> list[str]:
        return [entry["text"] for entry in (await self.read(at)).json()["items"]]


async def a_session(pulse: Pulse, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return await pulse.http.post("/api/widget/session", json={"source": "web_site"} | body, headers=headers or {})


async def a_visitor(pulse: Pulse, **body: Any) -> Visitor:
    answer = await a_session(pulse, **body)
    assert answer.status_code == 200, answer.text
    return Visitor(pulse, answer.json())


# Sessions


async def test_a_session_stores_nothing_before_the_first_word(shared: Pulse) -> None:
    before = await shared.house.log.last_position()
    vera = await a_visitor(shared, name="Vera")
    assert (await vera.read()).json() == {"items": [], "next": None, "prev": None}
    assert await shared.house.log.last_position() == before


async def test_the_first_word_opens_the_chat_under_the_visitors_name(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared, name=" Vera ")
    before = await shared.house.log.last_position()
    answer = await vera.write("Hello", "m1")
    assert answer.status_code == 201
    assert answer.json() == {"id": 2, "chat_id": str(vera.chat), "client_msg_id": "m1"}
    assert answer.headers["x-pulse-version"] == "2"
    assert kinds(await since(shared, before)) == ["chat.opened", "chat.message-received", "customer.met"]
    shown = (await desk.get("anna", f"/api/chats/{vera.chat}", at=before + 3)).json()
    assert (shown["name"], shown["channel"], shown["last_text"]) == ("Vera", "web", "Hello")


async def test_a_session_is_resumed_by_its_chat_token(shared: Pulse) -> None:
    vera = await a_visitor(shared, name="Vera")
    said = await vera.write("Hello")
    again = await a_visitor(shared, chat_token=vera.session["chat_token"])
    assert again.chat == vera.chat
    assert await again.thread(said.json()["id"]) == ["Hello"]


async def test_two_sessions_are_two_chats(shared: Pulse) -> None:
    assert (await a_visitor(shared)).chat != (await a_visitor(shared)).chat


async def test_the_old_address_opens_the_same_kind_of_session(shared: Pulse) -> None:
    answer = await shared.http.post("/chat/session", json={"source": "web_site"})
    vera = Visitor(shared, answer.json())
    address = f"/chat/session/{vera.chat}/channel-token"
    fresh = await shared.http.get(address, params={"chat_token": vera.session["chat_token"]})
    assert fresh.status_code == 200
    visit = shared.house.signer.read_channel_token(fresh.json()["token"], now())
    assert visit.chat == vera.chat


async def test_there_is_no_session_for_an_unknown_website(shared: Pulse) -> None:
    for source in ("elsewhere", "", "7000000001"):
        is_problem(await a_session(shared, source=source), 404, "not-found")


@pytest.mark.parametrize("wanted", [SALES, SUPPORT])
async def test_a_visitor_may_choose_a_department_of_the_website(shared: Pulse, desk: Desk, wanted: UUID) -> None:
    vera = await a_visitor(shared, department_id=str(wanted))
    await vera.write("Hello")
    shown = (await desk.get("anna", f"/api/chats/{vera.chat}", at=await settled(shared))).json()
    assert shown["department"]["id"] == str(wanted)


async def test_a_foreign_department_gives_way_to_the_websites_first(shared: Pulse, desk: Desk) -> None:
    await accounts(shared).create_department("Warehouse")
    for foreign in (department_id("Warehouse"), uuid4()):
        vera = await a_visitor(shared, department_id=str(foreign))
        await vera.write("Hello")
        shown = (await desk.get("anna", f"/api/chats/{vera.chat}", at=await settled(shared))).json()
        assert shown["department"]["id"] == str(SALES)


async def test_a_department_that_is_no_id_is_bad_input(shared: Pulse) -> None:
    is_problem(await a_session(shared, department_id="Sales"), 400, "bad-input")


# Tokens


async def test_a_token_that_was_changed_opens_nothing(shared: Pulse) -> None:
    vera, other = await a_visitor(shared), await a_visitor(shared)
    token, foreign = vera.session["chat_token"], other.session["chat_token"]
    version, claims, mac = token.split(".")
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"web", b"vk"))
    spoilt = [
        "", "x", "v1", "v1..", token[:-1], token + "0", token.upper(), f"v2.{claims}.{mac}",
        f"{version}.{claims}.{foreign.split('.')[2]}", f"{version}.{foreign.split('.')[1]}.{mac}",
        f"{version}.{forged.decode()}x.{mac}", f"{version}.{claims}.", vera.session["token"], "a" * 5_000, "\u00e9",
    ]  # fmt: skip
    for wrong in spoilt:
        bearer = {b"Authorization": f"Bearer {wrong}".strip().encode("latin-1")}
        for headers, query in ((bearer, {}), ({}, {"chat_token": wrong})):
            read = await shared.http.get("/api/widget/messages", params=query, headers=headers)
            is_problem(read, 401, "not-authentic")
        said = await shared.http.post("/api/widget/messages", json={"text": "x"}, headers=bearer)
        is_problem(said, 401, "not-authentic")
        if wrong:
            is_problem(await a_session(shared, chat_token=wrong), 401, "not-authentic")


async def test_a_token_that_has_expired_opens_nothing(shared: Pulse) -> None:
    session = (await a_visitor(shared)).session
    fresh = shared.house.signer.read_chat_token(session["chat_token"], now())
    for life, made in (
        (CHAT_TOKEN_LIFE, shared.house.signer.chat_token),
        (CHANNEL_TOKEN_LIFE, shared.house.signer.channel_token),
    ):
        issued = int((now() - life - timedelta(minutes=1)).timestamp())
        old = made(Visit(fresh.chat, fresh.source, fresh.peer, "", None, issued))
        answer = await shared.http.get("/api/widget/messages", headers={"Authorization": f"Bearer {old}"})
        is_problem(answer, 401, "not-authentic")


async def test_a_token_opens_its_own_chat_only(shared: Pulse) -> None:
    vera, other = await a_visitor(shared), await a_visitor(shared)
    said = await vera.write("Secret")
    assert await other.thread(said.json()["id"]) == []
    for name in ("chat_id", "session_id", "id"):
        query: dict[str, Any] = {name: vera.chat}
        assert (await other.read(**query)).json()["items"] == []
    body = {"text": "Mine", "chat_id": str(vera.chat), "peer": "x", "chat_token": vera.session["chat_token"]}
    written = await shared.http.post("/api/widget/messages", json=body, headers=other.headers)
    assert written.json()["chat_id"] == str(other.chat)  # the header counts, whatever the body says
    address = f"/chat/session/{vera.chat}/channel-token"
    is_problem(await shared.http.get(address, headers=other.headers), 404, "not-found")


async def test_a_visitor_reaches_nothing_of_the_desk(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    await vera.write("Hello")
    for address in ("/api/chats", f"/api/chats/{vera.chat}", f"/api/chats/{vera.chat}/messages", "/api/deliveries"):
        is_problem(await shared.http.get(address, headers=vera.headers), 401, "not-authentic")


async def test_the_log_does_not_keep_the_token(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    before = await shared.house.log.last_position()
    body = {"text": "Hello", "chat_token": vera.session["chat_token"]}
    assert (await shared.http.post("/api/widget/messages", json=body)).status_code == 201
    stored = await shared.house.log.read(before + 1)
    assert not any(vera.session["chat_token"].encode() in one.body for one in stored)


# Messages


@pytest.mark.parametrize("client_msg_id", ["m1", " m1 ", "m" * 128, "м1/😀"])
async def test_a_message_sent_again_is_one_message(shared: Pulse, client_msg_id: str) -> None:
    vera = await a_visitor(shared)
    answers = [await vera.write("Hello", client_msg_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert {answer.json()["id"] for answer in answers} == {2}
    assert {answer.json()["client_msg_id"] for answer in answers} == {client_msg_id}
    assert await vera.thread(answers[-1].json()["id"]) == ["Hello"]


async def test_a_message_sent_twenty_times_at_once_is_one_message(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    answers = await asyncio.gather(*(vera.write("Hello", "m1") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.json()["id"] for answer in answers} == {2}
    assert await vera.thread(answers[0].json()["id"]) == ["Hello"]


async def test_messages_without_an_id_are_each_their_own(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    said = [await vera.write("Hello") for _ in range(2)]
    assert [answer.status_code for answer in said] == [201, 201]
    assert await vera.thread(said[-1].json()["id"]) == ["Hello", "Hello"]


@pytest.mark.parametrize("text", ["", "  \n", "x" * 10_001, None, 5, ["Hello"]])
async def test_a_message_without_words_is_bad_input(shared: Pulse, text: object) -> None:
    vera = await a_visitor(shared)
    before = await shared.house.log.last_position()
    is_problem(await vera.write(text), 400, "unreadable")
    assert await shared.house.log.last_position() == before


@pytest.mark.parametrize("client_msg_id", ["m" * 129, "   "])
async def test_an_odd_message_id_is_bad_input(shared: Pulse, client_msg_id: str) -> None:
    is_problem(await (await a_visitor(shared)).write("Hello", client_msg_id), 400, "unreadable")


async def test_a_body_over_64_kibibytes_is_too_large(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    for address in ("/api/widget/messages", "/api/widget/session"):
        content = b'{"text": "' + b"x" * 65536 + b'"}'
        is_problem(await shared.http.post(address, content=content, headers=vera.headers), 413, "too-large")


async def test_the_thread_is_paged_both_ways(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    said = [await vera.write(str(number)) for number in range(25)]
    at = said[-1].json()["id"]
    newest = (await vera.read(at, limit=10)).json()
    assert [entry["text"] for entry in newest["items"]] == [str(number) for number in range(15, 25)]
    older = (await vera.read(at, limit=10, beforeId=newest["prev"])).json()
    oldest = (await vera.read(at, limit=10, beforeId=older["prev"])).json()
    assert [e["text"] for e in oldest["items"] + older["items"]] == [str(number) for number in range(15)]
    assert oldest["prev"] is None
    newer = (await vera.read(at, limit=10, afterId=oldest["next"])).json()
    assert [entry["text"] for entry in newer["items"]] == [str(number) for number in range(5, 15)]
    assert len((await vera.read(at, limit=0)).json()["items"]) == 1


@pytest.mark.parametrize("query", ["limit=x", "beforeId=-1", "afterId=1e3", "beforeId=99999999999", "limit=1.5"])
async def test_an_odd_page_is_bad_input(shared: Pulse, query: str) -> None:
    vera = await a_visitor(shared)
    answer = await shared.http.get(f"/api/widget/messages?{query}", headers=vera.headers)
    is_problem(answer, 400, "bad-input")


async def test_a_visitor_reads_their_own_write(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    for number in range(20):
        said = await vera.write(str(number))
        assert (await vera.thread(said.json()["id"]))[-1] == str(number)


async def test_a_visitors_read_waits_for_their_own_write(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    at = (await vera.write("0")).json()["id"]
    seen = []
    for number in range(1, 6):
        at += 1
        asked = asyncio.create_task(vera.thread(at))  # the write comes after the question, and before its answer
        assert (await vera.write(str(number))).json()["id"] == at
        seen.append((await asked)[-1] == str(number))
    assert any(seen)


async def test_a_message_nobody_wrote_is_waited_for_in_vain(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    assert (await vera.read(999_999_999)).json()["items"] == []
    for odd in ("x", "-1", "9" * 10):
        answer = await shared.http.get("/api/widget/messages", headers=vera.headers | {"X-Pulse-Version": odd})
        is_problem(answer, 400, "bad-input")


async def test_a_visitor_learns_no_position(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    said = await vera.write("Hello")
    for answer in (said, await vera.read(said.json()["id"]), await a_session(shared)):
        assert "position" not in answer.text + str(answer.headers)


async def test_the_visitor_sees_the_reply_and_opens_a_closed_chat_again(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared)
    await vera.write("Hello")
    replied = await desk.reply("anna", vera.chat, "Good day")
    closed = await desk.post("anna", f"/api/chats/{vera.chat}/close")
    assert await vera.thread(replied.json()["id"]) == ["Hello", "Good day"]
    again = await vera.write("One more thing")
    assert again.status_code == 201
    shown = (await desk.get("anna", f"/api/chats/{vera.chat}", at=await settled(shared))).json()
    assert shown["status"] == "open"
    assert again.json()["id"] == closed.json()["version"] + 2


async def test_a_visitor_who_writes_too_often_is_told_to_wait(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    answers = await asyncio.gather(*(vera.write("Hello", "m1") for _ in range(300)))
    assert {answer.status_code for answer in answers} == {200, 201, 429}
    told = next(answer for answer in answers if answer.status_code == 429)
    is_problem(told, 429, "too-often")
    assert int(told.headers["retry-after"]) > 0


@pytest.mark.parametrize("address", ["/api/widget/messages", "/chat/session/{}/channel-token"])
async def test_a_visitor_who_reads_too_often_is_told_to_wait(shared: Pulse, address: str) -> None:
    vera, other = await a_visitor(shared), await a_visitor(shared)
    reads = (shared.http.get(address.format(vera.chat), headers=vera.headers) for _ in range(200))
    answers = await asyncio.gather(*reads)
    assert {answer.status_code for answer in answers} == {200, 429}
    told = next(answer for answer in answers if answer.status_code == 429)
    is_problem(told, 429, "too-often")
    assert int(told.headers["retry-after"]) > 0
    assert (await shared.http.get(address.format(other.chat), headers=other.headers)).status_code == 200


# Other websites


@pytest.fixture(scope="module")
async def listed(shared: Pulse) -> str:
    """A website that names who may embed it."""
    name = a_name("site")
    await connect(shared, "web", name, settings={"origins": f"{SHOP} https://www.shop.example"})
    return name


async def test_a_listed_website_may_embed_the_widget(shared: Pulse, listed: str) -> None:
    answer = await a_session(shared, {"Origin": SHOP}, source=listed)
    assert answer.status_code == 200
    has_cors(answer, SHOP)
    vera = Visitor(shared, answer.json())
    has_cors(await vera.write("Hello", Origin=SHOP), SHOP)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null", "https://shop.example:8443"]
)  # fmt: skip
async def test_another_website_may_not(shared: Pulse, listed: str, origin: str) -> None:
    vera = Visitor(shared, (await a_session(shared, {"Origin": SHOP}, source=listed)).json())
    refused = [
        await a_session(shared, {"Origin": origin}, source=listed),
        await a_session(shared, {"Origin": origin}, source=listed, chat_token=vera.session["chat_token"]),
        await vera.write("Hello", Origin=origin),
        await shared.http.get("/api/widget/messages", headers=vera.headers | {"Origin": origin}),
    ]
    for answer in refused:
        is_problem(answer, 403, "not-allowed")
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_browser_may_ask_first(shared: Pulse) -> None:
    headers = {
        "Origin": SHOP, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, x-pulse-version",
    }  # fmt: skip
    for address in ("/api/widget/session", "/api/widget/messages", f"/chat/session/{uuid4()}/channel-token"):
        answer = await shared.http.options(address, headers=headers)
        assert answer.status_code == 204
        has_cors(answer, SHOP)
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        ours = {"x-pulse-version", "x-request-id", "x-socket-id"}
        assert set(allowed) == {"authorization", "content-type", "range"} | ours
        assert "POST" in answer.headers["access-control-allow-methods"]


async def test_a_page_elsewhere_may_read_why_it_was_refused(shared: Pulse) -> None:
    post, get = shared.http.post, shared.http.get
    origin = {"Origin": SHOP}
    refused = [
        (401, await get("/api/widget/messages", headers=origin)),
        (400, await post("/api/widget/session", content=b"no JSON", headers=origin)),
        (404, await post("/api/widget/session", json={"source": "elsewhere"}, headers=origin)),
        (413, await post("/api/widget/session", content=b"x" * 70_000, headers=origin)),
    ]
    for status, answer in refused:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        has_cors(answer, SHOP)


async def test_a_page_elsewhere_may_read_where_its_write_lies(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    answer = await vera.write("Hello", Origin=SHOP)
    assert {"x-pulse-version,", "x-pulse-cursor,"} <= set(answer.headers["access-control-expose-headers"].split())


def has_cors(answer: httpx2.Response, origin: str) -> None:
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_websites_source_has_no_webhook(shared: Pulse) -> None:
    answer = await shared.http.post(f"/webhook/web/{source_id('web', 'web_site')}", json={"text": "Hello"})
    is_problem(answer, 401, "not-authentic")
