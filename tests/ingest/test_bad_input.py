"""Bad input at the doors: always an answer, never a 500, never a lost or half-written event."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pulse.aggregates.chat import chat_id
from pulse.blobs import Blobs
from tests.channels.recorded import all_recorded, readable, recorded, spoiled
from tests.conftest import Pulse
from tests.insisting import insist
from tests.world import (
    PROOF,
    TELEGRAM_SECRET,
    Bot,
    Desk,
    a_bot,
    a_name,
    connect,
    is_problem,
    kinds,
    rows,
    since,
    until_kept,
    update,
)

MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def bot(shared: Pulse) -> Bot:
    return await a_bot(shared)


@pytest.fixture(scope="module")
async def community(shared: Pulse) -> str:
    """A VK source of this module's own; returns its address."""
    source = await connect(shared, "vk", "1", secrets={"secret": "s3cret"})
    return f"/webhook/vk/{source}"


def vk_event(**more: Any) -> dict[str, Any]:
    return {"type": "message_new", "group_id": 1, "secret": "s3cret", "event_id": uuid4().hex, **more}


# Strangers


async def test_strangers_are_all_told_the_same(shared: Pulse, bot: Bot, community: str) -> None:
    before = await shared.house.log.last_position()
    body = orjson.dumps(update(1))
    telegram, vk = str(bot.id), community.rsplit("/", 1)[1]
    forged: list[tuple[str, bytes, Any]] = [
        (bot.address, body, {}),
        (bot.address, body, {PROOF: ""}),
        (bot.address, body, {PROOF: "s3cre"}),
        (bot.address, body, {PROOF: "s3cret!"}),
        (bot.address, body, {PROOF: "S3CRET"}),
        (bot.address, body, {PROOF: b"\xff\xfe"}),
        (bot.address, b"not JSON", {PROOF: "wrong"}),
        (bot.address, b"", {}),
        (f"/webhook/telegram/{uuid4()}", body, {PROOF: "s3cret"}),
        (f"/webhook/telegram/{vk}", body, {PROOF: "s3cret"}),
        (f"/webhook/vk/{telegram}", body, {PROOF: "s3cret"}),
        (f"/webhook/vk/{uuid4()}", orjson.dumps(vk_event()), {}),
        (f"/webhook/pigeon/{telegram}", body, {PROOF: "s3cret"}),
        ("/webhook/telegram/7000000001", body, {PROOF: TELEGRAM_SECRET}),
        ("/webhook/telegram/%00", body, {}),
        ("/webhook/telegram/%ED%A0%80", body, {}),
        (f"/webhook/telegram/{telegram}%20x", body, {PROOF: "s3cret"}),
        ("/webhook/telegram/" + "a" * 5000, body, {}),
        (shared.webhook("web"), b'{"text":"Hello","clientMsgId":"1"}', {}),
        (community, orjson.dumps(vk_event(secret="wrong")), {}),
        (community, orjson.dumps(vk_event(secret=None)), {}),
        (community, orjson.dumps(vk_event(secret=["s3cret"])), {}),
        (community, orjson.dumps(vk_event(group_id=2)), {}),
        (community, orjson.dumps(vk_event(group_id=None)), {}),
        (community, orjson.dumps(vk_event(group_id=[1])), {}),
        (community, recorded("vk", "03_message_new_text"), {}),
    ]
    answers = [await shared.http.post(address, content=sent, headers=proof) for address, sent, proof in forged]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    told = [{name: text for name, text in answer.headers.items() if name != "x-request-id"} for answer in answers]
    assert all(headers == told[0] for headers in told)
    is_problem(answers[0], 401, "not-authentic")
    assert await shared.house.log.last_position() == before


async def test_a_group_nested_a_thousand_deep_is_only_wrong(shared: Pulse, community: str) -> None:
    body = b'{"secret":"s3cret","group_id":' + b"[" * 1000 + b"]" * 1000 + b"}"
    assert (await shared.http.post(community, content=body)).status_code == 401


