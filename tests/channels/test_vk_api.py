"""How calls to VK end badly: every code of its table, every answer that is none, and who never hears of the token."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings

from pulse.channels import File, Outgoing
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, SourceInTrouble
from pulse.channels.vk import Vk
from pulse.channels.vk_api import REFUSALS, VkApi
from pulse.channels.vk_sending import taken
from pulse.logs import CHATTY
from tests.channels.recorded import account, spoiled
from tests.fakes.vk import SEND, FakeVk
from tests.fakes.vk_moods import Mood, as_json, bad_gateway, error, error_for_peer, hang_up, hold, recorded, says

MARINA = 615550142
HELLO = Outgoing(str(MARINA), 1483920571, "Good day")

THIS_ONE: dict[str, Any] = {"unreachable": False}
GONE: dict[str, Any] = {"unreachable": True}
HALTED: dict[str, Any] = {"after": None}
TABLE: dict[int, tuple[type[CallFailed], dict[str, Any]]] = {
    1: (MaybeSent, {}),
    10: (MaybeSent, {}),
    6: (NotNow, {"after": 1, "whole_source": True}),
    9: (NotNow, {"after": 180, "whole_source": False}),
    29: (SourceInTrouble, {"after": 4 * 3600}),
    **dict.fromkeys((14, 5, 27, 28, 7, 15, 17), (SourceInTrouble, HALTED)),
    **dict.fromkeys((900, 901, 902, 1021), (NeverDelivered, GONE)),
    **dict.fromkeys((917, 922, 925, 927, 945, 946, 1012, 932, 936), (NeverDelivered, THIS_ONE)),
    **dict.fromkeys((911, 912), (BadPiece, {})),
    **dict.fromkeys((913, 914, 910, 921, 100), (NeverDelivered, THIS_ONE)),
    **dict.fromkeys((943, 944, 984), (NeverDelivered, THIS_ONE)),
}


async def failure(vk: Vk, piece: Outgoing = HELLO) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await vk.send(piece)
    return raised.value


def test_the_table_is_whole() -> None:
    assert REFUSALS.keys() == TABLE.keys()


@pytest.mark.parametrize("code", TABLE)
async def test_each_of_vks_codes_is_one_raise(vk: Vk, fake_vk: FakeVk, code: int) -> None:
    kind, promised = TABLE[code]
    fake_vk.next(error(code), error_for_peer(code))
    for _ in range(2):  # of the whole call, and of one peer in the middle of a success
        ended = await failure(vk)
        assert type(ended) is kind
        assert {name: getattr(ended, name) for name in promised} == promised
        assert ended.provider_code == str(code)
        assert f"(error {code})." in ended.reason
    assert fake_vk.messages == []


@pytest.mark.parametrize("code", [943, 944, 984])
async def test_a_refusal_for_spam_says_who_should_look(vk: Vk, fake_vk: FakeVk, code: int) -> None:
    fake_vk.next(error(code))
    assert "an admin should look" in (await failure(vk)).reason


@pytest.mark.parametrize("code", [0, -1, 3, 113, 99_999])
async def test_a_code_nobody_knows_neither_loops_nor_is_lost(vk: Vk, fake_vk: FakeVk, code: int) -> None:
    fake_vk.next(error(code, error_msg="Hologram\n needed."))
    ended = await failure(vk)
    assert type(ended) is NeverDelivered
    assert not ended.unreachable
    assert ended.reason == f"VK refused: Hologram needed (error {code}). Pulse does not know this error."


@pytest.mark.parametrize("words", [None, 5, ["a"], "", "x" * 100_000])
async def test_a_code_counts_whatever_the_words_are(vk: Vk, fake_vk: FakeVk, words: object) -> None:
    fake_vk.next(error(901, error_msg=words))
    ended = await failure(vk)
    assert type(ended) is NeverDelivered
    assert len(ended.reason) < 300


# What VK may say instead of an answer.
NO_ANSWERS: dict[str, Mood] = {
    "a bad gateway's page": bad_gateway(taken=True),
    "an error of the server that is JSON": says(as_json(recorded("messages_send_peer_ids_ok")), 500, taken=True),
    "a page with status 200": says(b"<html>Maintenance</html>", taken=True),
    "nothing": says(b"", taken=True),
    "a list": says(b"[1]", taken=True),
    "half an answer": hang_up(after=20),
    "half of the JSON": says(b'{"response":[{"peer_id":615', taken=True),
    "more than a MiB": says(as_json(recorded("messages_send_peer_ids_ok")) + b" " * 2**20, taken=True),
    "an answer to nobody": says(b'{"response":[]}', taken=True),
    "no response": says(b"{}", taken=True),
    "a text": says(b'{"response":"ok"}', taken=True),
    "an error that is a text": says(b'{"error":"invalid_request"}', taken=True),
    "an error without a code": says(b'{"error":{"error_msg":"Internal"}}', taken=True),
    "a code that is a text": says(b'{"error":{"error_code":"901"}}', taken=True),
    "deep JSON": says(b'{"response":' * 5000 + b"1" + b"}" * 5000, taken=True),
    "not UTF-8": says(b'{"response":[{"peer_id":1,"message_id":2,"conversation_message_id":"\xff"}]}', taken=True),
    "a reset": hang_up(),
}


@pytest.mark.parametrize("said", NO_ANSWERS)
async def test_without_an_answer_nobody_knows_and_the_same_call_tells(vk: Vk, fake_vk: FakeVk, said: str) -> None:
    fake_vk.next(NO_ANSWERS[said])
    ended = await failure(vk)
    assert type(ended) is MaybeSent
    assert ended.reason.startswith("VK")
    assert len(ended.reason) < 200
    assert await vk.send(HELLO) == "41"
    assert fake_vk.seen_in(MARINA) == ["Good day"]


async def test_an_answer_after_our_patience_is_none(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(hold())
    async with httpx2.AsyncClient(timeout=0.05) as hasty:
        assert type(await failure(Vk(vk.account, hasty))) is MaybeSent
    assert await vk.send(HELLO) == "41"
    assert fake_vk.seen_in(MARINA) == ["Good day"]


async def test_an_answer_that_never_ends_is_none_either(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(hold())
    async with httpx2.AsyncClient(timeout=None) as patient:
        api = VkApi(vk.account, patient, call_seconds=0.05)
        with pytest.raises(MaybeSent, match="TimeoutError"):
            await api.call(SEND, lambda answer: taken(api, answer))


@pytest.mark.parametrize("packed", [False, True])
async def test_of_an_answer_without_an_end_only_a_mib_is_read(vk: Vk, packed: bool) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        pack = zlib.compressobj(wbits=31)
        while True:
            blank = pack.compress(b" " * 2**20) + pack.flush(zlib.Z_SYNC_FLUSH) if packed else b" " * 2**16
            read += len(blank)
            yield blank

    heads = {"Content-Encoding": "gzip"} if packed else {}
    wire = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=heads, content=endless()))
    async with httpx2.AsyncClient(transport=wire) as http:
        assert type(await failure(Vk(vk.account, http))) is MaybeSent
    assert read <= 2**20 + 2**16


async def test_who_gives_up_waiting_for_vk_is_let_go(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(hold())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(vk.send(HELLO), 0.05)


async def test_where_nobody_listens_nothing_was_taken(vk: Vk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        closed = f"http://127.0.0.1:{port.getsockname()[1]}/method/"
    ended = await failure(Vk(replace(vk.account, settings={"api_url": closed}), vk.http))
    assert type(ended) is NotNow
    assert not ended.whole_source


@pytest.mark.parametrize("address", ["vk", "ftp://api.vk.ru/method/", "http://a:b/", "//x", "http://"])
async def test_an_address_that_is_none_is_the_sources_trouble(vk: Vk, address: str) -> None:
    ended = await failure(Vk(replace(vk.account, settings={"api_url": address}), vk.http))
    assert type(ended) is SourceInTrouble


@pytest.mark.parametrize("token", [None, b"", b"two words", b"line\n", b"\xff", "ключ".encode()])
async def test_without_a_token_nothing_is_called(vk: Vk, fake_vk: FakeVk, token: bytes | None) -> None:
    ended = await failure(Vk(replace(vk.account, secrets={} if token is None else {"token": token}), vk.http))
    assert type(ended) is SourceInTrouble
    assert fake_vk.calls == []


async def test_another_communitys_token_is_the_sources_trouble(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.token = "vk1.a.another"
    assert (await failure(vk)).provider_code == "5"


async def test_a_call_is_a_form_of_this_version_with_the_token_in_its_header(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(HELLO)
    [call] = fake_vk.calls
    assert (call.method, call.token, call.fields["v"]) == (SEND, fake_vk.token, "5.199")
    assert fake_vk.token not in str(call.fields)


async def test_the_address_may_end_without_a_slash(vk: Vk, fake_vk: FakeVk) -> None:
    bare = replace(vk.account, settings={"api_url": f"{fake_vk.address}/method"})
    assert await Vk(bare, vk.http).send(HELLO) == "41"


async def test_nobody_elses_address_gets_the_form_by_a_redirect(vk: Vk) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        return httpx2.Response(307, headers={"Location": "https://evil.example/"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), follow_redirects=True) as follower:
        assert type(await failure(Vk(vk.account, follower))) is MaybeSent
    assert asked == ["127.0.0.1"]


@given(body=spoiled([recorded(name) for name in ("messages_send_peer_ids_ok", "messages_send_peer_id_ok",
                                                "messages_send_peer_ids_item_error_901", "error_0901")]))  # fmt: skip
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_answer_is_an_id_or_a_failed_call(body: bytes) -> None:
    async def ask() -> str | None:
        async with httpx2.AsyncClient(
            transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))
        ) as http:
            return await Vk(account(token=b"t"), http).send(HELLO)

    try:
        number = asyncio.run(ask())
    except CallFailed:
        return
    assert number is None or int(number)


PLANTED = ("vk1.a.PLANTED-token", "PLANTED-webhook-secret", "PLANTED-in-params", "PLANTED-upload-hash")
PICTURE = replace(HELLO, file=File("photo", "cat.png", "image/png", b"PNG"))


def printed(error: BaseException) -> str:
    """All that anybody may write down of an error, which has kept none of httpx2's."""
    assert isinstance(error.__context__, CallFailed | None)
    return f"{''.join(traceback.format_exception(error))} {error!r} {error} {vars(error)}"


