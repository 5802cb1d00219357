"""Pusher protocol 7, frame by frame."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pulse.house import now
from pulse.push.acks import WRITTEN_BY_NEWER
from pulse.push.codes import Code
from pulse.pusher_app import CHANNELS
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    BORIS,
    SALES,
    SUPPORT,
    Ear,
    a_visit,
    act,
    assigned_to,
    change,
    happened,
    hire,
    moved_to,
    replies,
    staff_ear,
    writes,
)
from tests.world import BY_A_NEWER, newer_wrote

COUNT = "pusher_internal:subscription_count"


class PusherEar(Ear):
    socket_id = ""
    counts = False

    async def send(self, event: str, data: object) -> None:
        await self.say({"event": event, "data": data})

    async def next(self) -> dict[str, Any]:
        """Without how many there are on its channels, unless `counts`."""
        while (frame := await super().next())["event"] == COUNT and not self.counts:
            self.heard.pop()
        return frame

    async def subscribe(self, channel: str, **signed: object) -> dict[str, Any]:
        """Asks for a channel; returns the answer."""
        await self.send("pusher:subscribe", {"channel": channel, **signed})
        return await self.next()


@asynccontextmanager
async def pusher_ear(pulse: Pulse, url: str | None = None, key: str | None = None) -> AsyncIterator[PusherEar]:
    path = f"/app/{key or pulse.house.settings.push_key}?protocol=7&client=js&version=8.6.0&flash=false"
    async with connect((url or pulse.push) + path) as socket:
        ear = PusherEar(socket)
        greeting = await ear.next()
        assert greeting["event"] == "pusher:connection_established"
        greeted = json.loads(greeting["data"])
        assert greeted["activity_timeout"] == 30
        ear.socket_id = greeted["socket_id"]
        yield ear


def signed(pulse: Pulse, ear: PusherEar, channel: str, who: UUID | str | None) -> dict[str, str]:
    """What the auth endpoint answers; without a person, what a server library makes of the app's secret."""
    key, signer = pulse.house.settings.push_key, pulse.house.signer
    if who is None:
        return {"auth": signer.subscription(key, ear.socket_id, channel)}
    channel_data = json.dumps({"user_id": str(who), "user_info": {}})
    return {"auth": signer.subscription(key, ear.socket_id, channel, channel_data), "channel_data": channel_data}


async def test_another_apps_key_is_turned_away(pulse: Pulse) -> None:
    async with connect(f"{pulse.push}/app/another?protocol=7") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == Code.NO_SUCH_APP


async def test_a_signed_subscription_hears_its_chat(pulse: Pulse) -> None:
    mine, other = a_visit(), a_visit()
    await happened(pulse, mine, writes("Anybody there?"))
    channel = f"private-chat.{mine.chat}"
    async with pusher_ear(pulse) as ear:
        answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        assert answer == {"event": "pusher_internal:subscription_succeeded", "data": "{}", "channel": channel}
        await act(pulse.house, other, writes("Not this one"))
        decided = await act(pulse.house, mine, writes("Hello"))
        frames = await ear.until(lambda frame: frame["event"] == "ChatAlert")
    assert [frame["event"] for frame in frames] == ["NewChatMessage", "ChatAlert"]
    assert {frame["channel"] for frame in frames} == {channel}
    assert frames[0]["seq"] == decided.position
    data = json.loads(frames[0]["data"])
    assert (data["text"], data["chat_id"], data["id"]) == ("Hello", str(mine.chat), decided.version)


async def test_the_holder_is_told_on_their_own_channel(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-moderator.{BORIS}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, BORIS))
        await act(pulse.house, visit, assigned_to(ANNA))
        await act(pulse.house, visit, assigned_to(BORIS, seen=ANNA))
        told = await ear.next()
    assert (told["event"], told["channel"]) == ("ChatAssigned", channel)
    assert json.loads(told["data"])["holder"] == {"id": str(BORIS), "name": "Boris"}


