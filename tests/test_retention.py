"""Files that were kept for their time are told to be gone, and swept; the log's events and everything younger stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_files import AttachmentLost
from pulse.aggregates.retention import FOR_GOOD, Limits, SourceDays
from pulse.blobs import Blobs
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.store import EventStore
from pulse.eventlog.whole import LogTooShort
from pulse.message import Attachment, Incoming
from pulse.retention import expire, old_files
from pulse.sweep import Swept, sweep
from tests.given import ANNA, SHOP, VERA, a_chat
from tests.test_sweep import LATER, in_chat, names, pages

MONTH = Limits(30)
DAYS = timedelta(days=1)


def a_file(content: bytes) -> Attachment:
    name = sha256(content).hexdigest()
    return Attachment("document", size=len(content), file=str(uuid5(SHOP, name)), sha256=name)


async def act(store: EventStore, what: Callable[[Chat], object], peer: str = "77") -> None:
    def decision(known: Chat | None) -> Chat:
        chat = known or a_chat(peer)
        what(chat)
        return chat

    await store.decide(Chat, chat_id(SHOP, peer), decision, by="system")


async def replied(store: EventStore, *contents: bytes, ago: int, peer: str = "77") -> None:
    """A moderator's reply with files, so many days before LATER."""
    files = tuple(map(a_file, contents))
    at = LATER - ago * DAYS
    await act(store, lambda c: c.reply("x", moderator_id=ANNA, client_msg_id=None, attachments=files, now=at), peer)


async def fetched(store: EventStore, content: bytes, ago: int) -> None:
    """A customer's file that lay at its channel and was brought to us."""
    said = Incoming("5", VERA, message_id="5", attachments=(Attachment("photo", ref="cat"),))

    def come(chat: Chat) -> None:
        chat.receive(said, raw="{}", now=LATER - ago * DAYS)
        chat.store_attachment(a_file(content), of=chat.version, edit=None, index=0, now=LATER - ago * DAYS)

    await act(store, come)


async def brought(store: EventStore, content: bytes, ago: int) -> None:
    """A visitor's own file, with their word."""
    said = Incoming("6", VERA, message_id="6", attachments=(a_file(content),))
    await act(store, lambda chat: chat.receive(said, raw="{}", now=LATER - ago * DAYS))


async def swept(store: EventStore, blobs: Blobs, limits: Limits, *, remove: bool = True) -> tuple[int, Swept]:
    """As `pulse blobs sweep` does it."""
    async with old_files(pages(store, 0), limits, now=LATER) as ledger:
        over, _ = ledger.total()
        if remove:
            assert await expire(ledger, store, LATER) == over
        return over, await sweep(blobs, pages(store), now=LATER, remove=remove, still=ledger.still)


async def told(store: EventStore) -> list[AttachmentLost]:
    found = [open_envelope(one.position, one.subject, one.body).event for one in await store.log.read_all(">")]
    return [event for event in found if isinstance(event, AttachmentLost)]


async def test_files_of_every_kind_go_after_their_days_and_say_so(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    contents = (b"a reply's", b"a photo", b"a visitor's", b"young")
    for content in contents:
        await blobs.keep(content)
    await blobs.derive(sha256(b"a photo").hexdigest(), "preview", b"small")
    await replied(store, b"a reply's", ago=40)
    await fetched(store, b"a photo", ago=31)
    await brought(store, b"a visitor's", ago=31)
    await replied(store, b"young", ago=29)
    over, counted = await swept(store, blobs, MONTH, remove=False)
    assert (over, counted.blobs, counted.unnamed, await told(store)) == (3, 5, 4, [])
    over, done = await swept(store, blobs, MONTH)
    assert (over, done.unnamed) == (3, 4)
    assert await names(blobs) == {sha256(b"young").hexdigest()}
    lost = await told(store)
    assert {one.file for one in lost} == {a_file(content).file for content in contents[:3]}
    assert {one.reason for one in lost} == {"Files are kept for 30 days."}
    assert [(one.of, one.edit, one.index) for one in lost] == [(3, None, 0), (4, None, 0), (6, None, 0)]


async def test_sweeping_again_finds_and_tells_nothing(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    await blobs.keep(b"old")
    await replied(store, b"old", ago=40)
    await swept(store, blobs, MONTH)
    before = await store.log.last_position()
    assert await swept(store, blobs, MONTH) == (0, Swept(0, 0, 0, 0))
    assert await store.log.last_position() == before


async def test_a_crash_between_telling_and_removing_leaves_what_the_next_sweep_removes(
    store: EventStore, tmp_path: Path
) -> None:
    blobs = Blobs(tmp_path)
    await blobs.keep(b"old")
    await replied(store, b"old", ago=40)
    async with old_files(pages(store, 0), MONTH, now=LATER) as ledger:
        await expire(ledger, store, LATER)
    assert len(await names(blobs)) == 1
    assert (await swept(store, blobs, MONTH))[1].unnamed == 1
    assert await names(blobs) == set()
    assert len(await told(store)) == 1


async def test_a_content_that_something_younger_names_stays(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    for content in (b"twice in a chat", b"in two chats"):
        await blobs.keep(content)
    await replied(store, b"twice in a chat", b"in two chats", ago=40)
    await replied(store, b"twice in a chat", ago=5)
    await replied(store, b"in two chats", ago=5, peer="78")
    over, _ = await swept(store, blobs, MONTH)
    assert over == 1, "the same file in the same chat is there still"
    assert [one.file for one in await told(store)] == [a_file(b"in two chats").file]
    assert len(await names(blobs)) == 2


async def test_a_source_keeps_its_files_as_long_as_it_says(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    await blobs.keep(b"x")
    await replied(store, b"x", ago=40)
    for limits in (FOR_GOOD, Limits(50), Limits(30, (SourceDays(SHOP, None),)), Limits(1, (SourceDays(SHOP, 50),))):
        assert (await swept(store, blobs, limits))[0] == 0
    assert (await swept(store, blobs, Limits(7, (SourceDays(UUID(int=1), None),))))[0] == 1


async def test_a_log_that_lost_its_end_tells_nothing(store: EventStore) -> None:
    await in_chat(store, b"x")
    reached = await store.log.last_position() + 1
    with pytest.raises(LogTooShort):
        async with old_files(pages(store, reached), MONTH, now=LATER):
            pass
    assert await told(store) == []
