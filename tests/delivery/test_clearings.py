"""Once a day files go by themselves, by one process at a time, and somebody can read what went."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from pulse.aggregates.retention import Limits
from pulse.blobs import Blobs
from pulse.clearing import Clearing, last_clearing
from pulse.delivery import clearings
from pulse.delivery.clearings import EACH, Clearings, Progress
from pulse.errors import ReadsDown
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.eventlog.whole import LogTooShort
from tests.insisting import insist
from tests.test_retention import replied
from tests.test_sweep import LATER, names

MONTH = Limits(30)


class Clock:
    def __init__(self) -> None:
        self.now = LATER

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def old_and_young(store: EventStore, tmp_path: Path) -> Blobs:
    """A file of forty days, one of three, and one that no event names."""
    blobs = Blobs(tmp_path)
    for content in (b"old", b"young", b"nobody's"):
        await blobs.keep(content)
    await replied(store, b"old", ago=40)
    await replied(store, b"young", ago=3)
    return blobs


def worker(store: EventStore, blobs: Blobs, clock: Clock, *, reached: int = 0) -> Clearings:
    async def known() -> int:
        return reached

    return Clearings(Clearing(store, blobs, lambda: MONTH, clock), known, lambda: None)


async def test_what_is_over_goes_by_itself_and_is_told(
    store: EventStore, old_and_young: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearings, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(clearings, "REST_SECONDS", 0.0)
    running = asyncio.create_task(worker(store, old_and_young, Clock()).run())

    async def told():
        return await last_clearing(Notes(store.log))

    last = await insist(told, bool)
    running.cancel()
    assert await names(old_and_young) == {sha256(b"young").hexdigest()}
    assert (last["blobs"], last["unnamed"], last["expired"], last["removed"]) == (3, 2, 1, 2)
    assert last["began_at"] <= last["ended_at"] == LATER.isoformat()


async def test_a_day_is_waited_for_whoever_did_it_last(store: EventStore, old_and_young: Blobs) -> None:
    clock = Clock()
    one, other = worker(store, old_and_young, clock), worker(store, old_and_young, clock)
    assert await one.is_due()
    await one.clear()
    assert not await other.is_due()
    unnamed = await old_and_young.keep(b"left over")
    await other.clear()
    assert unnamed in await names(old_and_young)
    clock.now += EACH
    assert await other.is_due()
    await other.clear()
    assert unnamed not in await names(old_and_young)


async def test_two_never_work_at_once(store: EventStore, old_and_young: Blobs) -> None:
    """Whoever holds the lease, as `pulse blobs sweep --delete` does too, is alone until it is done."""
    mine, held, order = worker(store, old_and_young, Clock()), asyncio.Event(), list[str]()

    async def by_hand() -> None:
        held.set()
        for _ in range(50):  # long enough for the other one to begin, if it could
            await last_clearing(mine.clearing.notes)
        order.append("by hand")

    async def by_itself() -> None:
        order.append("by itself")
        await mine.clear()

    async def second() -> None:
        await held.wait()
        await mine.clearing.lease.run(by_itself)

    await asyncio.gather(mine.clearing.lease.run(by_hand), second())
    assert order == ["by hand", "by itself"]


async def test_a_log_that_is_too_short_and_lists_that_are_away_remove_nothing(
    store: EventStore, old_and_young: Blobs
) -> None:
    with pytest.raises(LogTooShort):
        await worker(store, old_and_young, Clock(), reached=10**9).clear()

    async def away() -> int:
        raise ReadsDown

    blind = Clearings(Clearing(store, old_and_young, lambda: MONTH, Clock()), away, lambda: None)
    with pytest.raises(ReadsDown):
        await blind.clear()
    assert len(await names(old_and_young)) == 3
    assert await last_clearing(Notes(store.log)) is None


async def test_counting_changes_nothing_and_leaves_no_note(store: EventStore, old_and_young: Blobs) -> None:
    clearing = Clearing(store, old_and_young, lambda: MONTH, Clock())
    counted = await clearing.run(0, lambda _, __: None, remove=False)
    assert (counted.unnamed, counted.expired, counted.removed) == (2, 1, 0)
    assert len(await names(old_and_young)) == 3
    assert await last_clearing(clearing.notes) is None


def test_progress_is_told_in_tenths(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(clearings.log, "info", lambda _, **said: told.append(said["position"]))
    progress = Progress()
    for position in range(1, 1001):
        progress.tell(position, 1000)
    assert told == list(range(100, 1001, 100))
    assert timedelta(hours=24) == EACH


async def test_a_disk_that_fails_ends_no_process(
    store: EventStore, old_and_young: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearings, "LOOK_SECONDS", 0.01)
    failed = asyncio.Event()

    def full() -> None:
        failed.set()
        raise OSError(28, "No space left on device")

    clock = Clock()
    mine = worker(store, old_and_young, clock)
    mine.forget_gathered = full
    running = asyncio.create_task(mine.run())
    await failed.wait()
    clock.now += EACH
    failed.clear()
    await failed.wait()  # it came back for the next day
    assert not running.done()
    running.cancel()
