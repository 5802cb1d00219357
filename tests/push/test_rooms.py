"""Rooms, live: who hears what is said there, who is typing, and what concerns oneself."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.room import GENERAL, direct_id
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.house import now
from pulse.push import relay
from pulse.push.codes import Code
from tests.conftest import Pulse
from tests.push.ears import (
    ADMIN,
    ANNA,
    BORIS,
    Ear,
    Frame,
    a_door,
    a_visit,
    act,
    assigned_to,
    change,
    happened,
    hire,
    staff_ear,
    staff_path,
    staff_token,
    visitor_ear,
    writes,
)
from tests.push.test_feed_frames import authorised, heard, told_all
from tests.push.test_protocol import PusherEar, pusher_ear
from tests.push.test_protocol import signed as subscription

THEIRS = (f"private-chat.{ANNA}.{BORIS}", f"private-chat.{BORIS}.{ANNA}")
ROOM = direct_id(ANNA, BORIS)


async def asks(pulse: Pulse, name: str, address: str, body: object = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {staff_token(pulse.house, moderator_id(f'{name}@pulse.example'))}"}
    answer = await pulse.http.post(address, json=body, headers=headers)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def says(pulse: Pulse, name: str, text: str, room: UUID = GENERAL, **more: object) -> int:
    """Returns the position."""
    told = await asks(pulse, name, f"/api/rooms/{room}/messages", {"text": text, **more})
    return int(told["position"])


async def opened(pulse: Pulse) -> None:
    await asks(pulse, "anna", "/api/direct", {"to": str(BORIS)})


def about_rooms(frames: list[Frame]) -> list[tuple[str, str]]:
    return [
        (frame["event"], json.loads(frame["data"]).get("text", ""))
        for frame in frames
        if not frame["event"].startswith("pusher")
    ]


async def test_every_moderator_hears_the_general_room_and_a_visitor_never_does(pulse: Pulse) -> None:
    visit = a_visit()
    async with AsyncExitStack() as ears:
        staff = [await ears.enter_async_context(staff_ear(pulse, who)) for who in (ANNA, BORIS, ADMIN)]
        anna: PusherEar = await ears.enter_async_context(pusher_ear(pulse))
        stranger: PusherEar = await ears.enter_async_context(pusher_ear(pulse))
        visitor = await ears.enter_async_context(visitor_ear(pulse, visit))
        assert await authorised(pulse, anna, "anna", "private-chat") == 200
        for channel in ("private-chat", "chat"):
            assert "error" in (await stranger.subscribe(channel))["event"]
        position = await says(pulse, "boris", "Lunch?")
        for ear in staff:
            frame = (await ear.up_to(position))[-1]
            assert (frame["type"], frame["data"]["text"]) == ("room.message", "Lunch?")
        await told_all(pulse)
        assert about_rooms(await heard(anna)) == [("MessageSent", "Lunch?")]
        assert await heard(stranger) == []
        await act(pulse.house, visit, writes("Hello"))
        assert "Lunch?" not in json.dumps(await visitor.up_to_version(2))


@pytest.mark.parametrize("channel", THEIRS)
async def test_two_hear_each_other_in_whichever_order_they_are_named(pulse: Pulse, channel: str) -> None:
    await opened(pulse)
    async with AsyncExitStack() as ears:
        boris, admin = [await ears.enter_async_context(pusher_ear(pulse)) for _ in range(2)]
        admins_window = await ears.enter_async_context(staff_ear(pulse, ADMIN))
        boris_window = await ears.enter_async_context(staff_ear(pulse, BORIS))
        assert await authorised(pulse, boris, "boris", channel) == 200
        assert await authorised(pulse, admin, "admin", channel) == 403
        # A signature that was made by whoever: rights are asked again at every frame.
        await admin.subscribe(channel, **subscription(pulse, admin, channel, ADMIN))
        position = await says(pulse, "anna", "Between us", ROOM)
        assert (await boris_window.up_to(position))[-1]["data"]["sender"]["name"] == "Anna"
        await told_all(pulse)
        assert about_rooms(await heard(boris)) == [("PrivateMessageSent", "Between us")]
        assert await heard(admin) == []
        await happened(pulse, a_visit(), writes("A sign"))
        assert "Between us" not in json.dumps(await everything(admins_window, pulse))


async def everything(ear: Ear, pulse: Pulse) -> list[Frame]:
    """All that a staff socket heard by now."""
    decided = await act(pulse.house, a_visit(), writes("Another sign"))
    await ear.up_to(decided.position)
    return ear.heard


@pytest.mark.parametrize(
    "channel",
    [f"private-chat.{ANNA}.{ANNA}", f"private-chat.{ANNA}.{str(BORIS).upper()}", f"private-chat.{ANNA}.{BORIS}.{ADMIN}",
     f"presence-chat.{ANNA}.{BORIS}", f"private-user.{ANNA}.{BORIS}", "private-chat.", "private-encrypted-chat", f"chat.{ANNA}.{BORIS}"],
)  # fmt: skip
async def test_no_other_spelling_is_signed(pulse: Pulse, channel: str) -> None:
    asked = {"socket_id": "1.2", "channel_name": channel}
    for name in ("anna", "admin"):
        answer = await pulse.http.post("/broadcasting/auth", data=asked, headers=await pulse.sign_in(name))
        assert answer.status_code == 403, (name, channel)


async def test_a_closed_account_hears_no_room(pulse: Pulse) -> None:
    nina = await hire(pulse.house, "nina")
    async with pusher_ear(pulse) as ear:
        await ear.subscribe("private-chat", **subscription(pulse, ear, "private-chat", nina))
        await change(pulse.house, nina, lambda who: who.disable(now=now()))
        await says(pulse, "anna", "Nina has left")
        with pytest.raises(ConnectionClosedError) as closed:
            await heard(ear)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == Code.SESSION_ENDED


async def test_the_other_learns_that_a_room_was_opened(pulse: Pulse) -> None:
    nina = await hire(pulse.house, "nina")
    async with staff_ear(pulse, nina) as ear:
        position = (await asks(pulse, "anna", "/api/direct", {"to": str(nina)}))["position"]
        frame = (await ear.up_to(position))[-1]
        assert frame["type"] == "room.opened"
        assert {one["id"] for one in frame["data"]["people"]} == {str(ANNA), str(nina)}


async def test_typing_is_told_to_the_others_only(pulse: Pulse) -> None:
    await opened(pulse)
    async with AsyncExitStack() as ears:
        anna, boris, admin = [await ears.enter_async_context(staff_ear(pulse, who)) for who in (ANNA, BORIS, ADMIN)]
        before = await pulse.house.log.last_position()
        await asks(pulse, "anna", f"/api/rooms/{ROOM}/typing")
        frame = (await boris.until(lambda frame: frame["type"] == "room.typing"))[-1]
        assert frame["data"] == {"room_id": str(ROOM), "by": {"id": str(ANNA), "name": "Anna"}}
        await asks(pulse, "anna", f"/api/rooms/{GENERAL}/typing")
        await admin.until(lambda frame: frame["type"] == "room.typing")
        assert await pulse.house.log.last_position() == before
        typing = [frame for ear in (anna, admin) for frame in await everything(ear, pulse) if "typing" in frame["type"]]
        assert [frame["data"]["room_id"] for frame in typing] == [str(GENERAL)]


async def test_two_see_how_far_the_other_read_and_the_general_room_tells_nobody(pulse: Pulse) -> None:
    await opened(pulse)
    async with staff_ear(pulse, ANNA) as anna:
        await says(pulse, "anna", "Did you see?", ROOM)
        seen = await asks(pulse, "boris", f"/api/rooms/{ROOM}/seen", {"upTo": 99})
        frame = (await anna.up_to(seen["position"]))[-1]
        assert (frame["type"], frame["data"]["mark"]["moderator_id"]) == ("room.seen", str(BORIS))
        await says(pulse, "anna", "Everybody?")
        await asks(pulse, "boris", f"/api/rooms/{GENERAL}/seen", {"upTo": 99})
        frames = await everything(anna, pulse)
        seen_in = [frame["data"]["room_id"] for frame in frames if frame["type"] == "room.seen"]
        assert seen_in == [str(ROOM)]


async def test_a_mention_reaches_its_moderator_on_every_window_and_nobody_else(pulse: Pulse) -> None:
    own = f"private-user.{BORIS}"
    async with AsyncExitStack() as ears:
        boris, anna = [await ears.enter_async_context(staff_ear(pulse, who)) for who in (BORIS, ANNA)]
        pusher = await ears.enter_async_context(pusher_ear(pulse))
        assert await authorised(pulse, pusher, "boris", own) == 200
        position = await says(pulse, "anna", "@Boris", mentions=[str(BORIS)])
        frames = await boris.until(lambda frame: frame["type"] == "notification.created")
        told = frames[-1]["data"]
        assert (told["id"], told["kind"], told["by"]["name"], told["read"]) == (position, "mention", "Anna", False)
        await asks(pulse, "boris", f"/api/notifications/{position}/read")
        frames = await boris.until(lambda frame: frame["type"] == "notification.read")
        assert frames[-1]["data"] == {"ids": [position]}
        await told_all(pulse)
        events = [frame["event"] for frame in await heard(pusher)]
        assert events == ["NotificationCreated", "NotificationRead"]
        assert not [f for f in await everything(anna, pulse) if f["type"] == "notification.created"]


async def test_nobody_is_told_of_a_chat_they_may_not_see(pulse: Pulse) -> None:
    outsider, visit = await hire(pulse.house, "olga"), a_visit()
    await act(pulse.house, visit, writes("Hello"))
    async with staff_ear(pulse, outsider) as ear:
        await act(
            pulse.house, visit, lambda chat: chat.note("@Olga", moderator_id=ANNA, mentions=(outsider,), now=now())
        )
        decided = await act(pulse.house, visit, assigned_to(outsider))
        frames = [f for f in await ear.up_to(decided.position) if f["type"] == "notification.created"]
        frames = frames or await ear.until(lambda frame: frame["type"] == "notification.created")
        assert [frame["data"]["kind"] for frame in frames] == ["assigned"]


async def test_a_relay_asks_for_a_rooms_first_event_only_and_until_the_log_can_tell_it(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that began after the room was opened, and remembers nothing. Whom the general room is for, it need not ask."""
    monkeypatch.setattr(relay, "WARM", 0)
    await opened(pulse)
    await says(pulse, "anna", "Before", ROOM)
    read, asked = pulse.house.log.read, list[int]()
    troubles = [LogDown(), AppendRefused(10_008, "not now")]

    async def silent_at_first(start: int, *, subject: str = ">", limit: int = 1000) -> list[Stored]:
        if subject != ">":
            asked.append(limit)
            if troubles:
                raise troubles.pop()
        return await read(start, subject=subject, limit=limit)

    async with a_door(pulse.house) as door, connect(door.url + staff_path(pulse.house, BORIS)) as socket:
        monkeypatch.setattr(pulse.house.log, "read", silent_at_first)
        boris = Ear(socket)
        await boris.up_to(await says(pulse, "anna", "Everybody?"))
        assert asked == []
        await boris.up_to(await says(pulse, "anna", "Between us", ROOM))
        await boris.up_to(await says(pulse, "anna", "Still there?", ROOM))
        texts = [frame["data"]["text"] for frame in boris.heard if frame["type"] == "room.message"]
        assert texts == ["Everybody?", "Between us", "Still there?"]
        assert asked == [1, 1, 1]
