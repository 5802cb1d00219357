"""Presence channels: who is there, per person and not per connection, whichever process each of them is connected to."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.push.hub import Hub
from pulse.roster import MEMBERS, ONLINE, Roster
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, BORIS, Door, a_door
from tests.push.test_protocol import PusherEar, pusher_ear

GRACE = 0.2


@asynccontextmanager
async def two_doors(pulse: Pulse) -> AsyncIterator[tuple[Door, Door]]:
    """Two push processes, as far as their sockets can tell."""
    async with AsyncExitStack() as stack:
        hubs = [Hub(roster=Roster(grace=GRACE)) for _ in range(2)]
        one, other = [await stack.enter_async_context(a_door(pulse.house, hub=hub, counts=True)) for hub in hubs]
        yield one, other


def ticket(pulse: Pulse, ear: PusherEar, channel: str, who: UUID | str, name: str = "Anna") -> dict[str, str]:
    key, signer = pulse.house.settings.push_key, pulse.house.signer
    channel_data = json.dumps({"user_id": str(who), "user_info": {"name": name}})
    return {"auth": signer.subscription(key, ear.socket_id, channel, channel_data), "channel_data": channel_data}


async def joined(pulse: Pulse, ear: PusherEar, channel: str, who: UUID | str, name: str = "Anna") -> dict[str, Any]:
    """Joins; returns who is there."""
    told = await ear.subscribe(channel, **ticket(pulse, ear, channel, who, name))
    assert told["event"] == "pusher_internal:subscription_succeeded", told
    here: dict[str, Any] = json.loads(told["data"])["presence"]
    return here


async def test_who_joins_sees_who_is_there_and_the_others_are_told_once(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with (
        two_doors(pulse) as (one, other),
        pusher_ear(pulse, one.url) as anna,
        pusher_ear(pulse, other.url) as boris,
    ):
        here = await joined(pulse, anna, channel, ANNA)
        assert here == {"ids": [str(ANNA)], "hash": {str(ANNA): {"name": "Anna"}}, "count": 1}
        await insist(lambda: known(other, channel), {str(ANNA)}.__eq__)
        here = await joined(pulse, boris, channel, BORIS, "Boris")
        assert (set(here["ids"]), here["count"]) == ({str(ANNA), str(BORIS)}, 2)
        added = await anna.next()
        assert (added["event"], added["channel"]) == ("pusher_internal:member_added", channel)
        assert json.loads(added["data"]) == {"user_id": str(BORIS), "user_info": {"name": "Boris"}}
        async with pusher_ear(pulse, one.url) as tab:
            await joined(pulse, tab, channel, BORIS, "Boris")
        await boris.socket.close()
        removed = await anna.next()
        assert removed["event"] == "pusher_internal:member_removed"
        assert json.loads(removed["data"]) == {"user_id": str(BORIS)}


async def test_whoever_loads_the_page_again_never_left(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with two_doors(pulse) as (one, other), pusher_ear(pulse, one.url) as anna:
        await joined(pulse, anna, channel, ANNA)
        async with pusher_ear(pulse, one.url) as boris:
            await joined(pulse, boris, channel, BORIS)
        async with pusher_ear(pulse, other.url) as boris:
            await joined(pulse, boris, channel, BORIS)
            async with pusher_ear(pulse, one.url) as vera:
                await joined(pulse, vera, channel, "vera", "Vera")
                added = [json.loads((await anna.next())["data"])["user_id"] for _ in range(2)]
    assert added == [str(BORIS), "vera"]


async def test_every_moderator_with_a_window_is_online(pulse: Pulse) -> None:
    """`presence-chat` is who is online, by whichever protocol."""
    async with pusher_ear(pulse) as boris:
        here = await joined(pulse, boris, ONLINE, BORIS, "Boris")
        assert str(BORIS) in here["ids"]
        assert here["hash"][str(BORIS)] == {"name": "Boris"}


@pytest.mark.parametrize("channel_data", [
    None, "{}", '{"user_id":null}', '{"user_id":"x","user_info":[]}', "[]", "?", json.dumps({"user_id": "x" * 129}),
    json.dumps({"user_id": "x", "user_info": {"name": "y" * 1024}}),
])  # fmt: skip
async def test_a_member_needs_a_name(pulse: Pulse, channel_data: str | None) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as ear:
        key, signer = pulse.house.settings.push_key, pulse.house.signer
        signed: dict[str, object] = {"auth": signer.subscription(key, ear.socket_id, channel, channel_data)}
        if channel_data is not None:
            signed["channel_data"] = channel_data
        told = await ear.subscribe(channel, **signed)
        assert (told["event"], told["channel"]) == ("pusher:subscription_error", channel)
        told = await ear.subscribe(channel, **ticket(pulse, ear, channel, ANNA))
        assert told["event"] == "pusher_internal:subscription_succeeded"


async def test_a_channel_that_is_full_takes_nobody_else(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with (
        a_door(pulse.house, hub=Hub(roster=Roster(members=1))) as door,
        pusher_ear(pulse, door.url) as anna,
        pusher_ear(pulse, door.url) as boris,
    ):
        await joined(pulse, anna, channel, ANNA)
        told = await boris.subscribe(channel, **ticket(pulse, boris, channel, BORIS))
        assert json.loads(told["data"])["status"] == 413
        assert len(door.hub.roster.members(channel)) == 1
        assert channel not in door.hub.people()


async def test_of_many_members_as_many_are_shown_as_a_frame_has_room_for_and_oneself(pulse: Pulse) -> None:
    wide = {"name": '"' * 450}
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with a_door(pulse.house) as door, pusher_ear(pulse, door.url) as anna:
        for number in range(MEMBERS - 1):
            door.hub.roster.join(channel, f"{number:0100}", wide)
        told = await anna.subscribe(channel, **ticket(pulse, anna, channel, ANNA))
        assert len(json.dumps(told)) < 64 * 1024
        here = json.loads(told["data"])["presence"]
        assert here["count"] == MEMBERS
        assert 20 < len(here["ids"]) < MEMBERS
        assert list(here["hash"]) == here["ids"]
        assert (here["ids"][0], here["ids"][-1]) == (f"{0:0100}", str(ANNA))
        door.hub.roster.leave(channel, f"{0:0100}")


async def test_however_many_are_online_a_moderator_may_look_who(pulse: Pulse) -> None:
    async with a_door(pulse.house, hub=Hub(roster=Roster(members=1))) as door, pusher_ear(pulse, door.url) as anna:
        for number in range(2):
            door.hub.roster.come(f"moderator-{number}", {"name": "Boris"})
        here = await joined(pulse, anna, ONLINE, ANNA)
        assert here["count"] == 3


async def test_how_many_there_are_is_told(pulse: Pulse) -> None:
    channel = f"news-{uuid4().hex[:8]}"
    async with two_doors(pulse) as (one, other), pusher_ear(pulse, one.url) as anna:
        anna.counts = True
        await anna.subscribe(channel)
        counted = await anna.next()
        assert (counted["event"], counted["channel"]) == ("pusher_internal:subscription_count", channel)
        assert json.loads(counted["data"]) == {"subscription_count": 1}
        async with pusher_ear(pulse, other.url) as boris:
            await boris.subscribe(channel)
            assert json.loads((await anna.next())["data"]) == {"subscription_count": 2}
        assert json.loads((await anna.next())["data"]) == {"subscription_count": 1}


async def test_who_left_leaves_nothing_behind(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with two_doors(pulse) as (one, other):
        async with pusher_ear(pulse, one.url) as anna:
            await joined(pulse, anna, channel, ANNA)
        for door in (one, other):
            await insist(lambda door=door: occupied(door, channel), False.__eq__)  # type: ignore[misc]
            assert door.hub.roster.members(channel) == {}


async def known(door: Door, channel: str) -> set[str]:
    return set(door.hub.roster.members(channel))


async def occupied(door: Door, channel: str) -> bool:
    return channel in door.hub.roster.channels()
