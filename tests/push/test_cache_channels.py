"""Cache channels of Pulse's own nouns: what their plain ones are told, and the last of it at once."""

from __future__ import annotations

import pytest

from pulse.push.ring import Ring
from tests.conftest import Pulse
from tests.push.comers import data_of, texts_of
from tests.push.ears import ADMIN, Visit, a_door, a_visit, act, happened, writes
from tests.push.test_protocol import PusherEar, pusher_ear, signed

SUCCEEDED = "pusher_internal:subscription_succeeded"


async def subscribe(pulse: Pulse, ear: PusherEar, visit: Visit, form: str, **more: str) -> None:
    channel = f"{form}-cache-chat.{visit.chat}"
    answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ADMIN), **more)
    assert answer["event"] == SUCCEEDED


@pytest.mark.parametrize("form", ["private", "presence"])
async def test_they_are_told_what_the_plain_ones_are(pulse: Pulse, form: str) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Before"))
    async with pusher_ear(pulse) as ear:
        await subscribe(pulse, ear, visit, form)
        assert (await ear.next())["event"] == "ChatAlert"  # the last that was told
        await act(pulse.house, visit, writes("Hello"))
        assert texts_of([await ear.next()]) == ["Hello"]


@pytest.mark.parametrize("frames", [1, 1000], ids=["out of the log", "out of memory"])
async def test_whoever_comes_back_to_one_is_told_what_was_missed(pulse: Pulse, frames: int) -> None:
    visit = a_visit()
    async with a_door(pulse.house, ring=Ring(frames=frames)) as door:
        await happened(pulse, visit, writes("Before"))
        async with pusher_ear(pulse, door.url) as ear:
            since = pulse.house.cursors.write(door.parts.telling.ring.head)
            await act(pulse.house, visit, writes("Hello"))
            await act(pulse.house, visit, writes("Again"))
            await subscribe(pulse, ear, visit, "private", since=since)
            told = await ear.until(lambda frame: texts_of([frame]) == ["Again"])
            assert texts_of(told) == ["Hello", "Again"]
            assert {data_of(frame)["chat_id"] for frame in told} == {str(visit.chat)}