async def test_a_flood_of_forged_deliveries_fills_nothing(shared: Pulse, bot: Bot) -> None:
    before = await shared.house.log.last_position()
    forged = [bot.post(update(number), secret=f"guess {number}") for number in range(500)]
    assert {answer.status_code for answer in await asyncio.gather(*forged)} == {401}
    assert await shared.house.log.last_position() == before
    found = await rows(shared, "select count(*) as n, max(length(body)) as longest from trace.rejections")
    assert found[0]["n"] <= 100


async def forged(pulse: Pulse, address: str, body: bytes, like: str) -> dict[str, Any]:
    """What is told of a refused delivery: whose source looks so, the newest."""
    query = "select * from trace.rejections where source like %(like)s order by number desc"

    async def forge() -> list[dict[str, Any]]:
        await pulse.http.post(address, content=body)
        return await rows(pulse, query, like=like)

    found = await insist(forge, len)  # only a few a second are told
    assert found[0]["outcome"] == "refused"
    return found[0]


async def test_what_is_told_of_a_forged_delivery_is_cut_and_can_be_stored(shared: Pulse) -> None:
    bot = await a_bot(shared)
    told = await forged(shared, bot.address, b"a\0" + b"b" * 10_000, str(bot.id))
    assert told["body"].startswith("a\ufffdbbb")
    assert len(told["body"]) == 2048
    assert told["reason"] == "not-authentic"


async def test_of_what_an_unknown_address_was_sent_nothing_is_told(shared: Pulse) -> None:
    """Also when the address holds what Postgres can't: the next one must not be lost with it."""
    told = await forged(shared, "/webhook/vk/nul%00nul", orjson.dumps(vk_event()), "nul%")
    assert (told["source"], told["body"], told["reason"]) == ("nul\ufffdnul", "", "not-authentic")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"group_id":9,"secret":"s3cret"}', '{"group_id":9,"secret":""}'),
        (b'{"group_id":9,"secret":"s3\\u0063ret"}', '{"group_id":9,"secret":""}'),
        (b'{"group_id":9,"secret":1,"at":11}', ""),
        (b'{"group_id":1,"secret":"s3cret"', ""),
        (b'["s3cret"]', ""),
    ],
    ids=["plain", "with escapes", "a number", "truncated", "an array"],
)
async def test_what_is_told_of_a_refused_vk_event_never_shows_its_secret(
    shared: Pulse, body: bytes, shown: str
) -> None:
    group = a_name("").strip("-") + "00"
    source = await connect(shared, "vk", group, secrets={"secret": "s3cret"})
    assert (await forged(shared, f"/webhook/vk/{source}", body, str(source)))["body"] == shown


# Pulse's own trouble


async def test_what_nobody_foresaw_is_answered_like_any_trouble(
    shared: Pulse, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.house.webhooks, "drivers", None)
    with capture_logs() as told:
        answer = await bot.post(update(1))
    is_problem(answer, 503, "trouble")
    assert int(answer.headers["retry-after"]) > 0
    assert [line["path"] for line in told if line["event"] == "webhook.unforeseen"] == [bot.address]
    monkeypatch.undo()
    assert (await bot.post(update(1))).status_code == 200


async def test_a_large_body_that_the_disk_refuses_is_not_accepted(shared: Pulse, bot: Bot) -> None:
    body = padded(update(901, "Large"), MIB)
    before = await shared.house.log.last_position()
    folder = shared.house.settings.data_dir / "blobs" / sha256(body).hexdigest()[:2]
    folder.rename(folder.with_suffix(".away")) if folder.exists() else None
    folder.write_text("a file in the way")
    answer = await bot.post(body)
    is_problem(answer, 503, "blob-not-kept")
    assert int(answer.headers["retry-after"]) > 0
    assert await shared.house.log.last_position() == before
    folder.unlink()
    assert (await bot.post(body)).status_code == 200


