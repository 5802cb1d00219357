"""The Bot API's answers, recorded and hostile, each as what it means for the reply; and the token, which nobody sees."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.channels import File
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, PeerMoved, SourceInTrouble
from pulse.channels.telegram_answers import LONGEST_PAUSE, Answer, result_of
from pulse.channels.telegram_api import ANSWER_BYTES, TelegramApi
from tests.channels.bots import a_bot, bot_at
from tests.channels.recorded import JSON
from tests.fakes.telegram import TOKEN, FakeTelegram, Mood, as_json, error, hang_up, hold, says

HELLO = {"chat_id": "77", "text": "Hello"}
PICTURE = File("photo", "cat.jpg", "image/jpeg", b"\xff\xd8 a cat")


@pytest.fixture
async def api(fake_telegram: FakeTelegram) -> AsyncIterator[TelegramApi]:
    async with a_bot(fake_telegram) as bot:
        yield bot.api


async def failure(api: TelegramApi, method: str = "sendMessage", file: File | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await api.call(method, HELLO, file)
    return raised.value


def told(wrong: CallFailed) -> dict[str, Any]:
    """All that an error says, beside its words."""
    return {name: known for name, known in vars(wrong).items() if name not in ("reason", "details", "provider_code")}


# What Telegram says


@pytest.mark.parametrize(
    ("name", "kind", "says_too"),
    [
        ("error_429", NotNow, {"after": 14.0, "whole_source": False}),
        ("error_403_blocked", NeverDelivered, {"unreachable": True}),
        ("error_403_deactivated", NeverDelivered, {"unreachable": True}),
        ("error_403_kicked", NeverDelivered, {"unreachable": True}),
        ("error_400_chat_not_found", NeverDelivered, {"unreachable": False}),
        ("error_400_migrated", PeerMoved, {"peer": "-1002100999888"}),
        ("error_400_reply_not_found", BadPiece, {}),
        ("error_400_parse_entities", BadPiece, {}),
        ("error_400_too_long", BadPiece, {}),
        ("getFile_400_wrong_id", BadPiece, {}),
        ("getFile_400_too_big", NeverDelivered, {"unreachable": False}),
        ("error_401", SourceInTrouble, {"after": None}),
        ("error_404_bad_token_or_method", SourceInTrouble, {"after": None}),
        ("error_409_other_consumer", SourceInTrouble, {"after": None}),
        ("error_500_restart", MaybeSent, {}),
        ("error_502_html", MaybeSent, {}),
    ],
)
async def test_a_recorded_error_is_one_failure(
    api: TelegramApi, fake_telegram: FakeTelegram, name: str, kind: type[CallFailed], says_too: dict[str, Any]
) -> None:
    fake_telegram.next(error(name))
    wrong = await failure(api)
    assert type(wrong) is kind
    assert told(wrong) == says_too
    assert wrong.provider_code == name.split("_")[1]
    assert len(fake_telegram.calls) == 1  # nothing is repeated on the quiet


@pytest.mark.parametrize(
    ("code", "description", "kind"),
    [
        (400, "Bad Request: PEER_ID_INVALID", NeverDelivered),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", NeverDelivered),
        (400, "Bad Request: wrong file identifier/HTTP URL specified", BadPiece),
        (400, "Bad Request: failed to get HTTP URL content", BadPiece),
        (400, "Bad Request: words that nobody has heard", BadPiece),
        (403, "Forbidden: bot can't initiate conversation with a user", NeverDelivered),
        (413, "Request Entity Too Large", NeverDelivered),
        (418, "I'm a teapot", NeverDelivered),
        (503, "Service Unavailable", MaybeSent),
        (200, "OK?", MaybeSent),
        (-1, "", MaybeSent),
    ],
)
async def test_an_error_that_was_not_recorded_is_told_by_its_code_and_first_words(
    api: TelegramApi, fake_telegram: FakeTelegram, code: int, description: str, kind: type[CallFailed]
) -> None:
    body = {"ok": False, "error_code": code, "description": description}
    fake_telegram.next(says(as_json(body), 400))
    assert type(await failure(api)) is kind


@pytest.mark.parametrize("name", ["error_400_not_modified", "error_400_query_too_old"])
async def test_what_is_so_already_is_a_success(api: TelegramApi, fake_telegram: FakeTelegram, name: str) -> None:
    fake_telegram.next(error(name))
    assert await api.call("editMessageText", HELLO) is True


async def test_words_are_told_apart_whatever_their_case(api: TelegramApi, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(error("error_400_chat_not_found", description="BAD REQUEST: Chat Not Found"))
    assert type(await failure(api)) is NeverDelivered


@pytest.mark.parametrize(
    ("parameters", "header", "after"),
    [
        ({"retry_after": 3}, "14", 3.0),
        ({"retry_after": 0}, "14", 0.0),
        ({}, "14", 14.0),
        ({"retry_after": "3"}, "14", 14.0),
        ({"retry_after": True}, "", None),
        ({"retry_after": -3}, "", None),
        ({"retry_after": 10**15}, "", LONGEST_PAUSE),
        ([], "Sat, 21 Nov 2026 09:00:00 GMT", None),
        (None, "9" * 5000, LONGEST_PAUSE),
        (None, "²", None),
    ],
)
def test_a_pause_is_what_was_asked_for_within_reason(parameters: object, header: str, after: float | None) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": parameters}
    with pytest.raises(NotNow) as raised:
        result_of(Answer(429, header, as_json(body)))
    assert raised.value.after == after


# What comes from nobody knows where

HOSTILE: dict[str, Mood] = {
    "no body": says(b""),
    "not JSON": says(b"OK"),
    "half a body": says(b'{"ok": true, "result": {"message_id": 14'),
    "a list": says(b"[]"),
    "a number": says(b"7"),
    "null": says(b"null"),
    "no ok": says(b'{"result": {"message_id": 1}}'),
    "ok is no boolean": says(b'{"ok": 1, "result": {"message_id": 1}}'),
    "no result": says(b'{"ok": true}'),
    "no code": says(b'{"ok": false, "description": "?"}'),
    "a code as text": says(b'{"ok": false, "error_code": "403", "description": "?"}'),
    "a code of true": says(b'{"ok": false, "error_code": true, "description": "?"}'),
    "no description": says(b'{"ok": false, "error_code": 403}'),
    "a nested bomb": says(b"[" * 100_000),
    "NaN": says(b'{"ok": true, "result": NaN}'),
    "a giant": says(b'{"ok": true, "result": "' + b"x" * (ANSWER_BYTES + 1) + b'"}'),
    "a giant of blanks": says(b" " * (ANSWER_BYTES + 1) + b'{"ok": true, "result": true}'),
    "HTML in a 502": error("error_502_html"),
    "HTML in a 403": says(b"<h1>Forbidden</h1>", 403),
    "compressed": says(b"\x1f\x8b\x08\x00", **{"content-encoding": "gzip"}),
    "a redirect": says(b"", 302, location="http://127.0.0.1:1/elsewhere"),
    "cut before the answer": hang_up(),
    "cut inside the answer": hang_up(after=20),
}


@pytest.mark.parametrize("mood", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("file", [None, PICTURE], ids=["words", "a file"])
async def test_an_answer_that_makes_no_sense_may_have_been_sent(
    api: TelegramApi, fake_telegram: FakeTelegram, mood: Mood, file: File | None
) -> None:
    fake_telegram.next(mood)
    wrong = await failure(api, "sendPhoto" if file else "sendMessage", file)
    assert type(wrong) is MaybeSent
    assert wrong.reason.startswith("Telegram")
    assert wrong.reason.endswith(".")
    assert len(fake_telegram.calls) == 1


@given(body=JSON.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40), status=st.integers(200, 599))
def test_no_answer_breaks_the_driver(body: bytes, status: int) -> None:
    ends_well_or_badly(Answer(status, "", body))


ODD = st.fixed_dictionaries(
    {}, optional={"ok": JSON | st.booleans(), "error_code": JSON | st.sampled_from([400, 403, 429, 500]),
                  "description": JSON, "result": JSON,
                  "parameters": JSON | st.fixed_dictionaries({"retry_after": JSON, "migrate_to_chat_id": JSON})},
)  # fmt: skip


@given(body=ODD)
def test_no_fields_break_the_driver(body: dict[str, Any]) -> None:
    ends_well_or_badly(Answer(200, "", json.dumps(body).encode()))


def ends_well_or_badly(answer: Answer) -> None:
    """It has a result, or fails in a way that an event can tell."""
    reason = "a result"
    try:
        result_of(answer)
    except CallFailed as wrong:
        reason = wrong.reason
    assert reason.strip()
    assert "\0" not in reason


@pytest.mark.parametrize(("status", "kind"), [(413, NeverDelivered), (429, NotNow)])
async def test_a_proxy_may_refuse_in_telegrams_place(
    api: TelegramApi, fake_telegram: FakeTelegram, status: int, kind: type[CallFailed]
) -> None:
    fake_telegram.next(says(b"<html>", status, **{"retry-after": "5"}))
    wrong = await failure(api)
    assert type(wrong) is kind
    assert getattr(wrong, "after", 5.0) == 5.0


async def test_an_answer_that_never_comes_may_have_been_sent(fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(hold())
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(10, read=0.2)) as http:
        assert type(await failure(bot_at(fake_telegram.address, http).api)) is MaybeSent
    assert len(fake_telegram.calls) == 1


async def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little the client's own time limit minds a byte now and then."""
    monkeypatch.setattr("pulse.channels.telegram_api.ANSWER_SECONDS", 0.2)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"Hello")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        assert not (await reader.read()).strip(b'"}')  # until the other side hangs up
        writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server, httpx2.AsyncClient(timeout=60) as http:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert type(await failure(bot_at(address, http).api)) is MaybeSent


