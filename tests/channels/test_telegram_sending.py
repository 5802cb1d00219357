"""What Telegram's people get to see of a reply, and what it was asked for that: against the fake, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256

import httpx2
import pytest

from pulse.channels import FILES, File, Outgoing
from pulse.channels.calls import BadPiece, MaybeSent, NeverDelivered, NotNow, PeerMoved
from pulse.channels.pieces import pieces_of
from pulse.channels.telegram import Telegram
from pulse.channels.web import Web
from tests.channels.bots import GROUP, VERA, a_bot
from tests.channels.recorded import account
from tests.fakes.telegram import FakeTelegram, error, hang_up, says

BUSINESS = "aB3dE5fG7hI9jK1lM3nO5pQ7"
CAT = File("photo", "cat.jpg", "image/jpeg", b"\xff\xd8\xff a cat\r\n--with\0lines\r\n")


@pytest.fixture
async def bot(fake_telegram: FakeTelegram) -> AsyncIterator[Telegram]:
    async with a_bot(fake_telegram) as opened:
        yield opened


def piece(text: str = "", peer: str = VERA, *, file: File | None = None, plain: bool = False) -> Outgoing:
    return Outgoing(peer, random_id=1, text=text, file=file, plain=plain)


# Words


async def test_words_arrive_as_they_are_and_the_message_is_named(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    text = "2 < 3 & *stars* _lines_ <b>tags</b> [x](y) 🙏 https://example.com\nnext"
    assert await bot.send(piece(text)) == "1400"
    [call] = fake_telegram.calls
    assert (call.method, call.chat_id, call.text) == ("sendMessage", VERA, text)
    assert call.fields == {"chat_id": VERA, "text": text, "allow_sending_without_reply": True}


async def test_messages_of_a_chat_are_named_one_after_the_other(bot: Telegram) -> None:
    assert [await bot.send(piece(text)) for text in ("one", "two")] == ["1400", "1401"]
    assert await bot.send(piece("one", GROUP)) == "1400"  # another chat, another count


async def test_a_plain_piece_is_its_words_alone(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    await bot.send(piece("Hello", plain=True))
    assert fake_telegram.calls[0].fields == {"chat_id": VERA, "text": "Hello", "allow_sending_without_reply": True}


async def test_a_business_chat_is_written_to_through_its_connection(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    await bot.send(piece("Hello", f"{BUSINESS}:{VERA}"))
    await bot.send(piece("Look", f"{BUSINESS}:{VERA}", file=CAT))
    await bot.show_typing(f"{BUSINESS}:{VERA}")
    asked = [(call.chat_id, call.fields["business_connection_id"]) for call in fake_telegram.calls]
    assert asked == [(VERA, BUSINESS)] * 3


@pytest.mark.parametrize("result", [None, True, [], {}, {"message_id": "7"}, {"message_id": True}, {"message_id": -1}])
async def test_a_message_without_a_name_may_have_been_sent(
    bot: Telegram, fake_telegram: FakeTelegram, result: object
) -> None:
    fake_telegram.next(error("sendMessage_ok", result=result, taken=True))
    with pytest.raises(MaybeSent):
        await bot.send(piece("Hello"))
    assert fake_telegram.seen_in(VERA) == ["Hello"]


async def test_a_message_that_has_no_id_yet_was_sent(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(error("sendMessage_ok", result={"message_id": 0}))
    assert await bot.send(piece("Hello")) is None


# Files


@pytest.mark.parametrize("kind", sorted(FILES))
async def test_a_file_goes_up_whole_with_its_caption(bot: Telegram, fake_telegram: FakeTelegram, kind: str) -> None:
    file = replace(CAT, kind=kind)
    assert await bot.send(piece("Look *here*", file=file)) == "1400"
    [call] = fake_telegram.messages
    assert call.method == f"send{kind.capitalize()}"
    assert (call.file, call.file_name, call.file_mime) == (sha256(CAT.content).hexdigest(), "cat.jpg", "image/jpeg")
    assert (call.chat_id, call.text, call.fields["file_field"]) == (VERA, "Look *here*", kind)
    assert "parse_mode" not in call.fields


async def test_a_file_without_words_has_no_caption(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    await bot.send(piece(file=CAT))
    assert "caption" not in fake_telegram.calls[0].fields


@pytest.mark.parametrize(
    ("mime", "size", "method"),
    [
        ("image/jpeg", 100, "sendPhoto"),
        ("image/png", 100, "sendPhoto"),
        ("image/webp", 100, "sendPhoto"),
        ("image/gif", 100, "sendDocument"),
        ("image/svg+xml", 100, "sendDocument"),
        ("", 100, "sendDocument"),
        ("image/jpeg", 10 * 2**20, "sendPhoto"),
        ("image/jpeg", 10 * 2**20 + 1, "sendDocument"),
    ],
)
async def test_what_telegram_takes_for_no_photo_goes_as_a_document(
    bot: Telegram, fake_telegram: FakeTelegram, mime: str, size: int, method: str
) -> None:
    await bot.send(piece("Look", file=File("photo", "cat", mime, b"x" * size)))
    [call] = fake_telegram.messages
    assert (call.method, call.text, call.fields["file_size"]) == (method, "Look", size)


@pytest.mark.parametrize("kind", sorted(FILES))
async def test_a_plain_file_is_a_document_whatever_it_is(bot: Telegram, fake_telegram: FakeTelegram, kind: str) -> None:
    await bot.send(piece("Look", file=replace(CAT, kind=kind), plain=True))
    [call] = fake_telegram.messages
    assert (call.method, call.text, call.file) == ("sendDocument", "Look", sha256(CAT.content).hexdigest())
    assert call.fields["disable_content_type_detection"] == "true"


@pytest.mark.parametrize(
    ("name", "mime"),
    [("счёт №1.pdf", "application/pdf"), ('a"b\r\nX: y.pdf', "text/html\r\nX-Header: y"), ("", ""), ("a/../b", "х/у")],
)
async def test_names_of_files_may_be_anything(bot: Telegram, fake_telegram: FakeTelegram, name: str, mime: str) -> None:
    await bot.send(piece(file=File("document", name, mime, CAT.content)))
    [call] = fake_telegram.messages
    assert call.file == sha256(CAT.content).hexdigest()
    assert call.file_name == (name.replace('"', "%22").replace("\r\n", "%0D%0A") or "document")
    assert call.file_mime == ("application/pdf" if mime == "application/pdf" else "application/octet-stream")


async def test_a_caption_of_another_length_would_be_refused(bot: Telegram) -> None:
    """`pieces_of` sees to it, and the fake keeps it."""
    await bot.send(piece("ж" * 1024, file=CAT))
    with pytest.raises(BadPiece):
        await bot.send(piece("ж" * 1025, file=CAT))


async def test_a_file_over_50_mb_is_never_delivered(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    with pytest.raises(NeverDelivered):
        await bot.send(piece(file=File("document", "a", "", bytes(50 * 2**20 + 1))))
    assert fake_telegram.messages == []


async def test_a_long_reply_arrives_whole_in_its_pieces(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    text = "\n".join(f"{number}. Строка 🙏 {'слово ' * 9}" for number in range(200))
    for words, _ in pieces_of(bot.capabilities, text, ()):
        await bot.send(piece(words))
    assert len(fake_telegram.messages) == 4
    assert " ".join(fake_telegram.seen_in(VERA)).split() == text.split()


# Trouble


async def test_a_blocked_bot_reaches_nobody(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    fake_telegram.block(VERA)
    with pytest.raises(NeverDelivered) as refused:
        await bot.send(piece("Hello"))
    assert refused.value.unreachable
    assert await bot.send(piece("Hello", "-100")) == "1400"
    fake_telegram.unblock(VERA)
    assert await bot.send(piece("Hello")) == "1400"


async def test_a_group_that_moved_is_found_again(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    fake_telegram.migrate(GROUP, -1002100999888)
    with pytest.raises(PeerMoved) as moved:
        await bot.send(piece("Hello", GROUP))
    assert await bot.send(piece("Hello", moved.value.peer)) == "1400"
    assert fake_telegram.seen_in("-1002100999888") == ["Hello"]


@pytest.mark.parametrize("file", [None, CAT], ids=["words", "a file"])
@pytest.mark.parametrize("taken", [True, False])
async def test_a_lost_answer_leaves_open_whether_it_was_sent(
    bot: Telegram, fake_telegram: FakeTelegram, taken: bool, file: File | None
) -> None:
    fake_telegram.next(hang_up(taken=taken), error("error_500_restart", taken=taken))
    for _ in range(2):
        with pytest.raises(MaybeSent):
            await bot.send(piece("Hello", file=file))
    assert fake_telegram.seen_in(VERA) == ["Hello", "Hello"] * taken
    assert len(fake_telegram.calls) == 2  # the driver repeats nothing by itself


async def test_too_many_words_at_once_wait(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    fake_telegram.clock = lambda: 1000.0
    for _ in range(5):
        await bot.send(piece("Hello"))
    with pytest.raises(NotNow) as busy:
        await bot.send(piece("Hello"))
    assert (busy.value.after, busy.value.whole_source) == (1.0, False)
    fake_telegram.clock = lambda: 1001.0
    await bot.send(piece("Hello"))


async def test_typing_is_shown(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    await bot.show_typing(VERA)
    [call] = fake_telegram.calls
    assert (call.method, call.fields) == ("sendChatAction", {"chat_id": VERA, "action": "typing"})
    fake_telegram.next(says(b""))
    with pytest.raises(MaybeSent):
        await bot.show_typing(VERA)


def test_telegrams_capabilities_are_the_bot_apis() -> None:
    known = Telegram.capabilities
    assert (known.text_limit, known.caption_limit, known.units) == (4096, 1024, "utf-16")
    assert (known.file_limit, known.kinds) == (50 * 2**20, FILES)
    assert (known.per_second, known.per_peer, known.per_group_minute) == (30, 1, 20)
    assert (known.repeat_seconds, known.typing, known.receipts) == (0, True, False)


# Files of customers


async def test_a_customers_file_is_located(bot: Telegram, fake_telegram: FakeTelegram) -> None:
    fake_telegram.keep_file("BQAC", b"%PDF-1.7")
    located = await bot.locate("BQAC")
    async with httpx2.AsyncClient() as http:
        assert (await http.get(located.url)).content == b"%PDF-1.7"
    assert "file/bot" not in repr(located)


async def test_a_website_has_no_files_elsewhere() -> None:
    with pytest.raises(NeverDelivered, match="This channel's files can't be fetched"):
        await Web(account()).locate("https://example.com/cat.jpg")