async def test_of_what_was_told_the_newest_thousand_stay(shared: Pulse) -> None:
    told = {"source": "flood", "outcome": "refused", "reason": "", "body": "", "suppressed": 0}
    last = orjson.dumps(told | {"source": "last"})
    for _ in range(3):
        for _ in range(500):
            await shared.house.log.tell("pulse.live.rejected", orjson.dumps(told))
        await shared.house.log.tell("pulse.live.rejected", last)
        await until_kept(shared, "select 1 from trace.rejections where source = 'last'")
        await rows(shared, "update trace.rejections set source = 'flood' where source = 'last'")
    found = await rows(shared, "select count(*) as n from trace.rejections")
    assert 0 < found[0]["n"] <= 1000


# Too large


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536):
        yield b" " * 65536
    yield b" " * (size % 65536)


@pytest.mark.parametrize("size", [MIB + 1, 5 * MIB])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_webhook_over_one_mebibyte_is_too_large(shared: Pulse, bot: Bot, size: int, declared: bool) -> None:
    before = await shared.house.log.last_position()
    content = b" " * size if declared else in_chunks(size)
    answer = await shared.http.post(bot.address, content=content, headers={PROOF: "s3cret"})
    is_problem(answer, 413, "too-large")
    assert await shared.house.log.last_position() == before


async def test_a_length_that_is_declared_too_large_is_refused_before_the_body(shared: Pulse, bot: Bot) -> None:
    answer = await raw(shared, bot.address, f"content-length: {10 * MIB}", "")
    assert b" 413 " in answer.splitlines()[0]


@pytest.mark.parametrize("length", ["-1", "+5", "0x10", "9" * 30, "abc", "1, 1"])
async def test_an_odd_length_is_refused_and_hurts_nobody(shared: Pulse, bot: Bot, length: str) -> None:
    answer = await raw(shared, bot.address, f"content-length: {length}", "{}")
    assert answer.split(b" ")[1:2] in ([b"400"], [b"413"])
    assert (await shared.http.get("/healthz")).status_code == 200


async def test_a_sender_who_breaks_off_hurts_nobody(shared: Pulse, bot: Bot) -> None:
    before = await shared.house.log.last_position()
    _, writer = await connection(shared)
    writer.write(f"POST {bot.address} HTTP/1.1\r\nhost: x\r\n{PROOF}: s3cret\r\ncontent-length: 99\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await shared.http.get("/healthz")).status_code == 200
    assert await shared.house.log.last_position() == before


async def connection(pulse: Pulse) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(pulse.http.base_url.host, pulse.http.base_url.port)


async def raw(pulse: Pulse, address: str, header: str, body: str) -> bytes:
    """The answer to a request that no client would send."""
    reader, writer = await connection(pulse)
    writer.write(f"POST {address} HTTP/1.1\r\nhost: x\r\n{PROOF}: s3cret\r\n{header}\r\n\r\n{body}".encode())
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, MIB])
async def test_a_large_body_lies_beside_the_log_under_its_hash(shared: Pulse, bot: Bot, size: int) -> None:
    body = padded(update(size, "Large"), size)
    before = await shared.house.log.last_position()
    assert (await bot.post(body)).status_code == 200
    said: Any = next(e.event for e in await since(shared, before) if e.envelope.type == "chat.message-received")
    assert said.message.text == "Large"
    if size <= 256 * 1024:
        assert said.raw == body.decode()
    else:
        assert said.raw == f"blob:sha256:{sha256(body).hexdigest()}"
        assert await Blobs(shared.house.settings.data_dir / "blobs").read(sha256(body).hexdigest()) == body


