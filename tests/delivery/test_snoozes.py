"""Chats that were put off come back when it is time: once, however many processes look."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from pulse.delivery.snoozes import Snoozes
from pulse.projections import inbox
from pulse.projections.reads import Reads
from tests.conftest import Pulse
from tests.insisting import insist
from tests.world import Desk, kinds, newer_wrote, settled, since, vera_writes

SOON, BEFORE, AFTER = (datetime(2050, 1, day, tzinfo=UTC) for day in (2, 1, 3))


async def test_a_chat_wakes_once_when_its_time_has_come(pulse: Pulse) -> None:
    desk = Desk(pulse)
    chats = [await vera_writes(pulse, name) for name in ("vera", "zoya")]
    for chat, until in zip(chats, (SOON, datetime(2060, 1, 1, tzinfo=UTC)), strict=True):
        await desk.post("anna", f"/api/chats/{chat}/snooze", {"until": until.isoformat()})
    before = await settled(pulse)
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        assert not await looked(pulse, reads, BEFORE)
        assert await looked(pulse, reads, AFTER)
        assert not await looked(pulse, reads, AFTER)
    assert kinds(await since(pulse, before)) == ["chat.woken"]
    row = (await desk.get("anna", f"/api/chats/{chats[0]}", at=await settled(pulse))).json()
    assert (row["status"], row["snoozed_until"]) == ("open", None)


async def looked(pulse: Pulse, reads: Reads, at: datetime) -> bool:
    """Two workers look for chats that are due at a time; did they find any?"""
    found = bool(await inbox.due(reads, at, 10))
    workers = [asyncio.create_task(Snoozes(pulse.house.store, reads, lambda: at).run()) for _ in range(2)]
    await insist(lambda: inbox.due(reads, at, 10), lambda due: not due)
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    return found


async def test_chats_of_a_newer_pulse_keep_no_other_asleep(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulse.delivery.snoozes.AT_ONCE", 1)
    monkeypatch.setattr("pulse.delivery.unreadable.AGAIN_SECONDS", 0.0)
    desk = Desk(pulse)
    newer, older = [await vera_writes(pulse, name) for name in ("vera", "zoya")]
    for chat, until in ((newer, BEFORE), (older, SOON)):
        await desk.post("anna", f"/api/chats/{chat}/snooze", {"until": until.isoformat()})
    await newer_wrote(pulse.house.log, newer)
    before = await settled(pulse)
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        snoozes = Snoozes(pulse.house.store, reads, lambda: AFTER)
        with capture_logs() as told:
            for _ in range(2):
                await snoozes.wake_all()
        assert [chat for chat, _ in await inbox.due(reads, AFTER, 10)] == [newer]
    assert kinds(await since(pulse, before)) == ["chat.woken"]
    assert [entry["chat"] for entry in told if entry["event"] == "chat.unreadable"] == [str(newer)]
