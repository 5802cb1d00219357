"""The fake Telegram keeps the real one's rules, so that what passes against it would pass there."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from tests.fakes.serving import served
from tests.fakes.telegram import TOKEN, Call, FakeTelegram, Reply, hang_up, hold, read_call, recorded, whole_body

VERA, GROUP = 77, -100500


@pytest.fixture
async def http(fake_telegram: FakeTelegram) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=fake_telegram.address, timeout=10) as client:
        yield client


async def ask(http: httpx2.AsyncClient, method: str, **fields: Any) -> httpx2.Response:
    return await http.post(f"/bot{TOKEN}/{method}", json=fields)


async def say(http: httpx2.AsyncClient, chat: int, text: str = "Hello") -> httpx2.Response:
    return await ask(http, "sendMessage", chat_id=chat, text=text)


async def taken_of(fake: FakeTelegram, calls: int, *chats: int) -> tuple[int, Reply]:
    """How many of so many messages to these chats, all at one moment, are taken; and the last answer."""
    reply = Reply(0, b"")
    for number in range(calls):
        body = json.dumps({"chat_id": chats[number % len(chats)], "text": "Hello"}).encode()
        reply = await fake.answer(f"/bot{TOKEN}/sendMessage", "application/json", body)
    return len(fake.messages), reply


def standing(at: float = 1000.0) -> FakeTelegram:
    return FakeTelegram(clock=lambda: at)


async def test_a_chat_takes_a_short_burst_and_then_a_message_a_second() -> None:
    fake = standing()
    assert (await taken_of(fake, 7, VERA))[0] == 5
    fake.clock = lambda: 1002.0
    assert (await taken_of(fake, 7, VERA))[0] == 5 + 2


async def test_a_group_takes_twenty_a_minute() -> None:
    """One every second: 20 of its own, and one more for every three seconds."""
    for chat, taken in ((VERA, 121), (GROUP, 20 + 40)):
        fake = standing()
        for second in range(1000, 1121):
            fake.clock = functools.partial(float, second)
            await taken_of(fake, 1, chat)
        assert len(fake.messages) == taken


async def test_a_bot_sends_thirty_a_second() -> None:
    taken, last = await taken_of(standing(), 40, *range(1, 41))
    assert taken == 30
    assert last.status == 429
    said = json.loads(last.body)
    assert said["parameters"] == {"retry_after": 1}
    assert said.keys() == json.loads(recorded("error_429").body).keys()
    assert last.headers == {"Retry-After": "1"}


async def test_its_messages_are_numbered_in_each_chat_with_those_of_the_person(
    http: httpx2.AsyncClient, fake_telegram: FakeTelegram
) -> None:
    assert (await say(http, VERA)).json()["result"]["message_id"] == 1400
    async with a_webhook(fake_telegram) as heard:
        await fake_telegram.message(VERA, "Thanks")
    assert heard[0]["message"]["message_id"] == 1401
    assert (await say(http, VERA)).json()["result"]["message_id"] == 1402
    assert (await say(http, GROUP)).json()["result"]["message_id"] == 1400


@asynccontextmanager
async def a_webhook(fake: FakeTelegram, secret: str = "s3cret") -> AsyncIterator[list[dict[str, Any]]]:
    """Somebody's webhook, set at the fake; yields what it is told."""
    heard: list[dict[str, Any]] = []

    async def webhook(scope: Any, receive: Any, send: Any) -> None:
        proof = dict(scope["headers"])[b"x-telegram-bot-api-secret-token"].decode()
        heard.append(json.loads(await whole_body(receive)))
        await send({"type": "http.response.start", "status": 200 if proof == secret else 401, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async with served(webhook) as address, httpx2.AsyncClient(base_url=fake.address) as http:
        answer = await ask(http, "setWebhook", url=address, secret_token=secret)
        assert answer.json() == json.loads(recorded("setWebhook_ok").body)
        assert (await ask(http, "getWebhookInfo")).json()["result"]["url"] == address
        yield heard


async def test_its_updates_carry_the_secret_that_was_set(fake_telegram: FakeTelegram) -> None:
    async with a_webhook(fake_telegram) as heard:
        first = await fake_telegram.message(VERA, "Hello")
        await fake_telegram.post(first)
        await fake_telegram.block_bot(VERA)
        assert str(VERA) in fake_telegram.blocked
    assert [update["update_id"] for update in heard] == [418_220_501, 418_220_501, 418_220_502]
    assert heard[0]["message"]["text"] == "Hello"
    change = heard[2]["my_chat_member"]
    assert (change["chat"]["id"], change["new_chat_member"]["status"]) == (VERA, "kicked")


async def test_it_tells_every_call_in_order_also_those_it_refused(
    http: httpx2.AsyncClient, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.block(VERA)
    await say(http, VERA, "one")
    await say(http, GROUP, "two")
    assert (await ask(http, "getMe")).json()["result"]["id"] == 7000000001
    told = [(call.method, call.chat_id, call.text) for call in fake_telegram.calls]
    assert told == [("sendMessage", "77", "one"), ("sendMessage", "-100500", "two"), ("getMe", "", "")]
    assert fake_telegram.seen_in(VERA) == []
    assert all(call.at > 0 for call in fake_telegram.calls)


async def test_a_mood_waits_for_its_method_and_chat(http: httpx2.AsyncClient, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(hang_up(), method="sendMessage", chat_id=GROUP)
    assert (await say(http, VERA)).status_code == 200
    with pytest.raises(httpx2.HTTPError):
        await say(http, GROUP)
    assert (await say(http, GROUP)).json()["result"]["message_id"] == 1401  # the one before was taken


async def test_an_answer_can_be_held_back(http: httpx2.AsyncClient, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(hold())
    asked = asyncio.create_task(say(http, VERA))
    await fake_telegram.until_called(1)
    assert not asked.done()
    fake_telegram.let_go.set()
    assert (await asked).json()["result"]["message_id"] == 1400


@pytest.mark.parametrize(
    ("chat", "text", "words"),
    [
        ("nobody", "Hello", "Bad Request: chat not found"),
        ("77", " \n", "Bad Request: message text is empty"),
        ("77", "ж" * 4097, "Bad Request: message is too long"),
        ("77", "🙏" * 2049, "Bad Request: message is too long"),
    ],
)
async def test_it_refuses_what_the_real_one_refuses(http: httpx2.AsyncClient, chat: str, text: str, words: str) -> None:
    answer = await ask(http, "sendMessage", chat_id=chat, text=text)
    assert (answer.status_code, answer.json()["description"]) == (400, words)


async def test_strangers_and_unknown_methods_are_refused(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/bot7:Wrong/getMe")).status_code == 401
    assert (await http.post("/botwords/getMe")).status_code == 404
    assert (await ask(http, "makeCoffee")).status_code == 404
    assert (await http.get(f"/file/bot{TOKEN}/nothing")).status_code == 404


def test_a_call_is_read_from_a_form_byte_by_byte() -> None:
    content = bytes(range(256)) + b"\r\n--not the end\r\n\r\n"
    request = httpx2.Request("POST", "http://x", data={"chat_id": "77", "caption": "Look"},
                             files={"voice": ("a.ogg", content, "audio/ogg")})  # fmt: skip
    call: Call = read_call("sendVoice", request.headers["content-type"], request.read(), 1.0)
    assert (call.file, call.fields["file_size"]) == (sha256(content).hexdigest(), len(content))
    assert (call.chat_id, call.text, call.file_name, call.file_mime) == ("77", "Look", "a.ogg", "audio/ogg")