async def test_a_telegram_that_cannot_be_reached_took_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with httpx2.AsyncClient(timeout=10) as http:
        wrong = await failure(bot_at(address, http).api)
    assert type(wrong) is NotNow
    assert told(wrong) == {"after": None, "whole_source": False}


@pytest.mark.parametrize("address", ["ftp://example.org", "not an address", "http://[::1", "https://"])
async def test_an_address_that_cannot_be_is_the_sources_trouble(address: str) -> None:
    async with httpx2.AsyncClient(timeout=10) as http:
        assert type(await failure(bot_at(address, http).api)) is SourceInTrouble


@pytest.mark.parametrize("token", ["", "words", "7000000001:two\r\nX-Header: lines", "7:a/../b", "7:кот"])
async def test_a_token_that_cannot_be_never_leaves(fake_telegram: FakeTelegram, token: str) -> None:
    async with a_bot(fake_telegram, token) as bot:
        assert type(await failure(bot.api)) is SourceInTrouble
    assert fake_telegram.calls == []


async def test_a_token_of_another_installation_is_the_sources_trouble(fake_telegram: FakeTelegram) -> None:
    async with a_bot(fake_telegram, "7000000001:AnOldToken") as bot:
        assert type(await failure(bot.api)) is SourceInTrouble


# The token


