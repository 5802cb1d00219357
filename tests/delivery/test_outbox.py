"""Replies leave once, in order, whatever happens to the channel and to us."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from pulse.aggregates.chat import Chat, CustomerUnreachable
from pulse.aggregates.chat_events import CustomerLost
from pulse.aggregates.chat_replies import Failure, ReplyFailed, ReplySent, ReplyUncertain
from pulse.aggregates.chat_so_far import random_id_of
from pulse.aggregates.source import Source, SourceHalted
from pulse.channels import Capabilities, File
from pulse.channels.calls import BadPiece, MaybeSent, NeverDelivered, NotNow, PeerMoved, SourceInTrouble
from pulse.delivery import calling, outcomes
from pulse.delivery.outbox import Outbox
from pulse.directory import Directory
from pulse.message import Attachment, Author, Incoming
from tests.delivery.conftest import Script, Scripted, World, now, running
from tests.given import ANNA
from tests.insisting import insist

SOON = pytest.fixture(autouse=True)


@SOON
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backing off takes no time here."""
    monkeypatch.setattr(outcomes, "backoff", lambda attempt: 0.0)


def repeating(monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel counts a random id once, as VK does."""
    limits = Capabilities(text_limit=100, file_limit=0, receipts=False, typing=False, repeat_seconds=3600)
    monkeypatch.setattr(Scripted, "capabilities", limits)


async def test_a_reply_is_attempted_sent_and_named(world: World, script: Script):
    async with running(world.outbox()):
        chat = await world.reply("77", "Good day")
        await world.until(chat, ReplySent)
    assert script.texts == ["Good day"]
    assert await world.events(chat) == ["ReplyWritten", "ReplyAttempted", "ReplySent"]
    assert (await world.chat(chat)).find("m1") == 3


async def test_what_was_written_while_nobody_sent_is_sent_later(world: World, script: Script):
    chat = await world.reply("77", "Good day")
    async with running(world.outbox()):
        await world.until(chat, ReplySent)
    assert script.texts == ["Good day"]


async def test_the_attempt_is_on_disk_before_the_call(world: World, script: Script):
    script.acts["77"] = [asyncio.Event()]
    async with running(world.outbox()):
        chat = await world.reply("77", "Good day")
        await script.until_called(1)
        assert await world.events(chat) == ["ReplyWritten", "ReplyAttempted"]


async def test_a_chats_replies_leave_in_order_and_wait_for_one_that_is_tried_again(world: World, script: Script):
    script.acts["77"] = [NotNow("busy"), NotNow("busy")]
    async with running(world.outbox()):
        for text in ("one", "two", "three"):
            chat = await world.reply("77", text)
        await world.until(chat, ReplySent, 3)
    assert script.texts == ["one", "one", "one", "two", "three"]


async def test_a_pause_the_channel_asked_for_is_kept_for_that_chat_only(world: World, script: Script):
    script.acts["77"] = [NotNow("too many", "429", after=3600)]
    async with running(world.outbox()):
        busy = await world.reply("77", "wait")
        await world.until(busy, ReplyFailed)
        other = await world.reply("78", "hello")
        await world.until(other, ReplySent)
    again_at = (await world.chat(busy)).outgoing[3].again_at
    assert again_at is not None
    assert timedelta(minutes=59) < again_at - now() < timedelta(minutes=61)
    assert script.texts == ["wait", "hello"]


async def test_a_time_to_try_again_survives_a_restart(world: World, script: Script):
    script.acts["77"] = [NotNow("too many", "429", after=1)]
    async with running(world.outbox()):
        chat = await world.reply("77", "wait")
        await world.until(chat, ReplyFailed)
    async with running(world.outbox()):
        await world.until(chat, ReplySent)
    assert script.texts == ["wait", "wait"]


async def test_what_nobody_could_deliver_for_an_hour_has_failed(world: World, script: Script):
    def an_hour_ago(chat: Chat) -> None:
        chat.reply("old", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now() - timedelta(hours=2))
        chat.fail(3, part=0, attempt=1, failure=Failure("away", again_at=now()), now=now())

    script.acts["77"] = [NotNow("still away")]
    chat = await world.act("77", an_hour_ago)
    async with running(world.outbox()):
        await world.until(chat, ReplyFailed, 2)
    assert (await world.chat(chat)).outgoing[3].stuck


async def test_a_refusal_for_good_fails_at_once_and_the_next_reply_goes_on(world: World, script: Script):
    script.acts["77"] = [NeverDelivered("chat not found", "400")]
    async with running(world.outbox()):
        chat = await world.reply("77", "lost")
        await world.reply("77", "next")
        await world.until(chat, ReplySent)
    assert [name for name in await world.events(chat) if name != "ReplyWritten"] == [
        "ReplyAttempted", "ReplyFailed", "ReplyAttempted", "ReplySent",
    ]  # fmt: skip
    assert script.texts == ["lost", "next"]


async def test_a_customer_who_blocked_us_is_marked_and_found_again_when_they_write(world: World, script: Script):
    script.acts["77"] = [NeverDelivered("bot was blocked by the user", "403", unreachable=True)]
    async with running(world.outbox()):
        chat = await world.reply("77", "lost")
        await world.until(chat, CustomerLost)
        assert not (await world.chat(chat)).reachable
        with pytest.raises(CustomerUnreachable):
            await world.reply("77", "next")
        said = Incoming("u1", Author("77", "Vera"), "I am back", message_id="1")
        await world.act("77", lambda chat: chat.receive(said, raw="{}", now=now()))
        await world.reply("77", "welcome back")
        await world.until(chat, ReplySent)
    assert script.texts == ["lost", "welcome back"]


async def test_a_malformed_piece_is_sent_once_more_in_plain_words_and_then_has_failed(world: World, script: Script):
    script.acts["77"] = [BadPiece("can't parse"), BadPiece("can't parse")]
    async with running(world.outbox()):
        chat = await world.reply("77", "*odd*")
        await world.until(chat, ReplyFailed, 2)
    assert [piece.plain for piece in script.calls] == [False, True]
    assert (await world.chat(chat)).outgoing[3].stuck


async def test_a_chat_that_moved_is_written_to_at_its_new_address(world: World, script: Script):
    script.acts["-77"] = [PeerMoved("upgraded", "-10077")]
    async with running(world.outbox()):
        chat = await world.reply("-77", "hello")
        await world.until(chat, ReplySent)
        await world.reply("-77", "and again")
        await world.until(chat, ReplySent, 2)
    assert [piece.peer for piece in script.calls] == ["-77", "-10077", "-10077"]


async def test_a_call_without_an_end_is_uncertain_and_not_made_again(world: World, script: Script):
    script.acts["77"] = [MaybeSent("no answer")]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(chat, ReplyUncertain)
        await world.reply("77", "next")
        await world.until(chat, ReplySent)
    assert script.texts == ["hello", "next"]


async def test_a_moderator_has_an_uncertain_reply_sent_again(world: World, script: Script):
    script.acts["77"] = [MaybeSent("no answer")]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(chat, ReplyUncertain)
        await world.act("77", lambda chat: chat.send_again(3, moderator_id=ANNA, now=now()))
        await world.until(chat, ReplySent)
    assert script.texts == ["hello", "hello"]


async def test_where_a_call_counts_once_it_is_made_again_with_the_same_random_id(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
):
    repeating(monkeypatch)
    script.acts["77"] = [MaybeSent("no answer"), MaybeSent("no answer")]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(chat, ReplySent)
    assert len({piece.random_id for piece in script.calls}) == 1
    assert script.texts == ["hello"] * 3


@pytest.mark.parametrize("cut_off", [False, True])
async def test_what_may_have_arrived_has_not_failed_when_a_repeated_call_does(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch, cut_off: bool
):
    repeating(monkeypatch)

    def tried(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        if cut_off:
            chat.attempt(3, part=0, parts=1, attempt=1, now=now())

    script.acts["77"] = [*([] if cut_off else [MaybeSent("no answer")]), NotNow("busy"), NeverDelivered("blocked")]
    chat = await world.act("77", tried)
    async with running(world.outbox()):
        await world.until(chat, ReplyUncertain)
        await world.act("77", lambda chat: chat.vouch(3, moderator_id=ANNA, now=now()))
    assert (await world.chat(chat)).outgoing == {}


async def test_what_a_moderator_sends_again_is_tried_as_long_as_anything_new(world: World, script: Script):
    def given_up(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now() - timedelta(hours=2))
        chat.fail(3, part=0, attempt=1, failure=Failure("away"), now=now() - timedelta(hours=1))
        chat.send_again(3, moderator_id=ANNA, now=now())

    script.acts["77"] = [NotNow("busy")]
    chat = await world.act("77", given_up)
    async with running(world.outbox()):
        await world.until(chat, ReplySent)
    assert script.texts == ["hello", "hello"]


@pytest.mark.parametrize("repeats", [False, True])
async def test_a_call_that_a_crash_cut_off_is_repeated_only_where_it_counts_once(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch, repeats: bool
):
    if repeats:
        repeating(monkeypatch)

    def cut_off(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now())

    chat = await world.act("77", cut_off)
    async with running(world.outbox()):
        await world.until(chat, ReplySent if repeats else ReplyUncertain)
    assert script.texts == (["hello"] if repeats else [])


async def test_what_may_have_arrived_is_not_repeated_after_its_window(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
):
    repeating(monkeypatch)

    def long_ago(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now() - timedelta(hours=2))
        chat.fail(3, part=0, attempt=1, failure=Failure("no answer", again_at=now(), maybe=True), now=now())

    chat = await world.act("77", long_ago)
    async with running(world.outbox()):
        await world.until(chat, ReplyUncertain)
    assert script.calls == []


async def test_what_may_have_arrived_and_then_never_could_be_sent_is_uncertain_and_not_failed(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
):
    repeating(monkeypatch)
    script.acts["77"] = [MaybeSent("no answer"), NeverDelivered("not allowed")]
    async with running(world.outbox()):
        await world.until(await world.reply("77", "hello"), ReplyUncertain)


async def test_an_echo_of_a_stuck_piece_lets_the_rest_go_on(world: World, script: Script):
    script.acts["77"] = [MaybeSent("no answer")]
    text = "word " * 30
    async with running(world.outbox()):
        chat = await world.reply("77", text)
        await world.until(chat, ReplyUncertain)
        ours = script.calls[0].random_id
        await world.act("77", lambda chat: chat.echo(
            text=text[:99], attachments=(), message_id="e1", random_id=ours, outside_author=None, external_id="e1",
            raw="{}", now=now(),
        ))  # fmt: skip
        await world.until(chat, ReplySent, 2)
    assert len(script.calls) == 2


async def test_a_vouched_piece_lets_the_rest_go_on(world: World, script: Script):
    script.acts["77"] = [MaybeSent("no answer")]
    async with running(world.outbox()):
        chat = await world.reply("77", "word " * 30)
        await world.until(chat, ReplyUncertain)
        await world.act("77", lambda chat: chat.vouch(3, moderator_id=ANNA, now=now()))
        await world.until(chat, ReplySent)
    assert (await world.chat(chat)).outgoing == {}


async def test_after_a_halt_the_hour_of_trying_begins_anew(world: World, script: Script):
    def halted_long_ago(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now() - timedelta(hours=2))
        chat.fail(3, part=0, attempt=1, failure=Failure("Unauthorized", again_at=now(), anew=True), now=now())

    script.acts["77"] = [NotNow("busy")]
    chat = await world.act("77", halted_long_ago)
    async with running(world.outbox()):
        await world.until(chat, ReplySent)
    assert script.texts == ["hello", "hello"]


async def test_a_file_that_can_not_be_read_is_no_call(world: World, script: Script):
    async def gone(attachment: Attachment) -> File:
        raise FileNotFoundError

    photo = Attachment("photo", name="cat.jpg", sha256="ab" * 32)
    async with running(world.outbox(gone)):
        chat = await world.reply("77", "", attachments=(photo,))
        await world.until(chat, ReplyFailed)
    assert script.calls == []
    assert (await world.chat(chat)).outgoing[3].stuck


async def test_a_reply_that_this_pulse_would_cut_otherwise_is_given_up(world: World, script: Script):
    def begun(chat: Chat) -> None:
        chat.reply("word " * 30, moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=3, attempt=1, now=now())
        chat.sent(3, part=0, message_id="m0", now=now())

    chat = await world.act("77", begun)
    async with running(world.outbox()):
        await world.until(chat, ReplyFailed)
        await world.until(await world.reply("77", "next"), ReplySent, 2)
    assert script.texts == ["next"]


@pytest.mark.parametrize("ended", [False, True])
async def test_a_clock_that_is_behind_makes_no_call_safe_to_repeat(world: World, script: Script, ended: bool):
    ahead = now() + timedelta(minutes=5)

    def tried_elsewhere(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=ahead)
        chat.attempt(3, part=0, parts=1, attempt=1, now=ahead)
        if ended:
            chat.fail(3, part=0, attempt=1, failure=Failure("busy", again_at=now()), now=ahead)

    script.acts["77"] = [MaybeSent("no answer")]
    chat = await world.act("77", tried_elsewhere)
    async with running(world.outbox()):
        await world.until(chat, ReplyUncertain)
    assert script.texts == (["hello"] if ended else [])


async def test_after_its_window_a_cut_off_call_is_uncertain_there_too(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
):
    repeating(monkeypatch)

    def cut_off_long_ago(chat: Chat) -> None:
        chat.reply("hello", moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=1, attempt=1, now=now() - timedelta(hours=2))

    chat = await world.act("77", cut_off_long_ago)
    async with running(world.outbox()):
        await world.until(chat, ReplyUncertain)
    assert script.calls == []


async def test_a_channel_that_never_answers_is_given_up_in_time(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(calling, "CALL_SECONDS", 0.05)
    script.acts["77"] = [asyncio.Event()]
    async with running(world.outbox()):
        await world.until(await world.reply("77", "hello"), ReplyUncertain)


async def test_a_fault_of_our_own_leaves_the_reply_uncertain_and_sending_goes_on(world: World, script: Script):
    script.acts["77"] = [ZeroDivisionError("with a token inside")]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(chat, ReplyUncertain)
        await world.until(await world.reply("78", "hello"), ReplySent)
    assert not any(b"token inside" in stored.body for stored in await world.log.read(1))


async def test_a_refused_account_halts_its_source_and_keeps_the_outbox(world: World, script: Script):
    script.acts["77"] = [SourceInTrouble("Unauthorized", "401")]
    source = world.sources[0]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(source, SourceHalted)
        await world.reply("77", "and more")
        other = await world.connect("two")
        await world.until(await world.reply("77", "elsewhere", other), ReplySent)
        assert script.texts == ["hello", "elsewhere"]

        def resumed(source: Source | None) -> Source | None:
            if source is not None:
                source.resume(now=now())
            return source

        await world.store.decide(Source, source, resumed, by="moderator")
        await world.until(chat, ReplySent, 2)
    assert script.texts == ["hello", "elsewhere", "hello", "and more"]


async def test_a_source_that_is_halted_for_a_time_goes_on_by_itself(world: World, script: Script):
    script.acts["77"] = [SourceInTrouble("quantity limit", "29", after=0.2)]
    async with running(world.outbox()):
        await world.until(await world.reply("77", "hello"), ReplySent)
    assert script.texts == ["hello", "hello"]


async def test_a_source_that_is_switched_off_keeps_its_outbox_until_it_is_on_again(world: World, script: Script):
    """Also one whose halt is over, which would send by itself."""
    source = world.sources[0]

    async def change(act: Callable[[Source], None]) -> None:
        def decision(source: Source | None) -> Source | None:
            if source is not None:
                act(source)
            return source

        await world.directory.wait_for((await world.store.decide(Source, source, decision, by="moderator")).position)

    await change(lambda source: source.halt("quantity limit", code="29", until=now(), now=now()))
    await change(lambda source: source.disable(now=now()))
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        other = await world.connect("two")
        await world.until(await world.reply("77", "elsewhere", other), ReplySent)
        assert script.texts == ["elsewhere"]
        await change(lambda source: source.enable(now=now()))
        await world.until(chat, ReplySent)
    assert script.texts == ["elsewhere", "hello"]


async def test_a_hanging_source_delays_no_other(world: World, script: Script):
    other = await world.connect("two")
    for number in range(40):
        script.acts[f"h{number}"] = [asyncio.Event()]
    async with running(world.outbox()):
        for number in range(40):
            await world.reply(f"h{number}", "stuck")
        await script.until_called(16)
        await world.until(await world.reply("77", "hello", other), ReplySent)


async def test_of_two_outboxes_one_sends_and_the_other_takes_over(world: World, script: Script):
    second = world.outbox()
    async with running(second):
        async with running(world.outbox()) as first:
            for number in range(20):
                chat = await world.reply("77", f"{number}")
            await world.until(chat, ReplySent, 20)
            assert len(first.senders) + len(second.senders) == 1
        await world.until(await world.reply("77", "after"), ReplySent, 21)
    assert script.texts == [*map(str, range(20)), "after"]


async def test_files_and_long_texts_leave_in_pieces(world: World, script: Script):
    photo = Attachment("photo", name="cat.jpg", mime="image/jpeg", size=7, sha256="ab" * 32)
    async with running(world.outbox()):
        chat = await world.reply("77", "word " * 50, attachments=(photo,))
        await world.until(chat, ReplySent, 4)
    pieces = script.calls
    assert [piece.file.name for piece in pieces if piece.file] == ["cat.jpg"]
    assert all(len(piece.text) <= 100 for piece in pieces)
    assert len({piece.random_id for piece in pieces}) == len(pieces)
    assert (await world.chat(chat)).outgoing == {}


async def test_the_next_start_reads_on_from_the_oldest_open_reply(world: World, script: Script):
    script.acts["77"] = [NotNow("later", after=3600)]
    async with running(world.outbox()):
        open_chat = await world.reply("77", "open")
        await world.until(open_chat, ReplyFailed)
        for number in range(5):
            await world.until(await world.reply(f"{number}", "done"), ReplySent)
    # Whoever begins anew finds it, wherever the place was saved.
    async with running(world.outbox()) as outbox:
        assert [*outbox.open_replies(world.sources[0])] == [(open_chat, 3)]


LONG = "word " * 30  # two pieces
Act = Callable[[Chat], object]


def seen_by_anna(chat: Chat) -> None:
    chat.vouch(3, moderator_id=ANNA, now=now())


def shown_by_the_channel(chat: Chat) -> None:
    chat.echo(
        text="word", attachments=(), message_id="m9", random_id=random_id_of(chat.id, 3), outside_author=None,
        external_id="e1", raw="{}", now=now(),
    )  # fmt: skip


@pytest.mark.parametrize("known", [seen_by_anna, shown_by_the_channel])
async def test_the_pieces_after_one_that_was_uncertain_go_on_when_it_is_known(world: World, script: Script, known: Act):
    script.acts["77"] = [MaybeSent("no answer")]
    async with running(world.outbox()):
        chat = await world.reply("77", LONG)
        await world.until(chat, ReplyUncertain)
        await world.act("77", known)
        await world.until(chat, ReplySent, 2 if known is shown_by_the_channel else 1)
    assert [len(piece.text) for piece in script.calls] == [99, 49]
    assert (await world.chat(chat)).outgoing == {}


@pytest.mark.parametrize("known", [seen_by_anna, shown_by_the_channel])
async def test_the_next_start_knows_of_pieces_that_are_left(world: World, script: Script, known: Act):
    def uncertain(chat: Chat) -> None:
        chat.reply(LONG, moderator_id=ANNA, client_msg_id=None, now=now())
        chat.attempt(3, part=0, parts=2, attempt=1, now=now())
        chat.doubt(3, attempt=1, reason="no answer", now=now())

    chat = await world.act("77", uncertain)
    await world.act("77", known)
    script.acts["77"] = [NotNow("later", after=3600)]
    async with running(world.outbox()) as outbox:
        assert [*outbox.open_replies(world.sources[0])] == [(chat, 3)]


async def test_nothing_is_done_with_before_it_was_noted(world: World, script: Script):
    """A page is read at once, and a source in it that the directory does not know yet holds up what stands behind."""
    outbox = replace(world, directory=Directory(world.log)).outbox()
    connected = await world.log.last_position()
    await world.reply("77", "Good day")
    reading = asyncio.create_task(outbox.run())
    await insist(lambda: done_with(outbox), lambda position: position == connected - 1)
    reading.cancel()
    await asyncio.wait([reading])
    assert outbox.done_with < connected


async def done_with(outbox: Outbox) -> int:
    return outbox.done_with


async def test_a_call_under_way_is_let_end_and_recorded_when_sending_stops(world: World, script: Script):
    release = asyncio.Event()
    script.acts["77"] = [release]
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await script.until_called(1)
        asyncio.get_running_loop().call_later(0.05, release.set)
    assert await world.events(chat) == ["ReplyWritten", "ReplyAttempted", "ReplySent"]
