"""The widget's files over HTTP: a visitor brings some, and reads those of their own chat."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx2
import orjson
import pytest

from pulse.aggregates.chat import Chat
from pulse.ingest import widget_files
from tests.conftest import Pulse
from tests.ingest.test_customers import block
from tests.ingest.test_widget import SHOP, Visitor, a_session, a_visitor
from tests.pictures import a_png, opened
from tests.world import Desk, a_name, connect, is_problem, settled, since

PNG = a_png()


async def bring(vera: Visitor, *files: tuple[str, bytes], **headers: str) -> httpx2.Response:
    parts = [("file", (name, content, "image/png")) for name, content in files]
    return await vera.pulse.http.post("/api/widget/files", files=parts, headers=vera.headers | headers)


async def send(vera: Visitor, claims: list[str], text: str = "") -> httpx2.Response:
    body = {"text": text, "files": claims} if text else {"files": claims}
    return await vera.pulse.http.post("/api/widget/messages", json=body, headers=vera.headers)


async def test_a_visitors_file_goes_out_with_their_message(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared, name="Vera")
    before = await shared.house.log.last_position()
    brought = await bring(vera, ("cat.png", PNG))
    assert brought.status_code == 201, brought.text
    assert await shared.house.log.last_position() == before
    claims = [one["claim"] for one in brought.json()["files"]]
    sent = await send(vera, claims)
    assert sent.status_code == 201, sent.text
    [shown] = (await vera.read(sent.json()["id"])).json()["items"][0]["attachments"]
    assert shown == {"kind": "photo", "name": "cat.png", "mime": "image/png", "size": len(PNG), "file": shown["file"]}
    events = await since(shared, before)
    assert not any(claims[0].encode() in event.body for event in events), "a claim is a token"
    assert shown["file"] in orjson.loads(events[1].event.raw)["files"]
    address = f"/api/widget/files/{shown['file']}"
    seen = await shared.http.get(address, headers=vera.headers | {"Origin": SHOP})
    assert opened(seen.content).size == (40, 30)
    assert seen.headers["cross-origin-resource-policy"] == "cross-origin"
    assert seen.headers["access-control-allow-origin"] == SHOP
    assert (await shared.http.get(f"{address}?preview=0", headers=vera.headers)).content == PNG
    by_token = await shared.http.get(address, params={"chat_token": vera.session["chat_token"]})
    assert by_token.content == seen.content
    await settled(shared)
    assert (await desk.get("anna", f"/api/files/{shown['file']}")).content == seen.content


async def test_another_visitors_file_does_not_exist(shared: Pulse) -> None:
    vera, other = await a_visitor(shared), await a_visitor(shared)
    claims = [one["claim"] for one in (await bring(vera, ("cat.png", PNG))).json()["files"]]
    is_problem(await send(other, claims), 400, "not-a-claim")
    sent = await send(vera, claims, "see")
    [shown] = (await vera.read(sent.json()["id"])).json()["items"][0]["attachments"]
    address = f"/api/widget/files/{shown['file']}"
    is_problem(await shared.http.get(address, headers=other.headers), 404, "not-found")
    is_problem(await shared.http.get(address), 401, "not-authentic")
    is_problem(await shared.http.get("/api/widget/files/x", headers=vera.headers), 400, "bad-input")


async def test_a_visitor_brings_only_types_on_the_list(shared: Pulse) -> None:
    vera = await a_visitor(shared)
    for content in (b"MZ\x90\0", b"<html>", b"<svg xmlns='x'/>", b"\0"):
        is_problem(await bring(vera, ("cat.png", content)), 415, "not-this-type")
    empty = is_problem(await bring(vera, ("words.txt", b"")), 415, "not-this-type")
    assert empty["title"] == "This file is empty."
    is_problem(await shared.http.post("/api/widget/files", files={"file": PNG}), 401, "not-authentic")


async def test_a_source_may_say_which_types_and_how_large(shared: Pulse) -> None:
    name = a_name("site")
    await connect(shared, "web", name, settings={"file_types": "application/pdf image/*", "file_limit_mb": "1"})
    vera = Visitor(shared, (await shared.http.post("/api/widget/session", json={"source": name})).json())
    assert (await bring(vera, ("a.pdf", b"%PDF-1.7"), ("b.png", PNG))).status_code == 201
    is_problem(await bring(vera, ("a.txt", b"words")), 415, "not-this-type")
    is_problem(await bring(vera, ("b.png", PNG + b"\0" * 2**20)), 413, "too-large")


async def test_a_page_that_may_not_use_the_source_brings_nothing(shared: Pulse) -> None:
    name = a_name("site")
    await connect(shared, "web", name, settings={"origins": SHOP})
    session = await a_session(shared, {"Origin": SHOP}, source=name)
    vera = Visitor(shared, session.json())
    assert (await bring(vera, ("cat.png", PNG), Origin=SHOP)).status_code == 201
    is_problem(await bring(vera, ("cat.png", PNG), Origin="https://evil.example"), 403, "not-allowed")


@pytest.mark.parametrize("files", ["x", [5], ["v1.x.y"], ["x"] * 11])
async def test_what_is_no_claim_is_refused(shared: Pulse, files: object) -> None:
    vera = await a_visitor(shared)
    answer = await shared.http.post("/api/widget/messages", json={"text": "see", "files": files}, headers=vera.headers)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("not-a-claim", "unreadable")


async def test_a_visitor_is_limited_and_others_are_not(shared: Pulse) -> None:
    vera, other = await a_visitor(shared), await a_visitor(shared)
    answers = await asyncio.gather(*(bring(vera, ("a.txt", b"words")) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {201, 429}
    assert (await bring(other, ("a.txt", b"words"))).status_code == 201


def test_the_usual_types_hold_nothing_that_runs() -> None:
    rules = widget_files.TYPES
    assert not any(pattern in ("image/*", "text/*", "application/*") for pattern in rules)


async def test_a_blocked_visitor_brings_nothing(shared: Pulse, desk: Desk) -> None:
    vera = await a_visitor(shared)
    sent = await send(vera, [], "Hello")
    assert sent.status_code == 201, sent.text
    chat = await shared.house.store.load(Chat, UUID(sent.json()["chat_id"]))
    assert chat is not None
    await block(shared, desk, chat.source_id, chat.peer)
    is_problem(await bring(vera, ("cat.png", PNG)), 403, "sender-blocked")
