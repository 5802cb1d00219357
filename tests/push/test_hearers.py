"""Who hears what is in no log: without asking the log each time, and never whoever lost the right."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from pulse.access import Place
from pulse.push.hub import Hub
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, BORIS, SALES, SUPPORT, Door, a_door, a_visit, act, happened, hire, moved_to, writes
from tests.push.test_client_events import whispered
from tests.push.test_protocol import pusher_ear, signed


class Looks:
    """Counts how often the log is asked where a chat stands; `held` lets no answer through."""

    def __init__(self, door: Door, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.asked = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()
        rights = door.parts.evicting.rights
        look = rights.place

        async def place(chat: Any) -> Any:
            self.count += 1
            found = await look(chat)
            self.asked.set()
            await self.held.wait()
            return found

        patch.setattr(rights, "place", place)


async def test_typing_costs_one_look_at_the_log(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with (
        a_door(pulse.house, hub=Hub()) as door,
        pusher_ear(pulse, door.url) as anna,
        pusher_ear(pulse, door.url) as boris,
    ):
        for ear, who in ((anna, ANNA), (boris, BORIS)):
            await ear.subscribe(channel, **signed(pulse, ear, channel, who))
        looks = Looks(door, monkeypatch)
        for _ in range(5):
            await whispered(anna, channel)
            assert (await boris.next())["event"] == "client-typing"
    assert looks.count <= 1


async def test_what_was_known_is_forgotten_when_a_chat_moves(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, seller = a_visit(), await hire(pulse.house, "sam", SALES)
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, seller))
        hearers = door.parts.client_events.hearers
        assert await hearers.may_speak(channel, seller)
        await act(pulse.house, visit, moved_to(SUPPORT))
        await ear.until(lambda frame: frame["event"] == "pusher:subscription_error")
        assert not await hearers.may_speak(channel, seller)
        assert await hearers.may_speak(channel, BORIS)


async def test_a_move_of_another_chat_forgets_nothing_and_what_nobody_can_read_forgets_all(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with a_door(pulse.house, hub=Hub()) as door:
        looks, hearers, evicting = Looks(door, monkeypatch), door.parts.client_events.hearers, door.parts.evicting

        async def asked() -> int:
            assert await hearers.may_speak(f"private-chat.{visit.chat}", ANNA)
            return looks.count

        assert await asked() == 1
        evicting.from_chat(uuid4(), Place(SALES, None))
        await evicting.person(BORIS)
        assert await asked() == 1
        evicting.moves += 1  # as the relay does with what it can't read
        evicting.from_chat(uuid4(), Place(SALES, None))
        assert await asked() == 2
        assert await asked() == 2
        evicting.from_chat(visit.chat, Place(SALES, None))
        assert await asked() == 3


async def test_an_answer_from_before_a_move_is_not_remembered(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, seller = a_visit(), await hire(pulse.house, "sam", SALES)
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house, hub=Hub()) as door:
        looks, hearers = Looks(door, monkeypatch), door.parts.client_events.hearers
        looks.held.clear()
        asking = asyncio.create_task(hearers.may_speak(channel, seller))
        await looks.asked.wait()
        moves = door.parts.evicting.moves
        await act(pulse.house, visit, moved_to(SUPPORT))

        async def moved() -> bool:
            return door.parts.evicting.moves > moves

        await insist(moved, bool)
        looks.held.set()
        assert await asking  # as it was when this was asked
        assert not await hearers.may_speak(channel, seller)


async def test_while_the_feed_is_stale_the_log_is_asked(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with a_door(pulse.house, hub=Hub()) as door:
        looks, hearers = Looks(door, monkeypatch), door.parts.client_events.hearers
        for stale in (False, True):
            door.parts.telling.tell_stale(stale)
            looks.count = 0
            for _ in range(2):
                assert await hearers.may_speak(f"private-chat.{visit.chat}", ANNA)
            assert looks.count == 1 + stale
