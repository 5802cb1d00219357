"""Anybody may subscribe to any public name: so there is an end to how many different ones."""

from __future__ import annotations

import json

import pytest

from pulse.push.hub import Hub
from pulse.push.porter import FROM_ONE_ADDRESS as SOCKETS
from pulse.push.public_channels import FROM_ONE_ADDRESS, IN_ALL, PublicChannels, TooManyPublicChannels
from tests.conftest import Pulse
from tests.push.ears import a_door
from tests.push.test_protocol import pusher_ear, signed


def test_a_stock_site_never_meets_it() -> None:
    """Each of an address' visitors may have two of their own."""
    assert FROM_ONE_ADDRESS >= 2 * SOCKETS
    assert IN_ALL > 10 * FROM_ONE_ADDRESS


def test_different_ones_count_by_address_and_in_all_however_many_subscribe() -> None:
    channels = PublicChannels(from_one_address=2, in_all=3)
    for _ in range(5):
        for channel in ("a", "b"):
            channels.enter("1", channel)
    with pytest.raises(TooManyPublicChannels):
        channels.enter("1", "c")
    channels.enter("2", "a")
    channels.enter("2", "c")
    with pytest.raises(TooManyPublicChannels):
        channels.enter("3", "d")
    channels.enter("3", "c")  # which is there already
    for _ in range(4):
        channels.leave("1", "b")
    with pytest.raises(TooManyPublicChannels):
        channels.enter("1", "c")
    channels.leave("1", "b")
    channels.enter("1", "c")
    channels.enter("3", "d")


def test_nothing_is_kept_of_whoever_has_gone() -> None:
    channels = PublicChannels()
    channels.enter("1", "a")
    channels.leave("1", "a")
    assert (channels._of, channels._everywhere) == ({}, {})


async def test_one_more_is_refused_on_its_channel_and_gives_way_when_others_go(pulse: Pulse) -> None:
    hub = Hub()
    hub.public = PublicChannels(from_one_address=2)
    async with a_door(pulse.house, hub=hub) as door, pusher_ear(pulse, door.url) as ear:
        async with pusher_ear(pulse, door.url) as other:
            for one, channel in ((ear, "a"), (ear, "a"), (other, "b"), (other, "a")):
                assert (await one.subscribe(channel))["event"] == "pusher_internal:subscription_succeeded"
            refused = await ear.subscribe("c")
            assert (refused["event"], refused["channel"]) == ("pusher:subscription_error", "c")
            assert json.loads(refused["data"])["status"] == 429
            assert hub.roster.subscription_count("c") == 0
            secret = "private-campaign.7"
            told = await ear.subscribe(secret, **signed(pulse, ear, secret, None))
            assert told["event"] == "pusher_internal:subscription_succeeded"
            await other.send("pusher:unsubscribe", {"channel": "b"})
            await other.send("pusher:ping", {})
            await other.until(lambda frame: frame["event"] == "pusher:pong")
        assert (await ear.subscribe("c"))["event"] == "pusher_internal:subscription_succeeded"
