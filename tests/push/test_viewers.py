"""Two people in one chat see each other, wherever their sockets are; whoever may not see the chat hears nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID

from websockets.asyncio.client import connect

from pulse.attention import ATTENTION, VIEWING_SECONDS, Attention, Sign, saying
from pulse.push.hub import Hub
from pulse.push.viewers import Viewers
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ADMIN, ANNA, BORIS, SUPPORT, Ear, a_door, a_visit, hire, staff_ear, staff_path
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
    async with staff_ear(pulse, far) as olga, staff_ear(pulse) as admin:
        for department, holder in ((None, ANNA), (SUPPORT, None)):
            sign = Sign(visit.chat, BORIS, "viewing" if holder else "typing", department, holder)
            await pulse.house.log.tell(ATTENTION, saying(sign))
            heard = (await admin.until(lambda frame: of(visit.chat, frame)))[-1]
        assert heard["data"]["viewers"][0]["typing"]
        first = (await olga.until(lambda frame: of(visit.chat, frame)))[0]
        assert first["data"]["viewers"][0]["typing"]


async def test_whoever_may_not_see_a_chat_can_neither_look_nor_ask(pulse: Pulse) -> None:
    desk, chat = Desk(pulse), a_visit().chat
    assert (await desk.post("boris", f"/api/chats/{chat}/viewing")).status_code == 404
    assert (await desk.get("boris", f"/api/chats/{chat}/viewers")).status_code == 404


async def test_who_went_without_a_word_is_forgotten_however_much_changes_elsewhere(pulse: Pulse) -> None:
    house, visit, hub, clock = pulse.house, a_visit(), Hub(), Clock()
    viewers = Viewers(Attention(house.log, clock), house.directory, hub)
    async with a_door(house, hub=hub) as door, connect(door.url + staff_path(house, ADMIN)) as socket:
        running, ear = asyncio.create_task(viewers.run()), Ear(socket)
        sign = saying(Sign(visit.chat, BORIS, "viewing"))
        await insist(lambda: viewers.attention.hear(sign), lambda _: viewers.attention.when_changed)
        await ear.until(lambda frame: of(visit.chat, frame))
        clock.now += VIEWING_SECONDS
        noise = asyncio.create_task(insist(lambda: changes(viewers.attention), lambda _: False))
        heard = (await ear.until(lambda frame: of(visit.chat, frame)))[-1]
        assert heard["data"] == {"viewers": []}
        for task in (noise, running):
            task.cancel()
        await asyncio.wait([noise, running])


async def changes(attention: Attention) -> None:
    """Somebody looks into another chat and away."""
    for doing in ("viewing", "gone"):
        await attention.hear(saying(Sign(UUID(int=9), ANNA, doing)))
