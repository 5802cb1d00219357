"""What clients tell each other: to whoever else is on the channel, ten times a second at most, and nothing beside."""

import json
from typing import Any
from uuid import uuid4

import pytest

from pulse.push.client_events import PER_SECOND
from pulse.push.hub import Hub
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    BORIS,
    SALES,
    SUPPORT,
    a_door,
    a_visit,
    act,
    happened,
    hire,
    moved_to,
    writes,
)  # fmt: skip
from tests.push.test_presence_channels import joined
from tests.push.test_protocol import DEEP, PusherEar, pusher_ear, signed, written

SECRET = "private-encrypted-campaign.1"
TYPING = {"event": "client-typing", "data": {"name": "Anna"}}


async def whispered(ear: PusherEar, channel: str, **more: Any) -> None:
    await ear.say({**TYPING, "channel": channel, **more})


async def test_whoever_else_is_there_hears_it_in_every_process(pulse: Pulse) -> None:
    channel = f"private-chat.{a_visit().chat}"
    async with (
        a_door(pulse.house, hub=Hub()) as one,
        a_door(pulse.house, hub=Hub()) as other,
        pusher_ear(pulse, one.url) as anna,
        pusher_ear(pulse, one.url) as tab,
        pusher_ear(pulse, other.url) as boris,
        pusher_ear(pulse, other.url) as elsewhere,
    ):
        for ear, where in ((anna, channel), (tab, channel), (boris, channel), (elsewhere, "private-campaign.1")):
            await ear.subscribe(where, **signed(pulse, ear, where, None))
        await whispered(anna, channel, user_id="somebody", more="?", seq=7)
        for ear in (tab, boris):
            assert await ear.next() == {
                "event": "client-typing", "channel": channel, "data": {"name": "Anna"},
            }  # fmt: skip
        await whispered(boris, channel, data="plain")
        assert (await anna.next())["data"] == "plain"  # and not what it said itself
        await elsewhere.send("pusher:ping", {})
        assert (await elsewhere.next())["event"] == "pusher:pong"


async def test_on_a_presence_channel_it_says_whose_it_is(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as anna, pusher_ear(pulse) as boris:
        await joined(pulse, anna, channel, ANNA)
        await joined(pulse, boris, channel, BORIS)
        assert (await anna.next())["event"] == "pusher_internal:member_added"
        await whispered(boris, channel)
        assert (await anna.next())["user_id"] == str(BORIS)


@pytest.mark.parametrize("said", [
    {"channel": "news"}, {"channel": "private-other"}, {"channel": None}, {}, {"event": "client-" + "x" * 200},
    {"data": "x" * 10_240}, {"channel": ["private-campaign.1"]}, {"data": DEEP}, {"channel": SECRET},
])  # fmt: skip
async def test_nothing_else_passes(pulse: Pulse, said: dict[str, Any]) -> None:
    channel = f"private-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as anna, pusher_ear(pulse) as boris:
        for ear in (anna, boris):
            await ear.subscribe(channel, **signed(pulse, ear, channel, None))
            await ear.subscribe("news")
            await ear.subscribe(SECRET, **signed(pulse, ear, SECRET, None))
        channel_said = {} if said == {} else {"channel": channel}
        await anna.socket.send(written({**TYPING, **channel_said, **said}))
        assert (await anna.next())["event"] == "pusher:error"
        await whispered(anna, channel)
        assert (await boris.next())["event"] == "client-typing"


async def test_ten_a_second_and_no_more(pulse: Pulse) -> None:
    channel = f"private-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as anna:
        await anna.subscribe(channel, **signed(pulse, anna, channel, None))
        for _ in range(PER_SECOND * 3):
            await whispered(anna, channel)
        error = await anna.next()
        assert (error["event"], json.loads(error["data"])["code"]) == ("pusher:error", 4301)


async def test_who_may_not_see_the_chat_any_more_neither_speaks_nor_hears(pulse: Pulse) -> None:
    seller = await hire(pulse.house, "sam", SALES)
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as sam, pusher_ear(pulse) as boris:
        await sam.subscribe(channel, **signed(pulse, sam, channel, seller))
        await boris.subscribe(channel, **signed(pulse, boris, channel, BORIS))
        await act(pulse.house, visit, moved_to(SUPPORT))
        gone = (await sam.until(lambda frame: frame["event"] == "pusher:subscription_error"))[-1]
        assert (gone["channel"], json.loads(gone["data"])["status"]) == (channel, 403)
        await boris.until(lambda frame: frame["event"] == "ChatTransferred")
        again = await sam.subscribe(channel, **signed(pulse, sam, channel, seller))  # a signature outlives the right
        assert (again["event"], json.loads(again["data"])["status"]) == ("pusher:subscription_error", 403)
        await whispered(sam, channel)
        await sam.until(lambda frame: frame["event"] == "pusher:error")
        await whispered(boris, channel)
        await sam.send("pusher:ping", {})
        assert (await sam.next())["event"] == "pusher:pong"
