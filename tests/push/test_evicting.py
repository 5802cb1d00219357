"""Whoever may be somewhere no longer is sent away from there: soon, however much they subscribed to."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from pulse.access import Place
from pulse.errors import LogDown
from pulse.push import evicting
from pulse.push.hub import Hub
from pulse.push.peers import Ticket
from pulse.tokens import NO_SESSION, Staff
from tests.conftest import Pulse
from tests.push.ears import SALES, SUPPORT, a_door, hire
from tests.push.test_protocol import pusher_ear

UNKNOWN = UUID(int=13)


async def test_a_persons_chats_are_looked_at_together_and_each_once(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evicting, "AT_ONCE", 8)
    seller = await hire(pulse.house, "sam", SALES)
    places = {uuid4(): Place(department, None) for department in (SALES, SUPPORT) for _ in range(10)}
    ticket, looks, most = Ticket(Staff(seller, NO_SESSION)), list[UUID](), 0
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url), pusher_ear(pulse, door.url):
        going, rights = 0, door.parts.evicting.rights

        async def place(chat: UUID) -> Place:
            nonlocal going, most
            looks.append(chat)
            going += 1
            most = max(most, going)
            await asyncio.sleep(0)
            going -= 1
            if chat == UNKNOWN:
                raise LogDown
            return places[chat]

        monkeypatch.setattr(rights, "place", place)
        for peer in door.hub.peers:
            for chat in [*places, UNKNOWN]:
                door.hub.subscribe(peer, f"private-chat.{chat}", ticket)
        await door.parts.evicting.person(seller)
        left = set(door.hub.channels)
    assert sorted(looks) == sorted([*places, UNKNOWN])
    assert most == 8
    assert left == {f"private-chat.{chat}" for chat, place in places.items() if place.department == SALES}
