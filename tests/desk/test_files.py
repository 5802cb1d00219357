"""Files over HTTP for moderators: uploaded, sent with a reply, served as bytes that no browser runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from pulse.aggregates.chat import Chat
from pulse.channels.simulator import Simulator
from pulse.house import now
from pulse.tokens import CLAIM_LIFE
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger
from tests.pictures import WHERE, a_jpeg, a_png, opened
from tests.world import Desk, a_name, is_problem, kinds, settled, since, vera_writes

PAGE = b"<script>alert(1)</script>"


async def upload(
    desk: Desk, chat: UUID, *files: tuple[str, bytes], who: str = "anna", **headers: str
) -> httpx2.Response:
    parts = [("file", (name, content, "text/html")) for name, content in files]
    address = f"/api/chats/{chat}/files"
    return await desk.pulse.http.post(address, files=parts, headers=await desk.headers(who) | headers)


async def claims(desk: Desk, chat: UUID, *files: tuple[str, bytes]) -> list[str]:
    answer = await upload(desk, chat, *files)
    assert answer.status_code == 201, answer.text
    return [one["claim"] for one in answer.json()["files"]]


async def a_file(desk: Desk, name: str, content: bytes) -> tuple[UUID, str]:
    """A chat, and the id of a file that was sent in it."""
    chat = await vera_writes(desk.pulse, a_name())
    answer = await desk.reply("anna", chat, "see", files=await claims(desk, chat, (name, content)))
    assert answer.status_code == 201, answer.text
    [shown] = (await desk.thread("anna", chat))[-1]["attachments"]
    return chat, shown["file"]


async def get(desk: Desk, file: str, who: str = "anna", method: str = "GET", **headers: str) -> httpx2.Response:
    address = f"/api/files/{file}"
    return await desk.pulse.http.request(method, address, headers=await desk.headers(who) | headers)


# Sending


async def test_an_upload_stores_nothing_until_a_reply_names_it(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    at = await settled(shared)
    png = a_png()
    answer = await upload(desk, chat, ("cat.png", png), ("page.html", PAGE))
    files = answer.json()["files"]
    assert [{k: v for k, v in one.items() if k != "claim"} for one in files] == [
        {"kind": "photo", "name": "cat.png", "mime": "image/png", "size": len(png)},
        {"kind": "document", "name": "page.html", "mime": "text/html", "size": len(PAGE)},
    ]
    assert await shared.house.log.last_position() == at
    sent = await desk.reply("anna", chat, "", files=[one["claim"] for one in files], clientMsgId="r1")
    assert sent.status_code == 201
    [*_, written] = await since(shared, at)
    assert kinds([written]) == ["chat.reply-written"]
    assert [one.sha256 is not None and one.file is not None for one in written.event.attachments] == [True, True]
    entry = (await desk.thread("anna", chat))[-1]
    assert [set(one) for one in entry["attachments"]] == [{"kind", "name", "mime", "size", "file"}] * 2
    again = await desk.reply("anna", chat, "", files=[one["claim"] for one in files], clientMsgId="r1")
    assert (again.status_code, again.json()["id"]) == (200, sent.json()["id"])


async def test_a_claim_is_for_its_chat_and_for_a_day(shared: Pulse, desk: Desk) -> None:
    chat, other = await vera_writes(shared, a_name()), await vera_writes(shared, a_name())
    [claim] = await claims(desk, chat, ("cat.png", a_png()))
    visit = (await shared.http.post("/api/widget/session", json={"source": "web_site"})).json()["chat_token"]
    for wrong, where in ((claim, other), (claim[:-1] + "x", chat), ("", chat), (visit, chat)):
        is_problem(await desk.reply("anna", where, "see", files=[wrong]), 400, "not-a-claim")
    signer = shared.house.signer
    assert signer.read_file_claim(claim, chat, now() + CLAIM_LIFE - timedelta(minutes=1)).name == "cat.png"
    with pytest.raises(Exception, match="receipt"):
        signer.read_file_claim(claim, chat, now() + CLAIM_LIFE + timedelta(minutes=1))


async def test_a_claim_that_is_used_twice_is_one_file(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    [claim] = await claims(desk, chat, ("a.txt", b"words"))
    for _ in range(2):
        assert (await desk.reply("anna", chat, "see", files=[claim])).status_code == 201
    shown = [entry["attachments"][0]["file"] for entry in (await desk.thread("anna", chat))[-2:]]
    assert len(set(shown)) == 1
    assert (await get(desk, shown[0])).content == b"words"


async def test_a_reply_carries_ten_files_at_most_and_each_once(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    [claim] = await claims(desk, chat, ("a.txt", b"words"))
    is_problem(await desk.reply("anna", chat, "see", files=[claim] * 11), 422, "invalid")
    assert (await desk.reply("anna", chat, "see", files=[claim] * 2)).status_code == 201
    assert len((await desk.thread("anna", chat))[-1]["attachments"]) == 1
    is_problem(await desk.reply("anna", chat, "", files=[]), 422, "invalid")


async def test_who_may_not_see_a_chat_may_not_upload_to_it(shared: Pulse, desk: Desk) -> None:
    chat, stranger = await vera_writes(shared, a_name()), await a_stranger(shared)
    for one in (chat, uuid4()):
        answer = await shared.http.post(f"/api/chats/{one}/files", files={"file": b"x"}, headers=stranger)
        is_problem(answer, 404, "not-found")
    is_problem(await shared.http.post(f"/api/chats/{chat}/files", files={"file": b"x"}), 401, "not-authentic")


async def test_a_large_upload_streams_past_the_limit_of_other_bodies(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    answer = await upload(desk, chat, ("large.bin", b"\0" * 3_000_000))
    assert answer.json()["files"][0]["size"] == 3_000_000
    is_problem(
        await upload(desk, chat, ("large.bin", b"\0" * (Simulator.capabilities.file_limit + 1))), 413, "too-large"
    )


async def test_what_is_no_upload_is_told_so(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    is_problem(await desk.post("anna", f"/api/chats/{chat}/files", {"file": "x"}), 400, "not-an-upload")


# Serving


async def test_a_file_is_an_attachment_that_no_browser_runs(shared: Pulse, desk: Desk) -> None:
    _, file = await a_file(desk, "счёт.html", PAGE)
    answer = await get(desk, file)
    assert (answer.status_code, answer.content) == (200, PAGE)
    told = answer.headers
    assert told["content-type"] == "application/octet-stream"
    assert told["content-disposition"].startswith("attachment; ")
    assert told["content-disposition"].endswith("filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82.html")
    assert told["content-security-policy"] == "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    assert told["x-content-type-options"] == "nosniff"
    assert told["cross-origin-resource-policy"] == "same-origin"
    assert told["cache-control"].startswith("private")
    assert told["content-length"] == str(len(PAGE))


async def test_a_photo_is_shown_inline_only_made_anew(shared: Pulse, desk: Desk) -> None:
    original = a_jpeg()
    _, file = await a_file(desk, "cat.jpg", original)
    shown = await get(desk, file)
    assert shown.headers["content-disposition"].startswith('inline; filename="cat.webp"')
    assert shown.headers["content-type"] == "image/webp"
    assert WHERE not in shown.content
    assert opened(shown.content).size == (30, 40)
    assert (await get(desk, f"{file}?preview=1")).content == shown.content
    whole = await get(desk, f"{file}?preview=0")
    assert whole.content == original
    assert whole.headers["content-disposition"].startswith("attachment")
    assert whole.headers["etag"] != shown.headers["etag"]


async def test_what_is_no_picture_has_no_preview(shared: Pulse, desk: Desk) -> None:
    _, file = await a_file(desk, "cat.png", b"\x89PNG\r\n\x1a\nnot really")
    is_problem(await get(desk, f"{file}?preview=1"), 404, "no-preview")
    assert (await get(desk, file)).headers["content-disposition"].startswith("attachment")


async def test_parts_validators_and_heads(shared: Pulse, desk: Desk) -> None:
    content = bytes(range(256)) * 1000
    _, file = await a_file(desk, "a.bin", content)
    whole = await get(desk, file)
    tag = whole.headers["etag"]
    part = await get(desk, file, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, content[10:20])
    assert part.headers["content-range"] == "bytes 10-19/256000"
    assert (await get(desk, file, Range="bytes=-5")).content == content[-5:]
    beyond = await get(desk, file, Range="bytes=256000-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */256000")
    assert (await get(desk, file, Range="bytes=0-1", **{"If-Range": tag})).status_code == 206
    assert (await get(desk, file, Range="bytes=0-1", **{"If-Range": '"other"'})).status_code == 200
    assert (await get(desk, file, **{"If-None-Match": f'"x", {tag}'})).status_code == 304
    head = await get(desk, file, method="HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "256000")
    assert {name: head.headers[name] for name in ("etag", "accept-ranges")} == {"etag": tag, "accept-ranges": "bytes"}


async def test_an_empty_file_is_served(shared: Pulse, desk: Desk) -> None:
    _, file = await a_file(desk, "empty", b"")
    answer = await get(desk, file)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_somebody_elses_file_does_not_exist(shared: Pulse, desk: Desk) -> None:
    _, file = await a_file(desk, "a.txt", b"words")
    stranger = await a_stranger(shared)
    for one in (file, str(uuid4())):
        is_problem(await shared.http.get(f"/api/files/{one}", headers=stranger), 404, "not-found")
    is_problem(await shared.http.get(f"/api/files/{file}"), 401, "not-authentic")
    assert (await get(desk, file, who="admin")).status_code == 200


async def test_a_file_is_there_as_soon_as_it_was_told_of(shared: Pulse, desk: Desk) -> None:
    """A frame may be faster than the read models; whoever asks for the file then waits for them."""
    chat = await vera_writes(shared, a_name())
    found: list[Any] = []
    for _ in range(5):
        at = await shared.house.log.last_position()
        await desk.reply("anna", chat, "", files=await claims(desk, chat, ("a.txt", b"words")))
        [*_, written] = await since(shared, at)
        found.append(await get(desk, written.event.attachments[0].file))
    assert [answer.status_code for answer in found] == [200] * 5


async def test_what_is_never_shown_of_a_file_is_its_hash(shared: Pulse, desk: Desk) -> None:
    chat, file = await a_file(desk, "a.txt", b"a text of its own")
    found = await shared.house.store.load(Chat, chat)
    assert found is not None
    [*_, written] = [one for one in await since(shared, 0) if one.aggregate_id == chat]
    name = written.event.attachments[0].sha256
    answers = [await get(desk, file), await desk.get("anna", f"/api/chats/{chat}/messages")]
    assert not any(name in answer.text + str(answer.headers) for answer in answers)


async def test_uploads_are_counted(shared: Pulse, desk: Desk) -> None:
    chat, _ = await vera_writes(shared, a_name()), await desk.headers("boris")
    answers = await asyncio.gather(*(upload(desk, chat, ("a", b"a"), who="boris") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {201, 429}