@pytest.mark.parametrize("filling", [b"x", b"\0", b"\x01", b"\xff", b'"', b"\\", "€".encode()])
@pytest.mark.parametrize("size", [256 * 1024, MIB])
async def test_a_large_body_that_cannot_be_read_is_kept_too(shared: Pulse, bot: Bot, filling: bytes, size: int) -> None:
    body = filling * (size // len(filling))
    before = await shared.house.log.last_position()
    answer = await bot.post(body)
    assert (answer.status_code, answer.content) == (200, b"{}")
    [kept] = await since(shared, before)
    event: Any = kept.event
    assert event.outcome == "quarantined"
    if len(body) > 256 * 1024:
        assert (event.raw, event.raw_base64) == (f"blob:sha256:{sha256(body).hexdigest()}", None)
        assert await Blobs(shared.house.settings.data_dir / "blobs").read(sha256(body).hexdigest()) == body
    else:
        assert body_of(event.raw, event.raw_base64) == body


async def test_the_largest_message_that_fits_is_taken(shared: Pulse, bot: Bot) -> None:
    """Control characters take six times their room in JSON; the log must have it."""
    forwards = [{"message_id": 1, "text": "\x01" * 65_536}]
    body = orjson.dumps(update(900, "\x01" * 100_000) | {"more": forwards})
    assert len(body) < MIB
    before = await shared.house.log.last_position()
    assert (await bot.post(body)).status_code == 200
    said: Any = next(e.event for e in await since(shared, before) if e.envelope.type == "chat.message-received")
    assert said.message.text == "\x01" * 65_536


def padded(body: dict[str, Any], size: int) -> bytes:
    bare = orjson.dumps(body | {"padding": ""})
    return orjson.dumps(body | {"padding": "x" * (size - len(bare))})


def body_of(kept: str, encoded: str | None) -> bytes:
    return kept.encode() if encoded is None else base64.b64decode(encoded)


# Authentic, but unreadable


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def said(text: bytes) -> bytes:
    """An update whose text is this JSON."""
    return orjson.dumps(update(5, "TEXT")).replace(b'"TEXT"', text)


UNREADABLE = {
    "nothing": b"",
    "a space": b" ",
    "no JSON": b"hello",
    "HTML": b"<html></html>",
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "two objects": b"{}{}",
    "truncated": b'{"update_id": 1, "mess',
    "a trailing comma": b'{"update_id": 1,}',
    "a byte order mark": b"\xef\xbb\xbf" + orjson.dumps(update(5)),
    "no Unicode": said(b'"\xff"'),
    "an overlong form": said(b'"\xc0\x80"'),
    "UTF-16": orjson.dumps(update(5)).decode().encode("utf-16"),
    "a raw NUL in a text": said(b'"a\0b"'),
    "a raw NUL after the end": orjson.dumps(update(5)) + b"\0",
    "an escaped NUL": said(b'"a\\u0000b"'),
    "an escaped NUL after a backslash": said(b'"a\\\\\\u0000b"'),
    "an escaped NUL in a name": b'{"a\\u0000": 1, ' + orjson.dumps(update(5))[1:],
    "NaN": said(b"NaN"),
    "Infinity": said(b"-Infinity"),
    "a lone surrogate": said(b'"\\ud800"'),
    "a lone low surrogate": said(b'"\\udc00x"'),
    "a raw surrogate": said(b'"\xed\xa0\x80"'),
    "100,000 levels": deep(100_000),
    "40,000 levels of objects": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "100,000 levels inside": b'{"update_id": 5, "deep": ' + deep(100_000) + b"}",
    "a text of a number": said(b"5"),
    "a text of an object": said(b'{"a": 1}'),
    "an id of a text": orjson.dumps(update(5) | {"update_id": "5"}),
    "an id of a fraction": orjson.dumps(update(5) | {"update_id": 5.0}),
    "a negative id": orjson.dumps(update(-5)),
    "a huge id": b'{"update_id": ' + b"9" * 4000 + b"}",
    "an id over 64 bits": b'{"update_id": 18446744073709551616}',
    "an id with an exponent": b'{"update_id": 1e400}',
    "a message of a text": b'{"update_id": 5, "message": "Hello"}',
    "a message of nothing": b'{"update_id": 5, "message": {}}',
    "a person without an id": b'{"update_id": 5, "message": {"message_id": 1, "chat": {"id": 1, "type": "private"}, '
    b'"from": {}, "text": "x", "date": 1}}',
    "a date after all days": orjson.dumps(update(5)).replace(b"1795165200", b"999999999999999"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_telegram_sends_unreadable_is_quarantined_as_it_came(shared: Pulse, bot: Bot, name: str) -> None:
    body = UNREADABLE[name]
    before = await shared.house.log.last_position()
    answer = await bot.post(body)
    assert (answer.status_code, answer.content) == (200, b"{}")
    [kept] = await since(shared, before)
    event: Any = kept.event
    assert (kept.envelope.type, event.outcome) == ("delivery.kept", "quarantined")
    assert event.reason
    assert body_of(event.raw, event.raw_base64) == body
    again = await bot.post(body)
    assert (again.status_code, again.content) == (200, b"{}")
    assert len(await since(shared, before)) == 1


async def test_all_that_was_quarantined_is_in_the_list_as_it_came(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    for body in UNREADABLE.values():
        await bot.post(body)
    found = await desk.items("admin", "/api/deliveries", source=bot.id, outcome="quarantined")
    listed = [body_of(one["raw"], one["raw_base64"]) for one in reversed(found)]
    assert listed == list(UNREADABLE.values())
    assert not await rows(shared, "select * from read.projection_dead_letter")


READABLE = {
    "a backslash and u0000 that a customer typed": (said(b'"a\\\\u0000b"'), "a\\u0000b"),
    "a pair of surrogates": (said(b'"\\ud83d\\ude00"'), "😀"),
    "the text twice": (said(b'"first", "text": "second"'), "second"),
    "a huge number nobody reads": (said(b'"Hello"')[:-1] + b', "n": ' + b"9" * 300 + b"}", "Hello"),
    "1,000 levels nobody reads": (said(b'"Hello"')[:-1] + b', "n": ' + deep(1000) + b"}", "Hello"),
    "controls, a right-to-left mark and a noncharacter": (
        said(b'"\\u0001\\u001f\\u202e\\ufffe\\uffff"'), "\x01\x1f\u202e\ufffe\uffff",
    ),
    "markup": (said(b'"<script>alert(1)</script>"'), "<script>alert(1)</script>"),
}  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
async def test_what_only_looks_bad_is_a_message(shared: Pulse, desk: Desk, name: str) -> None:
    bot = await a_bot(shared)
    body, text = READABLE[name]
    assert (await bot.post(body)).status_code == 200
    assert [entry["text"] for entry in await desk.thread("anna", chat_id(bot.id, "77"))] == [text]
    [listed] = await desk.items("admin", "/api/deliveries", source=bot.id)
    assert (listed["outcome"], listed["raw"]) == ("taken", body.decode())


VK_UNREADABLE = {
    name: body
    for name, body in UNREADABLE.items()
    if not name.startswith(
        ("an escaped NUL", "a person", "a date", "a text of", "a message of", "an id of", "a negative id")
    )
    and name not in ("a huge id", "an id over 64 bits", "an id with an exponent")
}


@pytest.mark.parametrize("name", VK_UNREADABLE)
async def test_a_proof_that_cannot_be_read_is_no_proof(shared: Pulse, community: str, name: str) -> None:
    before = await shared.house.log.last_position()
    is_problem(await shared.http.post(community, content=VK_UNREADABLE[name]), 400, "unreadable")
    assert await shared.house.log.last_position() == before


@pytest.mark.parametrize(
    "more",
    [
        {"object": "text"},
        {"object": {"message": []}},
        {"object": {"message": {"from_id": 2**70, "peer_id": 1, "text": "Hello", "date": 1}}},
        {"type": 5},
        {"event_id": {}},
        {"event_id": "x" * 257},
    ],
)
async def test_what_vk_sends_unreadable_is_quarantined_as_it_came(
    shared: Pulse, community: str, more: dict[str, Any]
) -> None:
    body = str(vk_event(**more)).replace("'", '"').encode()
    before = await shared.house.log.last_position()
    answer = await shared.http.post(community, content=body)
    assert (answer.status_code, answer.content) == (200, b"ok")
    [kept] = await since(shared, before)
    event: Any = kept.event
    kept_body = body.decode().replace("s3cret", "")
    assert (event.outcome, event.raw, event.raw_base64) == ("quarantined", kept_body, None)


async def test_a_nul_from_vk_is_quarantined_like_any_other(shared: Pulse, community: str) -> None:
    body = orjson.dumps(vk_event(object={"message": {"text": "a\0b"}}))
    before = await shared.house.log.last_position()
    answer = await shared.http.post(community, content=body)
    assert (answer.status_code, answer.content) == (200, b"ok")
    [kept] = await since(shared, before)
    assert kept.event.outcome == "quarantined"  # type: ignore[attr-defined]


async def test_a_person_may_delete_more_messages_than_a_batch_of_events_holds(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    numbers = range(1, 1102)
    for start in range(1, 1102, 100):
        await asyncio.gather(*(bot.post(business(number)) for number in range(start, min(start + 100, 1102))))
    deleted = {"business_connection_id": "b1", "chat": {"id": 77, "type": "private"}, "message_ids": [*numbers]}
    body = {"update_id": 5000, "deleted_business_messages": deleted}
    before = await shared.house.log.last_position()
    for _ in range(2):
        assert (await bot.post(body)).status_code == 200
    assert kinds(await since(shared, before)) == ["chat.messages-deleted"]
    assert {entry["text"] for entry in await desk.thread("anna", chat_id(bot.id, "b1:77"))} == {""}


def business(number: int) -> dict[str, Any]:
    return {
        "update_id": number,
        "business_message": update(number)["message"] | {"business_connection_id": "b1"},
    }


# Whatever comes


SPOILT = {"telegram": readable(all_recorded("telegram")), "vk": readable(all_recorded("vk"))}


@given(channel=st.sampled_from(["telegram", "vk"]), content=st.data(), proof=st.sampled_from([TELEGRAM_SECRET, "x"]))
@settings(
    max_examples=300, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
async def test_whatever_comes_gets_an_answer(shared: Pulse, channel: str, content: st.DataObject, proof: str) -> None:
    body = content.draw(spoiled(SPOILT[channel]) | st.binary(max_size=64))
    before = await shared.house.log.last_position()
    answer = await shared.http.post(shared.webhook(channel), content=body, headers={PROOF: proof})
    assert answer.status_code in (200, 400, 401)
    events = kinds(await since(shared, before))
    assert len(events) <= 4  # met, opened, said, and a profile that changed
    assert answer.status_code == 200 or events == []
    if channel == "telegram":
        assert answer.status_code == (200 if proof == TELEGRAM_SECRET else 401)


async def test_after_all_that_it_still_serves(shared: Pulse, desk: Desk, bot: Bot) -> None:
    assert (await shared.http.get("/healthz")).status_code == 200
    assert (await bot.post(update(99_999, "Still here?"))).status_code == 200
    assert (await desk.thread("anna", chat_id(bot.id, "77")))[-1]["text"] == "Still here?"
    assert not await rows(shared, "select * from read.projection_dead_letter")


# Live bodies that are not JSON at the other doors


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"source": 5}', b'{"source": "\\u0000"}'])
@pytest.mark.parametrize("address", ["/api/widget/session", "/api/widget/messages", "/chat/session"])
async def test_the_widget_answers_bad_bodies(shared: Pulse, address: str, body: bytes) -> None:
    answer = await shared.http.post(address, content=body)
    assert answer.status_code in (400, 401, 404), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"\xff", b'{"email": 5}', b'{"email": "\\ud800", "password": ""}']
)
async def test_sign_in_answers_bad_bodies(shared: Pulse, body: bytes) -> None:
    json = {"Content-Type": "application/json"}
    answer: httpx2.Response = await shared.http.post("/api/users/login", content=body, headers=json)
    is_problem(answer, 422, "invalid") if body != b"\xff" else is_problem(answer, 400, "bad-input")
