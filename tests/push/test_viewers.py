"""Two people in one chat see each other, wherever their sockets are; whoever may not see the chat hears nothing."""

from __future__ import annotations

from uuid import UUID

from pulse.attention import ATTENTION, Sign, saying
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.desk.test_rooms import who
from tests.insisting import insist
from tests.push.ears import ANNA, BORIS, SUPPORT, a_visit, hire, staff_ear
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
