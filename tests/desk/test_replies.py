"""That a moderator is typing is told live, and costs the log next to nothing."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from pulse.aggregates.source import source_id
from pulse.eventlog.appends import Stored
from pulse.eventlog.live import STAFF_TYPING
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger
from tests.world import Desk, a_name, is_problem, settled, vera_writes


async def test_typing_is_told_and_a_chat_in_memory_is_not_read_again(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, peer = shared.house.log, a_name()
    chat = await vera_writes(shared, peer)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await log.listen(STAFF_TYPING, heard.put)
    read_all, read = log.read_all, 0

    async def counted(subject: str, start: int = 1) -> list[Stored]:
        nonlocal read
        found = await read_all(subject, start)
        read += len(found)
        return found

    monkeypatch.setattr(log, "read_all", counted)
    at = await settled(shared)
    for _ in range(2):
        assert (await desk.post("anna", f"/api/chats/{chat}/typing", {})).status_code == 202
        told = orjson.loads(await asyncio.wait_for(heard.get(), 20))
        assert (told["chat_id"], told["peer"]) == (str(chat), peer)
        assert told["source_id"] == str(source_id("simulator", "simulator"))
    assert read == 0
    assert await log.last_position() == at


async def test_who_may_not_reply_may_not_type(shared: Pulse) -> None:
    chat = await vera_writes(shared, a_name())
    answer = await shared.http.post(f"/api/chats/{chat}/typing", headers=await a_stranger(shared))
    is_problem(answer, 404, "not-found")
