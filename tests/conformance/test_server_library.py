"""The Python `pusher` library, as a service of ours would use it: all that it can ask of its app."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pusher import Pusher as Library  # type: ignore[import-untyped]
from pusher.errors import PusherBadAuth, PusherBadRequest  # type: ignore[import-untyped]

from pulse.push.codes import Code
from tests.conformance.app import library, stranger
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.test_protocol import PusherEar, pusher_ear

SUCCEEDED = "pusher_internal:subscription_succeeded"


@pytest.fixture(scope="module")
def app(pulse: Pulse) -> Library:
    return library(pulse.house)


async def enter(app: Library, ear: PusherEar, channel: str, user: str | None = None) -> dict[str, Any]:
    """Subscribes to any channel with the library's own signature; returns what the success said."""
    about = {"user_id": user, "user_info": {"name": f"User {user}"}} if user else None
    signed = (
        {} if not channel.startswith(("private-", "presence-")) else app.authenticate(channel, ear.socket_id, about)
    )
    await ear.send("pusher:subscribe", {"channel": channel, **signed})
    [*_, told] = await ear.until(
        lambda frame: frame["event"] in (SUCCEEDED, "pusher:error", "pusher:subscription_error")
    )
    assert told["event"] == SUCCEEDED, told
    said: dict[str, Any] = json.loads(told["data"])
    return said


async def sign_in(app: Library, ear: PusherEar, user: str) -> None:
    await ear.send("pusher:signin", app.authenticate_user(ear.socket_id, {"id": user, "user_info": {"name": user}}))
    await ear.until(lambda frame: frame["event"] == "pusher:signin_success")
    await enter(app, ear, f"#server-to-user-{user}")


async def event_of(ear: PusherEar) -> tuple[str, str, Any]:
    """The next event that is not the protocol's own."""
    [*_, told] = await ear.until(lambda frame: not frame["event"].startswith("pusher"))
    return told["channel"], told["event"], json.loads(told["data"])


async def test_what_is_triggered_is_heard_on_each_channel_but_by_the_socket_left_out(
    pulse: Pulse, app: Library
) -> None:
    async with pusher_ear(pulse) as ear, pusher_ear(pulse) as sender:
        for one in (ear, sender):
            await enter(app, one, "private-orders")
        await enter(app, ear, "news")
        order = {"id": 7, "title": "Лампа"}
        await asyncio.to_thread(app.trigger, ["private-orders", "news"], "OrderPaid", order, sender.socket_id)
        heard = [await event_of(ear), await event_of(ear)]
        assert sorted(channel for channel, _, _ in heard) == ["news", "private-orders"]
        assert all(event == "OrderPaid" and data == order for _, event, data in heard)
        await asyncio.to_thread(app.trigger, "private-orders", "OrderSent", {"id": 7})
        assert await event_of(sender) == ("private-orders", "OrderSent", {"id": 7})


async def test_a_batch_arrives_in_its_order(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as ear:
        await enter(app, ear, "private-batches")
        batch = [{"channel": "private-batches", "name": "Step", "data": {"number": number}} for number in range(10)]
        await asyncio.to_thread(app.trigger_batch, batch)
        assert [(await event_of(ear))[2]["number"] for _ in batch] == list(range(10))


async def test_it_can_ask_which_channels_are_occupied_by_how_many_and_by_whom(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as one, pusher_ear(pulse) as two, pusher_ear(pulse) as tab:
        said = await enter(app, one, "presence-lounge", "7")
        assert said["presence"] == {"ids": ["7"], "hash": {"7": {"name": "User 7"}}, "count": 1}
        await enter(app, two, "presence-lounge", "8")
        await enter(app, tab, "presence-lounge", "8")
        found = await insist(
            lambda: asyncio.to_thread(app.channels_info, "presence-lou", ["user_count"]),
            lambda found: found["channels"],
        )
        assert found == {"channels": {"presence-lounge": {"user_count": 2}}}
        shown = await asyncio.to_thread(app.channel_info, "presence-lounge", ["user_count", "subscription_count"])
        assert shown == {"occupied": True, "user_count": 2, "subscription_count": 3}
        users = await asyncio.to_thread(app.users_info, "presence-lounge")
        assert sorted(user["id"] for user in users["users"]) == ["7", "8"]
        assert (await asyncio.to_thread(app.channel_info, "presence-empty"))["occupied"] is False


async def test_who_comes_and_goes_is_told_by_person_and_not_by_window(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as ear, pusher_ear(pulse) as two, pusher_ear(pulse) as tab:
        await enter(app, ear, "presence-hall", "7")
        await enter(app, two, "presence-hall", "8")
        added = await ear.next()
        assert (added["event"], json.loads(added["data"])["user_id"]) == ("pusher_internal:member_added", "8")
        await enter(app, tab, "presence-hall", "8")
        for leaving in (two, tab):
            await leaving.send("pusher:unsubscribe", {"channel": "presence-hall"})
        removed = await ear.next()
        assert (removed["event"], json.loads(removed["data"])) == ("pusher_internal:member_removed", {"user_id": "8"})


async def test_what_is_sent_to_a_user_reaches_them_alone_until_they_are_terminated(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as ear, pusher_ear(pulse) as other:
        await sign_in(app, ear, "u-7")
        await sign_in(app, other, "u-8")
        for user in ("u-7", "u-8"):
            await asyncio.to_thread(app.send_to_user, user, "greeting", {"to": user})
        assert (await event_of(ear))[2] == {"to": "u-7"}
        assert (await event_of(other))[2] == {"to": "u-8"}
        await asyncio.to_thread(app.terminate_user_connections, "u-7")
        assert await ear.until_closed() == Code.SESSION_ENDED
        await asyncio.to_thread(app.send_to_user, "u-8", "greeting", {"still": "here"})
        assert (await event_of(other))[2] == {"still": "here"}


async def test_nobody_subscribes_to_what_is_for_another_user(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as ear:
        await sign_in(app, ear, "u-7")
        await ear.send("pusher:subscribe", {"channel": "#server-to-user-u-8", "auth": ""})
        assert (await ear.next())["event"] in ("pusher:error", "pusher:subscription_error")


async def test_a_cache_channel_tells_latecomers_its_last_event(pulse: Pulse, app: Library) -> None:
    async with pusher_ear(pulse) as ear:
        await enter(app, ear, "cache-weather")
        assert (await ear.next())["event"] == "pusher:cache_miss"
        for degrees in (19, 20):
            await asyncio.to_thread(app.trigger, "cache-weather", "Measured", {"degrees": degrees})
        assert [(await event_of(ear))[2]["degrees"] for _ in range(2)] == [19, 20]
    async with pusher_ear(pulse) as late:
        await enter(app, late, "cache-weather")
        assert await event_of(late) == ("cache-weather", "Measured", {"degrees": 20})
    shown = await asyncio.to_thread(app.channel_info, "cache-weather", ["cache"])
    assert json.loads(shown["cache"]["data"]) == {"degrees": 20}


async def test_what_it_may_not_ask_it_is_refused_as_it_expects(pulse: Pulse, app: Library) -> None:
    with pytest.raises(PusherBadAuth):
        await asyncio.to_thread(stranger(pulse.house).trigger, "news", "Anything", {})
    with pytest.raises(PusherBadRequest):
        await asyncio.to_thread(app.users_info, "private-orders")
    with pytest.raises(PusherBadRequest):
        await asyncio.to_thread(app.channels_info, "private-", ["user_count"])
