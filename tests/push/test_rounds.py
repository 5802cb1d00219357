"""Quiet clients are told how far the log was told, so that they need not come back from far behind."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from pulse.push import rounds
from tests.conftest import Pulse
from tests.push.comers import PUSHERS, WAYS, WINDOWS, Back, back, texts_of
from tests.push.ears import Ear, a_door, a_visit, act, writes
from tests.push.test_protocol import PusherEar


async def asides_of(there: Back) -> list[str]:
    await there.so_far()
    return [str(aside.get("type") or aside["event"]) for aside in there.ear.asides]


@pytest.mark.parametrize("way", [*WINDOWS, PUSHERS[0]])
async def test_who_was_told_nothing_gets_a_newer_cursor_each_round_and_comes_back_with_it(
    pulse: Pulse, way: str
) -> None:
    visit, other, house = a_visit(), a_visit(), pulse.house
    async with a_door(house) as door:
        async with back(door, house, way, visit) as there:
            door.parts.rounds.go()
            before = await asides_of(there)
            for _ in range(3):
                await act(house, other, writes("Elsewhere"))
            last = await act(house, visit, writes("Here"))
            await there.ear.until(lambda frame: texts_of([frame]) == ["Here"])
            await there.so_far()
            told = len(there.ear.asides)
            door.parts.rounds.go()  # it was told something: that had a cursor
            door.parts.rounds.go()
            assert (await asides_of(there))[told:].count("pulse:cursor") >= 1
            assert before.count("pulse:cursor") <= 1
            aside = there.ear.asides[-1]
            data = aside["data"] if isinstance(aside["data"], dict) else json.loads(aside["data"])
            newest = data["cursor"]
        assert last.position == door.parts.telling.ring.head.position
        async with back(door, house, way, visit, newest) as again:
            assert (again.reason, again.missed) == (None, [])


async def test_a_stock_pusher_client_is_told_none(pulse: Pulse) -> None:
    path = f"/app/{pulse.house.settings.push_key}?protocol=7"
    async with a_door(pulse.house) as door, connect(door.url + path) as socket:
        ear = PusherEar(socket)
        assert "cursor" not in json.loads((await ear.next())["data"])
        for _ in range(3):
            door.parts.rounds.go()
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"
        assert ear.asides == []


async def test_a_round_is_gone_again_and_again(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.01)
    async with a_door(pulse.house) as door, back(door, pulse.house, WAYS[1], a_visit()) as there:
        running = asyncio.create_task(door.parts.rounds.run())
        window: Ear = there.ear
        async with asyncio.timeout(20):
            for _ in range(3):
                assert json.loads(await window.socket.recv())["type"] == "pulse:cursor"
        running.cancel()