async def test_no_error_and_no_log_line_holds_a_secret(
    vk: Vk, fake_vk: FakeVk, caplog: pytest.LogCaptureFixture
) -> None:
    fake_vk.token, echoed = (
        PLANTED[0],
        [{"key": "access_token", "value": PLANTED[0]}, {"key": "k", "value": PLANTED[2]}],
    )
    known = replace(vk.account, secrets={"token": PLANTED[0].encode(), "secret": PLANTED[1].encode()})
    words = f"invalid access_token {PLANTED[0]}"
    moods = [error(code, request_params=echoed, error_msg=words) for code in (*TABLE, 4321)]
    moods += [
        *NO_ANSWERS.values(),
        says(as_json({"response": PLANTED[2], "request_params": echoed})),
        hold(),
    ]
    uploads = [
        *NO_ANSWERS.values(),
        *(says(as_json(recorded(name))) for name in ("docs_upload_error", "photos_upload_empty_photo")),
        hold(),
    ]
    server = as_json({"response": {"upload_url": f"{fake_vk.address}/upload/photo?hash={PLANTED[3]}"}})
    for name in CHATTY:  # as `pulse` configures them
        caplog.set_level(logging.WARNING, name)
    caplog.set_level(logging.DEBUG)
    told = [repr(vk), repr(known)]
    async with httpx2.AsyncClient(timeout=0.3) as hasty:
        for mood in moods:
            fake_vk.next(mood)
            told.append(printed(await failure(Vk(known, hasty))))
        for mood in uploads:
            fake_vk.next(says(server), method="photos.getMessagesUploadServer")
            fake_vk.next(mood, method="upload.photo")
            told.append(printed(await failure(Vk(known, hasty), PICTURE)))
        nowhere = Vk(replace(known, settings={"api_url": f"http://{PLANTED[2]}:x/"}), hasty)
        told.append(printed(await failure(nowhere)))
    for secret in PLANTED:
        assert secret not in "\n".join([*told, caplog.text])
