"""Who hears a frame is asked at each frame, and nothing stops the relay."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import orjson
import pytest
import structlog
from websockets.asyncio.client import connect

from pulse.directory import Directory
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import subject_of
from pulse.house import now
from pulse.push.codes import Code
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    SALES,
    SUPPORT,
    Ear,
    a_door,
    a_visit,
    act,
    assigned_to,
    change,
    happened,
    hire,
    moved_to,
    replies,
    staff_ear,
    staff_path,
    writes,
)


async def heard_by(ear: Ear, chat_id: UUID) -> list[str]:
    """The types of frames about a chat that a socket got by now: whatever was written before the answer to junk."""
    await ear.say("hm?")
    frames = await ear.until(lambda frame: frame["type"] == "error")
    return [frame["type"] for frame in frames if frame.get("session_id") == str(chat_id)]


async def test_a_moderator_hears_the_chats_of_their_departments_only(pulse: Pulse) -> None:
    seller, supporter = await hire(pulse.house, "sam", SALES), await hire(pulse.house, "sue", SUPPORT)
    nobody = await hire(pulse.house, "ned")
    visit = a_visit()
    async with AsyncExitStack() as ears:
        sam, sue, ned, admin = [
            await ears.enter_async_context(staff_ear(pulse, who)) for who in (seller, supporter, nobody, ANNA)
        ]
        decided = await act(pulse.house, visit, writes("Hello"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        assert await heard_by(sam, visit.chat) == ["chat.session.created", "chat.message", "chat.alert"]
        assert await heard_by(sue, visit.chat) == await heard_by(ned, visit.chat) == []


async def test_a_transfer_reaches_who_had_the_chat_and_who_gets_it(pulse: Pulse) -> None:
    seller, supporter = await hire(pulse.house, "sam", SALES), await hire(pulse.house, "sue", SUPPORT)
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with staff_ear(pulse, seller) as sam, staff_ear(pulse, supporter) as sue, staff_ear(pulse) as admin:
        await act(pulse.house, visit, moved_to(SUPPORT))
        decided = await act(pulse.house, visit, writes("Are you there?"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        assert await heard_by(sam, visit.chat) == ["chat.session.assigned"]
        assert await heard_by(sue, visit.chat) == ["chat.session.assigned", "chat.message", "chat.alert"]
        moved = next(frame for frame in sue.heard if frame["type"] == "chat.session.assigned")
        assert moved["data"]["holder"] is None
        assert moved["data"]["chat"]["department"] == {"id": str(SUPPORT), "name": "Support"}


async def test_a_chat_can_be_handed_to_somebody_outside_its_department_and_back(pulse: Pulse) -> None:
    outsider = await hire(pulse.house, "otto")
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with staff_ear(pulse, outsider) as otto, staff_ear(pulse) as admin:
        await act(pulse.house, visit, assigned_to(outsider))
        await act(pulse.house, visit, writes("Hello?"))
        await act(pulse.house, visit, assigned_to(ANNA, seen=outsider))
        decided = await act(pulse.house, visit, writes("Not for Otto"))
        await admin.up_to(decided.position)
        heard = await heard_by(otto, visit.chat)
    assert heard == ["chat.session.assigned", "chat.message", "chat.alert", "chat.session.assigned"]


async def test_who_closes_a_chat_they_hold_hears_it_close(pulse: Pulse) -> None:
    outsider = await hire(pulse.house, "otto")
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"), assigned_to(outsider))
    async with staff_ear(pulse, outsider) as otto:
        await act(pulse.house, visit, lambda chat: chat.close(outsider, now=now()))
        closed = await otto.next()
    assert (closed["type"], closed["data"]["chat"]["holder"]) == ("chat.session.status", None)


async def test_who_moves_to_another_department_hears_nothing_from_the_next_frame_on(pulse: Pulse) -> None:
    """Event after event, without a pause: what comes after the loss is judged by it."""
    seller = await hire(pulse.house, "sam", SALES)
    visit = a_visit()
    async with staff_ear(pulse, seller) as sam, staff_ear(pulse) as admin:
        await act(pulse.house, visit, writes("Before"))
        await change(pulse.house, seller, lambda sam: sam.change_role("moderator", (SUPPORT,), now=now()))
        decided = await act(pulse.house, visit, writes("After"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        await heard_by(sam, visit.chat)
        texts = [frame["data"]["text"] for frame in sam.heard if frame["type"] == "chat.message"]
    assert texts == ["Before"]


async def test_a_frame_waits_until_it_is_known_who_may_hear_it(pulse: Pulse) -> None:
    """Who is who is read from the log beside the frames; when that lags behind, frames wait for it."""
    house = pulse.house
    seller, visit = await hire(house, "sam", SALES), a_visit()
    directory = Directory(house.log)
    reading = asyncio.create_task(directory.run())
    await directory.ready.wait()
    async with (
        a_door(house, directory=directory) as door,
        connect(door.url + staff_path(house, seller)) as to_seller,
        connect(door.url + staff_path(house, ANNA)) as to_anna,
    ):
        sam, anna = Ear(to_seller), Ear(to_anna)
        assert await heard_by(sam, visit.chat) == await heard_by(anna, visit.chat) == []
        reading.cancel()
        await change(house, seller, lambda sam: sam.change_role("moderator", (SUPPORT,), now=now()))
        await happened(pulse, visit, writes("After"))
        assert await heard_by(sam, visit.chat) == await heard_by(anna, visit.chat) == []
        reading = asyncio.create_task(directory.run())
        await anna.until(lambda frame: frame["type"] == "chat.alert")
        assert await heard_by(sam, visit.chat) == []
    reading.cancel()


async def test_an_admin_who_is_one_no_more_hears_nothing_from_the_next_frame_on(pulse: Pulse) -> None:
    boss = await hire(pulse.house, "bea", role="admin")
    visit = a_visit()
    async with staff_ear(pulse, boss) as bea, staff_ear(pulse) as admin:
        await act(pulse.house, visit, writes("Before"))
        await change(pulse.house, boss, lambda moderator: moderator.change_role("moderator", (), now=now()))
        decided = await act(pulse.house, visit, writes("After"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        assert await bea.until_closed() == Code.SESSION_ENDED
        assert [frame["data"]["text"] for frame in bea.heard if frame["type"] == "chat.message"] == ["Before"]


async def test_a_new_moderators_name_is_known_in_the_frame_after_they_came(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with staff_ear(pulse) as admin:
        newest = await hire(pulse.house, "nina", SALES)
        decided = await act(pulse.house, visit, replies("Good day", newest))
        frames = await admin.until(lambda frame: frame["seq"] == decided.position)
    assert frames[-1]["data"]["sender"] == {"id": str(newest), "name": "nina"}
    assert frames[0]["data"]["holder"] == {"id": str(newest), "name": "nina"}


POISON = {
    "an event of a later Pulse": {"type": "chat.teleported", "v": 1, "data": {}},
    "an event of a later version": {"type": "chat.closed", "v": 99, "data": {}},
    "an event without its data": {"type": "chat.message-received", "v": 1, "data": {}},
    "no event at all": "poison",
}


@pytest.mark.parametrize("what", POISON)
async def test_does_not_stop_the_relay(pulse: Pulse, what: str) -> None:
    body = POISON[what]
    if isinstance(body, dict):
        body = {**body, "ver": 1, "id": uuid4(), "at": now(), "by": "system"}
    visit = a_visit()
    with structlog.testing.capture_logs() as told:
        async with staff_ear(pulse) as admin:
            poison = await pulse.house.log.append(Append(subject_of("chat", uuid4()), orjson.dumps(body)))
            decided = await act(pulse.house, visit, writes("Hello"))
            await admin.until(lambda frame: frame["seq"] == decided.position)
    logged = [entry for entry in told if entry["event"] == "push.poison"]
    assert [entry["position"] for entry in logged] == [poison.position]