DEEP, DEEPLY = "<deep>", "[" * 1000 + "]" * 1000  # as deep as is read at all


def written(said: object) -> str:
    """As JSON, with what no library of ours would write."""
    return json.dumps(said).replace(f'"{DEEP}"', DEEPLY)


async def test_a_wrong_signature_is_refused_and_the_connection_lives(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear, pusher_ear(pulse) as other:
        good = signed(pulse, ear, channel, ANNA)
        for wrong in (
            {}, {"auth": ""}, {"auth": 1}, {"auth": None}, {**good, "auth": "pulse:" + "0" * 64}, {"auth": good["auth"]},
            {**good, "auth": good["auth"].replace("pulse:", "other:")}, {**good, "channel_data": "{}"},
            {**good, "channel_data": ["x"]}, signed(pulse, other, channel, ANNA), {**good, "auth": "ключ:подпись"},
            signed(pulse, ear, f"private-chat.{uuid4()}", ANNA),
        ):  # fmt: skip
            answer = await ear.subscribe(channel, **wrong)
            assert (answer["event"], answer["channel"]) == ("pusher:subscription_error", channel), wrong
            assert json.loads(answer["data"])["status"] == 401
        answer = await ear.subscribe(channel, **good)
        assert answer["event"] == "pusher_internal:subscription_succeeded"


async def test_whoever_holds_the_apps_secret_subscribes_without_naming_a_person(pulse: Pulse) -> None:
    """As server libraries of Pusher do; our own endpoint always names the moderator."""
    visit = a_visit()
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, None))
        await act(pulse.house, visit, writes("Hello"))
        assert (await ear.next())["event"] == "ChatOpened"


