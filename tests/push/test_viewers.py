"""Two people in one chat see each other, wherever their sockets are; whoever may not see the chat hears nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from websockets.asyncio.client import connect

from pulse.attention import ATTENTION, VIEWING_SECONDS, Attention, Sign, saying
from pulse.errors import LogDown
from pulse.house import House
from pulse.push.viewers import Viewers
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.desk.test_rooms import who
from tests.insisting import insist
from tests.push.ears import (
    ADMIN,
    ANNA,
    BORIS,
    SALES,
    SUPPORT,
    Door,
    Ear,
    a_door,
    a_visit,
    act,
    hire,
    moved_to,
    staff_ear,
    staff_path,
    writes,
)
from tests.test_presence import Clock
from tests.world import Desk, a_name, vera_writes


def of(chat: UUID, frame: dict[str, object]) -> bool:
    return frame.get("type") == "chat.viewers" and frame.get("session_id") == str(chat)


async def test_who_looks_and_who_types_is_told_live(pulse: Pulse) -> None:
    desk, chat = Desk(pulse), await vera_writes(pulse, a_name())
    async with staff_ear(pulse, ANNA) as anna:
        assert (await desk.post("boris", f"/api/chats/{chat}/viewing")).status_code == 202
        heard = (await anna.until(lambda frame: of(chat, frame)))[-1]
        assert heard["data"] == {"viewers": [{"id": str(BORIS), "name": "Boris", "typing": False}]}
        assert (await desk.post("boris", f"/api/chats/{chat}/typing")).status_code == 202
        heard = (await anna.until(lambda frame: of(chat, frame)))[-1]
        assert heard["data"]["viewers"] == [{"id": str(BORIS), "name": "Boris", "typing": True}]
        found = await insist(
            lambda: desk.items("anna", f"/api/chats/{chat}/viewers"), lambda rows: bool(rows) and rows[0]["typing"]
        )
        assert found == [{"id": str(BORIS), "name": "Boris", "typing": True}]
        assert (await desk.post("boris", f"/api/chats/{chat}/viewing", {"viewing": False})).status_code == 202
        heard = (await anna.until(lambda frame: of(chat, frame)))[-1]
        assert heard["data"] == {"viewers": []}


async def test_a_desk_of_another_process_is_heard_too_and_only_where_the_chat_may_be_seen(pulse: Pulse) -> None:
    visit = a_visit()
    far = await hire(pulse.house, a_name("olga"), SUPPORT)
    await act(pulse.house, visit, writes("Hello"))
    async with staff_ear(pulse, far) as olga, staff_ear(pulse) as admin:
        await pulse.house.log.tell(ATTENTION, saying(Sign(visit.chat, BORIS, "viewing")))
        await admin.until(lambda frame: of(visit.chat, frame))
        await act(pulse.house, visit, moved_to(SUPPORT))
        await pulse.house.log.tell(ATTENTION, saying(Sign(visit.chat, BORIS, "typing")))
        heard = (await admin.until(lambda frame: of(visit.chat, frame)))[-1]
        assert heard["data"]["viewers"][0]["typing"]
        first = (await olga.until(lambda frame: of(visit.chat, frame)))[-1]
        assert first["data"]["viewers"][0]["typing"]


async def test_who_looked_at_a_chat_that_has_moved_is_told_where_it_stands_now(pulse: Pulse) -> None:
    """Nobody says anything of it any more: those who looked are forgotten after a while."""
    visit, clock, house = a_visit(), Clock(), pulse.house
    near, far = await hire(house, a_name("mila"), SALES), await hire(house, a_name("olga"), SUPPORT)
    await act(house, visit, writes("Hello"))
    async with (
        a_door(house) as door,
        a_watch(house, door, clock) as attention,
        ear_at(door, house, near) as mila,
        ear_at(door, house, far) as olga,
    ):
        await attention.hear(saying(Sign(visit.chat, BORIS, "viewing")))
        await mila.until(lambda frame: of(visit.chat, frame))
        await act(house, visit, moved_to(SUPPORT))
        clock.now += VIEWING_SECONDS
        attention.forget()
        heard = await olga.until(lambda frame: of(visit.chat, frame))
        assert heard[-1]["data"] == {"viewers": []}
        end = await act(house, a_visit(), writes("Next, please"))
        assert not [frame for frame in await mila.up_to(end.position) if of(visit.chat, frame)]


async def test_nobody_is_told_while_the_log_is_away_and_then_everybody(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, house, asked = a_visit(), pulse.house, asyncio.Event()
    await act(house, visit, writes("Hello"))

    async def away(*_: object) -> None:
        asked.set()
        raise LogDown

    async with a_door(house) as door, a_watch(house, door, Clock()) as attention, ear_at(door, house, ADMIN) as admin:
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "look", away)
            await attention.hear(saying(Sign(visit.chat, BORIS, "viewing")))
            await asked.wait()
        heard = await admin.until(lambda frame: of(visit.chat, frame))
    assert [viewer["name"] for viewer in heard[-1]["data"]["viewers"]] == ["Boris"]


@asynccontextmanager
async def a_watch(house: House, door: Door, clock: Clock) -> AsyncIterator[Attention]:
    """Viewers of a door of our own, told of by hand."""
    attention = Attention(house.log, clock)
    running = asyncio.create_task(Viewers(attention, house.directory, house.store, door.parts.telling).run())
    yield attention
    running.cancel()
    await asyncio.wait([running])


@asynccontextmanager
async def ear_at(door: Door, house: House, who: UUID) -> AsyncIterator[Ear]:
    async with connect(door.url + staff_path(house, who)) as socket:
        yield Ear(socket)


async def test_whoever_may_not_see_a_chat_can_neither_look_nor_ask(pulse: Pulse) -> None:
    desk, chat = Desk(pulse), a_visit().chat
    assert (await desk.post("boris", f"/api/chats/{chat}/viewing")).status_code == 404
    assert (await desk.get("boris", f"/api/chats/{chat}/viewers")).status_code == 404


async def test_whoever_lost_a_chat_is_no_longer_shown_there(pulse: Pulse) -> None:
    """Nor can they say any more that they left."""
    desk, nina = Desk(pulse), await someone(pulse, "Sales")
    chat = await vera_writes(pulse, a_name())
    assert (await pulse.http.post(f"/api/chats/{chat}/viewing", headers=nina)).status_code == 202
    rows = await insist(lambda: desk.items("anna", f"/api/chats/{chat}/viewers"), bool)
    assert [row["id"] for row in rows] == [str(await who(pulse, nina))]
    moved = await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    assert moved.status_code == 200, moved.text
    assert await desk.items("anna", f"/api/chats/{chat}/viewers") == []
    async with staff_ear(pulse, ANNA) as anna:
        assert (await desk.post("boris", f"/api/chats/{chat}/viewing")).status_code == 202
        heard = (await anna.until(lambda frame: of(chat, frame)))[-1]
        assert heard["data"] == {"viewers": [{"id": str(BORIS), "name": "Boris", "typing": False}]}


async def test_who_went_without_a_word_is_forgotten_however_much_changes_elsewhere(pulse: Pulse) -> None:
    house, chat, clock = pulse.house, await vera_writes(pulse, a_name()), Clock()
    async with a_door(house) as door, connect(door.url + staff_path(house, ADMIN)) as socket:
        viewers = Viewers(Attention(house.log, clock), house.directory, house.store, door.parts.telling)
        running, ear = asyncio.create_task(viewers.run()), Ear(socket)
        sign = saying(Sign(chat, BORIS, "viewing"))
        await insist(lambda: viewers.attention.hear(sign), lambda _: viewers.attention.when_changed)
        await ear.until(lambda frame: of(chat, frame))
        clock.now += VIEWING_SECONDS
        noise = asyncio.create_task(insist(lambda: changes(viewers.attention), lambda _: False))
        heard = (await ear.until(lambda frame: of(chat, frame)))[-1]
        assert heard["data"] == {"viewers": []}
        for task in (noise, running):
            task.cancel()
        await asyncio.wait([noise, running])


async def changes(attention: Attention) -> None:
    """Somebody looks into another chat and away."""
    for doing in ("viewing", "gone"):
        await attention.hear(saying(Sign(UUID(int=9), ANNA, doing)))
