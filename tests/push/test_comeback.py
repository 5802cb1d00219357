"""`pulse:resume`: for what is subscribed to when a client comes back, and not for what it opens later."""

from __future__ import annotations

from pulse.push.hub import Hub
from pulse.push.subscriptions import COMEBACK_SECONDS
from tests.conftest import Pulse
from tests.push.comers import PUSHERS, asking_at_pusher, data_of, texts_of
from tests.push.ears import ADMIN, Door, Frame, a_door, a_visit, happened, writes
from tests.push.test_protocol import PusherEar, pusher_ear, signed
from tests.roster.wires import Clock


async def subscribed(pulse: Pulse, ear: PusherEar, channel: str, **beside: str) -> tuple[Frame, list[str]]:
    """What is answered, and the texts that are told at once."""
    answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ADMIN), **beside)
    await ear.send("pusher:ping", {})
    return data_of(answer), texts_of(await ear.until(lambda frame: frame["event"] == "pusher:pong"))


async def cursor_of(pulse: Pulse, door: Door) -> str:
    """Of somebody who is connected now."""
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with asking_at_pusher(door, pulse.house, PUSHERS[0], visit, None, ADMIN) as (_, answer):
        cursor: str = data_of(answer)["cursor"]
        return cursor


async def test_each_channel_begins_with_what_was_missed_once(pulse: Pulse) -> None:
    visit = a_visit()
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house) as door:
        cursor = await cursor_of(pulse, door)
        await happened(pulse, visit, writes("Missed"))
        async with pusher_ear(pulse, door.url) as ear:
            await ear.send("pulse:resume", {"cursor": cursor})
            answer, texts = await subscribed(pulse, ear, channel)
            assert (answer["recovered"], texts) == (True, ["Missed"])
            await ear.send("pusher:unsubscribe", {"channel": channel})
            answer, texts = await subscribed(pulse, ear, channel)
            assert ("recovered" in answer, texts) == (False, [])
            assert (await subscribed(pulse, ear, channel, since=cursor))[1] == ["Missed"]  # whoever asks is told


async def test_who_has_to_take_a_snapshot_subscribes_once_more_and_is_live(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house) as door, pusher_ear(pulse, door.url) as ear:
        await ear.send("pulse:resume", {"cursor": "0000000000.7"})
        assert (await subscribed(pulse, ear, channel))[0]["reason"] == "epoch"
        assert "reason" not in (await subscribed(pulse, ear, channel))[0]


async def test_what_is_opened_later_is_live(pulse: Pulse) -> None:
    visit, later = a_visit(), a_visit()
    clock = Clock()
    async with a_door(pulse.house, hub=Hub(clock)) as door:
        cursor = await cursor_of(pulse, door)
        await happened(pulse, visit, writes("Missed"))
        await happened(pulse, later, writes("Long ago"))
        async with pusher_ear(pulse, door.url) as ear:
            await ear.send("pulse:resume", {"cursor": cursor})
            assert (await subscribed(pulse, ear, f"private-chat.{visit.chat}"))[1] == ["Missed"]
            clock.now += COMEBACK_SECONDS
            answer, texts = await subscribed(pulse, ear, f"private-chat.{later.chat}")
            assert ("recovered" in answer, texts) == (False, [])
            assert answer["cursor"] != cursor


async def test_a_refused_subscription_has_not_been_told_yet(pulse: Pulse) -> None:
    visit = a_visit()
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house) as door:
        cursor = await cursor_of(pulse, door)
        await happened(pulse, visit, writes("Missed"))
        async with pusher_ear(pulse, door.url) as ear:
            await ear.send("pulse:resume", {"cursor": cursor})
            assert (await ear.subscribe(channel, auth="pulse:0"))["event"] == "pusher:subscription_error"
            assert (await subscribed(pulse, ear, channel))[1] == ["Missed"]