async def test_a_subscriber_who_loses_the_chat_hears_it_go_and_then_nothing(pulse: Pulse) -> None:
    seller = await hire(pulse.house, "sam", SALES)
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear, staff_ear(pulse) as admin:
        await ear.subscribe(channel, **signed(pulse, ear, channel, seller))
        await act(pulse.house, visit, moved_to(SUPPORT))
        decided = await act(pulse.house, visit, writes("Not for Sales"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        await ear.send("pusher:ping", {})
        heard = await ear.until(lambda frame: frame["event"] == "pusher:pong")
    assert [frame["event"] for frame in heard] == ["ChatTransferred", "pusher:subscription_error", "pusher:pong"]


async def test_a_disabled_moderators_subscription_hears_nothing(pulse: Pulse) -> None:
    seller = await hire(pulse.house, "sam", SALES)
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear, staff_ear(pulse) as admin:
        await ear.subscribe(channel, **signed(pulse, ear, channel, seller))
        await change(pulse.house, seller, lambda moderator: moderator.disable(now=now()))
        decided = await act(pulse.house, visit, writes("Hello"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.alert")
        before = len(ear.heard)
        assert (await ear.until_closed(), ear.heard[before:]) == (Code.SESSION_ENDED, [])


async def test_who_unsubscribes_hears_no_more(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello?"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear, staff_ear(pulse) as admin:
        await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        await act(pulse.house, visit, writes("Hello"))
        await ear.until(lambda frame: frame["event"] == "ChatAlert")
        for _ in range(2):
            await ear.send("pusher:unsubscribe", {"channel": channel})
        await ear.send("pusher:ping", {})
        await ear.until(lambda frame: frame["event"] == "pusher:pong")
        decided = await act(pulse.house, visit, replies("Good day"))
        await admin.until(lambda frame: frame["seq"] == decided.position and frame["type"] == "chat.message")
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"


async def test_a_hundred_channels_are_the_limit(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        for number in range(CHANNELS):
            await ear.send("pusher:subscribe", {"channel": f"news-{number}"})
        for _ in range(CHANNELS):
            assert (await ear.next())["event"] == "pusher_internal:subscription_succeeded"
        assert (await ear.subscribe("news-one-more"))["event"] == "pusher:error"
        assert (await ear.subscribe("news-7"))["event"] == "pusher_internal:subscription_succeeded"
        await ear.send("pusher:unsubscribe", {"channel": "news-8"})
        assert (await ear.subscribe("news-one-more"))["event"] == "pusher_internal:subscription_succeeded"


async def test_channels_have_proper_names(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        for name in ("", "a" * 201, "#server-to-user-", "private-chat.x:{}", "новости", "a b", 7, None, ["a"]):
            await ear.send("pusher:subscribe", {"channel": name})
            assert (await ear.next())["event"] == "pusher:error", name


async def test_what_is_not_understood_is_answered_and_the_connection_lives(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        for junk in (b"\xff", "", "no json", "[]", "7", '{"event":"hm"}', '{"event":["pusher:ping"]}', "[" * 60_000,
                     '{"event":"pusher:subscribe","data":"x"}', '{"event":"client-x","channel":"a","data":{}}'):  # fmt: skip
            await ear.socket.send(junk)
            assert (await ear.next())["event"] == "pusher:error", junk
        await ear.send("pusher:pong", {})
        await ear.send("pusher:ping", "")
        assert await ear.next() == {"event": "pusher:pong", "data": "{}"}


CAMPAIGN = "private-campaign.1"
VERBS = ("pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "pulse:resume", "pulse:ack", "client-typing")
LEAF = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.integers()
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
ANYTHING = st.recursive(
    LEAF | st.just(DEEP),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inside, max_size=3),
    max_leaves=5,
)
NAMES = ("channel", "since", "cursor", "last_id", "auth", "channel_data", "user_data")


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    event=st.sampled_from(VERBS),
    data=st.dictionaries(st.sampled_from(NAMES), st.just(DEEP) | ANYTHING, min_size=1, max_size=4) | ANYTHING,
    beside=st.fixed_dictionaries({"channel": st.just(CAMPAIGN) | ANYTHING}),
)
async def test_whatever_json_comes_the_connection_lives(
    pulse: Pulse, event: object, data: object, beside: dict[str, object]
) -> None:
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(CAMPAIGN, **signed(pulse, ear, CAMPAIGN, None))
        await ear.socket.send(written({**beside, "event": event, "data": data}))
        await ear.send("pusher:ping", {})
        await ear.until(lambda frame: frame["event"] == "pusher:pong")


@pytest.mark.parametrize(("event", "data"), [
    ("pusher:unsubscribe", {"channel": DEEP}), ("pusher:subscribe", {"channel": DEEP}),
    ("pulse:resume", {"cursor": DEEP}), ("pulse:resume", {"cursor": 7}), ("pulse:ack", {"channel": DEEP}),
    ("pulse:ack", {"channel": None, "last_id": DEEP}), ("pusher:signin", {"user_data": DEEP}),
])  # fmt: skip
async def test_what_is_nested_deep_is_answered_and_the_connection_lives(
    pulse: Pulse, event: str, data: dict[str, object]
) -> None:
    async with pusher_ear(pulse) as ear:
        await ear.socket.send(written({"event": event, "data": data}))
        assert (await ear.next())["event"] == "pusher:error"
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"


async def test_a_cursor_that_is_no_text_is_none_of_this_log(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        asked = {"channel": CAMPAIGN, "since": DEEP, **signed(pulse, ear, CAMPAIGN, None)}
        await ear.socket.send(written({"event": "pusher:subscribe", "data": asked}))
        answer = await ear.next()
        assert json.loads(answer["data"])["reason"] == "epoch"


@pytest.mark.parametrize("unlike", BY_A_NEWER)
async def test_what_a_newer_pulse_wrote_is_answered_and_the_connection_lives(
    pulse: Pulse, unlike: dict[str, object]
) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        await newer_wrote(pulse.house.log, visit.chat, unlike)
        for _ in range(2):
            await ear.send("pulse:ack", {"channel": channel, "last_id": 1})
            error = (await ear.until(lambda frame: frame["event"] == "pusher:error"))[-1]
            assert json.loads(error["data"])["message"] == WRITTEN_BY_NEWER