def everything_of(wrong: BaseException) -> str:
    """An error with its causes, contexts, and the locals of all their frames."""
    shown = traceback.TracebackException.from_exception(wrong, capture_locals=True)
    contexts = [one for one in (wrong.__cause__, wrong.__context__) if one is not None]
    own = [str(wrong), repr(wrong), repr(vars(wrong)), *shown.format()]
    return "".join([*own, *(everything_of(one) for one in contexts)])


def quoting_the_token() -> list[Mood]:
    """Answers that quote the address they were asked at."""
    quoted = f"no such path: /bot{TOKEN}/sendMessage"
    codes = (400, 401, 403, 429, 500)
    bodies = [as_json({"ok": False, "error_code": code, "description": quoted}) for code in codes]
    return [says(body, 400) for body in bodies] + [says(quoted.encode(), 502)]


async def test_nothing_ever_shows_the_token(
    fake_telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    failures: list[BaseException] = []
    moods = [
        *HOSTILE.values(),
        *quoting_the_token(),
        *(error(f"error_{code}") for code in ("401", "429", "500_restart")),
    ]

    async def take(what: Callable[[], Any]) -> None:
        try:
            await what()
        except CallFailed as wrong:
            failures.append(wrong)

    async with a_bot(fake_telegram) as bot:
        api = bot.api
        for mood in moods:
            fake_telegram.next(mood, mood)
            await take(lambda: api.call("sendMessage", HELLO))
            await take(lambda: api.locate("a file"))
        for address in ("http://127.0.0.1:1", "ftp://example.org", "http://[::1"):
            elsewhere = bot_at(address, bot.http).api
            await take(lambda api=elsewhere: api.call("sendMessage", HELLO))  # type: ignore[misc]
        fake_telegram.keep_file("a file", b"%PDF")
        located = await api.locate("a file")
        assert await api.call("getMe", {})
    assert len(failures) == 2 * len(moods) + 3
    assert TOKEN in located.url
    seen = [*map(everything_of, failures), repr(bot), repr(api), repr(bot.account), repr(located), str(located)]
    secret = TOKEN.partition(":")[2]
    assert not [one for one in seen if secret in one]
    written = [record for record in caplog.records if not record.name.startswith("uvicorn")]  # the fake's own
    assert any("HTTP Request: POST" in record.getMessage() for record in written)  # httpx2 does write addresses
    assert secret not in "".join(record.getMessage() + repr(vars(record)) for record in written)
    assert secret not in "".join(capfd.readouterr())


# Files to fetch


async def test_a_file_is_located_by_an_address_that_can_be_fetched(
    api: TelegramApi, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.keep_file("BQAC", b"%PDF-1.7", "documents/file_17.pdf")
    located = await api.locate("BQAC")
    assert located.url == f"{fake_telegram.address}/file/bot{TOKEN}/documents/file_17.pdf"
    assert (located.size, located.hosts) == (8, ("127.0.0.1",))
    async with httpx2.AsyncClient() as http:
        assert (await http.get(located.url)).content == b"%PDF-1.7"


async def test_a_file_over_20_mb_is_never_fetched(api: TelegramApi, fake_telegram: FakeTelegram) -> None:
    fake_telegram.keep_file("BQAC", b"x" * (20 * 2**20 + 1))
    with pytest.raises(NeverDelivered, match="Telegram gives bots no files over 20 MB"):
        await api.locate("BQAC")


async def test_a_file_that_is_away_may_be_asked_for_again(api: TelegramApi, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(hang_up(), error("error_500_restart"))
    for _ in range(3):  # the third time nobody knows such a file
        with pytest.raises(NotNow):
            await api.locate("BQAC")


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "a/../../b",
        "/absolute",
        "http://example.org/x",
        "a?b",
        "a#b",
        "a b",
        "",
        7,
        None,
        "a%2e",
        ".",
    ],
)
async def test_a_path_that_leads_elsewhere_is_not_followed(
    api: TelegramApi, fake_telegram: FakeTelegram, path: object
) -> None:
    fake_telegram.next(error("getFile_ok", result={"file_path": path, "file_size": 8}))
    with pytest.raises(NotNow):
        await api.locate("BQAC")


@pytest.mark.parametrize("size", [None, "8", True, [8]])
async def test_a_size_that_is_none_is_unknown(api: TelegramApi, fake_telegram: FakeTelegram, size: object) -> None:
    fake_telegram.next(error("getFile_ok", result={"file_path": "a/b.pdf", "file_size": size}))
    assert (await api.locate("BQAC")).size is None
