"""Sweeping: what no event names goes, everything else stays."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.delivery import Delivery
from pulse.blobs import Blobs, Found
from pulse.eventlog.store import EventStore
from pulse.eventlog.whole import LogTooShort, Pages, Tell, whole
from pulse.message import Attachment
from pulse.sweep import GRACE, Swept, sweep
from tests.given import ANNA, NOW, SHOP, a_chat, vera_writes

LATER = datetime.now(UTC) + GRACE + timedelta(hours=1)  # by then all that a test kept is old


def pages(store: EventStore, reached: int = 0, tell: Tell = lambda _, __: None) -> Pages:
    return partial(whole, store.log, reached, tell)


async def names(blobs: Blobs) -> set[str]:
    return {one.name async for page in blobs.everything() for one in page}


async def in_chat(store: EventStore, *contents: bytes) -> None:
    """A reply that carries files of these contents."""
    files = tuple(
        Attachment("document", file=str(UUID(int=number)), sha256=sha256(content).hexdigest())
        for number, content in enumerate(contents)
    )

    def decision(known: Chat | None) -> Chat:
        chat = known or a_chat()
        vera_writes("1")(chat)
        chat.reply("see", moderator_id=ANNA, client_msg_id=None, attachments=files, now=NOW)
        return chat

    await store.decide(Chat, a_chat().id, decision, by="system")


async def with_raw(store: EventStore, content: bytes) -> None:
    """A delivery whose body lies beside the log."""
    raw = f"blob:sha256:{sha256(content).hexdigest()}"
    kept = Delivery.keep(
        source_id=SHOP, channel="telegram", outcome="unhandled", kind="poll", reason="", external_id="1", raw=raw,
        raw_base64=None, now=NOW,
    )  # fmt: skip
    await store.decide(Delivery, kept.id, lambda _: kept, by="system")


async def test_only_what_no_event_names_is_removed_and_only_when_asked(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    contents = (b"sent", b"a large body", b"never sent", b"never sent either")
    sent, body, *orphans = [await blobs.keep(content) for content in contents]
    for name in (sent, orphans[0]):
        await blobs.derive(name, "preview", b"small")
    await in_chat(store, b"sent")
    await with_raw(store, b"a large body")
    told: list[tuple[int, int]] = []
    expected = Swept(6, 3, len(b"never sent" + b"never sent either" + b"small"), 0)
    counted = await sweep(blobs, pages(store, tell=lambda *at: told.append(at)), now=LATER, remove=False)
    assert counted == expected
    assert len(await names(blobs)) == 6
    assert told[-1] == (await store.log.last_position(),) * 2
    assert await sweep(blobs, pages(store), now=LATER, remove=True) == replace(expected, removed=3)
    assert await names(blobs) == {sent, f"{sent}.preview", body}
    assert await sweep(blobs, pages(store), now=LATER, remove=True) == Swept(3, 0, 0, 0)


async def test_what_is_young_may_still_be_named(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    young, old = await blobs.keep(b"young"), await blobs.keep(b"old")
    os.utime(tmp_path / old[:2] / old, (0, 0))
    assert (await sweep(blobs, pages(store), now=datetime.now(UTC), remove=True)).unnamed == 1
    assert await names(blobs) == {young}


async def test_what_is_kept_again_while_the_log_is_read_stays(store: EventStore, tmp_path: Path) -> None:
    class KeptMeanwhile(Blobs):
        async def find(self, name: str) -> Found | None:
            await self.keep(b"x")
            return await super().find(name)

    blobs = KeptMeanwhile(tmp_path)
    name = await blobs.keep(b"x")
    os.utime(tmp_path / name[:2] / name, (0, 0))
    await sweep(blobs, pages(store), now=datetime.now(UTC), remove=True)
    assert await names(blobs) == {name}


async def test_a_log_that_lost_its_end_sweeps_nothing(store: EventStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    await blobs.keep(b"x")
    await in_chat(store)
    reached = await store.log.last_position() + 1
    with pytest.raises(LogTooShort):
        await sweep(blobs, pages(store, reached), now=LATER, remove=True)
    assert len(await names(blobs)) == 1


async def test_many_blobs_are_swept_page_by_page(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulse.sweep.PAGE", 3)
    blobs = Blobs(tmp_path)
    for number in range(20):
        await blobs.keep(b"%d" % number)
    await in_chat(store, b"0", b"7", b"19")
    await in_chat(store, b"3")
    swept = await sweep(blobs, pages(store), now=LATER, remove=True)
    assert (swept.blobs, swept.unnamed) == (20, 16)
    assert await names(blobs) == {sha256(b"%d" % number).hexdigest() for number in (0, 3, 7, 19)}


async def test_what_is_no_blob_is_left_alone(store: EventStore, tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "notes.txt").write_text("somebody's")
    assert await sweep(Blobs(tmp_path), pages(store), now=LATER, remove=True) == Swept(0, 0, 0, 0)
    assert (tmp_path / "ab" / "notes.txt").exists()
