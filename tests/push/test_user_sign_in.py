"""`pusher:signin`: a socket is somebody's, hears what is meant for them, and who of theirs is online."""

import json
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from pulse.house import now
from pulse.push.codes import Code
from pulse.push.hub import STAFF_TABS
from pulse.push.user_sign_in import REFUSED, TOO_MANY_WATCHED
from pulse.pusher_app import WATCHED
from tests.conftest import Pulse
from tests.push.ears import ANNA, BORIS, SALES, SUPPORT, change, hire
from tests.push.test_protocol import PusherEar, pusher_ear


async def signed_in(pulse: Pulse, ear: PusherEar, **user: Any) -> dict[str, Any]:
    """Says whose the socket is; returns the answer."""
    user_data = json.dumps({"id": str(ANNA), **user})
    auth = pulse.house.signer.user_sign_in(pulse.house.settings.push_key, ear.socket_id, user_data)
    await ear.send("pusher:signin", {"auth": auth, "user_data": user_data})
    answer = await ear.next()
    if answer["event"] == "pusher:signin_success":
        assert json.loads(answer["data"]) == {"user_data": user_data}
    return answer


async def test_the_desk_signs_a_moderator_in_and_the_socket_ends_with_the_session(pulse: Pulse) -> None:
    headers = await pulse.sign_in("anna")
    async with pusher_ear(pulse) as ear:
        answer = await pulse.http.post("/broadcasting/user-auth", data={"socket_id": ear.socket_id}, headers=headers)
        assert answer.status_code == 200, answer.text
        await ear.send("pusher:signin", answer.json())
        assert (await ear.next())["event"] == "pusher:signin_success"
        told = await ear.subscribe(f"#server-to-user-{ANNA}", auth="")
        assert told["event"] == "pusher_internal:subscription_succeeded"
        assert (await ear.subscribe("chat", auth=""))["event"] == "pusher_internal:subscription_succeeded"
        await pulse.http.post("/api/users/logout", headers=headers)
        assert await ear.until_closed() == Code.SESSION_ENDED


async def test_whoever_asked_for_the_general_room_before_is_let_in_by_the_sign_in(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        for channel in ("chat", "cache-chat"):
            refused = await ear.subscribe(channel, auth="")
            assert refused["event"] == "pusher:subscription_error"
            assert "Sign in first" in refused["data"]
        await ear.send("pusher:unsubscribe", {"channel": "cache-chat"})
        assert (await signed_in(pulse, ear))["event"] == "pusher:signin_success"
        told = await ear.next()
        assert (told["event"], told["channel"]) == ("pusher_internal:subscription_succeeded", "chat")
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"


@pytest.mark.parametrize("channel", [f"#server-to-user-{BORIS}", "#server-to-user-7"])
async def test_what_is_meant_for_one_user_is_for_nobody_else(pulse: Pulse, channel: str) -> None:
    async with pusher_ear(pulse) as ear:
        assert (await ear.subscribe(channel, auth=""))["event"] == "pusher:subscription_error"
        await signed_in(pulse, ear)
        assert (await ear.subscribe(channel, auth=""))["event"] == "pusher:subscription_error"


@pytest.mark.parametrize("said", [
    {}, {"auth": "pulse:0", "user_data": '{"id":"7"}'}, {"auth": 7, "user_data": "{}"}, {"auth": "pulse:0"},
])  # fmt: skip
async def test_a_signature_that_does_not_fit_is_refused(pulse: Pulse, said: dict[str, Any]) -> None:
    async with pusher_ear(pulse) as ear:
        await ear.send("pusher:signin", said)
        error = await ear.next()
        assert (error["event"], json.loads(error["data"])["code"]) == ("pusher:error", REFUSED)


@pytest.mark.parametrize("user", [{"id": ""}, {"id": 7}, {"id": "7", "watchlist": "x"}, {"id": "7", "user_info": []}])
async def test_a_user_needs_a_name(pulse: Pulse, user: dict[str, Any]) -> None:
    async with pusher_ear(pulse) as ear:
        assert (await signed_in(pulse, ear, **user))["event"] == "pusher:error"


DEEPLY = {depth: "[" * depth + "]" * depth for depth in (1000, 10_000)}


@pytest.mark.parametrize("depth", DEEPLY)
@pytest.mark.parametrize("said", [
    '{"id":"7","watchlist":[<deep>]}', '{"id":"7","watchlist":<deep>}', '{"id":<deep>}', '{"id":<deep>,"session":{}}',
    '{"id":"7","session":<deep>}', '{"id":"7","watchlist":[7.5]}', '{"id":"7","watchlist":[""]}',
    '{"id":"7","watchlist":["' + "x" * 200 + '"]}',
])  # fmt: skip
async def test_odd_users_are_plainly_refused(pulse: Pulse, said: str, depth: int) -> None:
    user_data = said.replace("<deep>", DEEPLY[depth])
    async with pusher_ear(pulse) as ear:
        auth = pulse.house.signer.user_sign_in(pulse.house.settings.push_key, ear.socket_id, user_data)
        await ear.send("pusher:signin", {"auth": auth, "user_data": user_data})
        error = await ear.next()
        assert (error["event"], json.loads(error["data"])["code"]) == ("pusher:error", REFUSED)
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"


@pytest.mark.parametrize("depth", DEEPLY)
@pytest.mark.parametrize("channel", ["private-campaign.7", "presence-campaign.7"])
async def test_odd_members_are_plainly_refused(pulse: Pulse, channel: str, depth: int) -> None:
    key = pulse.house.settings.push_key
    async with pusher_ear(pulse) as ear:
        for said in ('{"user_id":<deep>}', '{"user_id":<deep>,"session":{}}', '{"user_id":"7","session":<deep>}'):
            channel_data = said.replace("<deep>", DEEPLY[depth])
            auth = pulse.house.signer.subscription(key, ear.socket_id, channel, channel_data)
            refused = await ear.subscribe(channel, auth=auth, channel_data=channel_data)
            assert refused["event"] == "pusher:subscription_error"
            assert len(refused["data"]) < 200


async def test_a_watchlist_has_a_hundred_names(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        error = await signed_in(pulse, ear, id="7", watchlist=[str(number) for number in range(WATCHED + 1)])
        assert json.loads(error["data"])["code"] == TOO_MANY_WATCHED


async def test_who_is_watched_is_told_of(pulse: Pulse) -> None:
    vera, kirill = uuid4().hex, uuid4().hex
    async with pusher_ear(pulse) as ear, pusher_ear(pulse) as other:
        await signed_in(pulse, other, id=kirill)
        await signed_in(pulse, ear, id="7", watchlist=[vera, kirill])
        assert watched(await ear.next()) == [("online", [kirill])]
        async with pusher_ear(pulse) as hers, pusher_ear(pulse) as tab:
            await signed_in(pulse, hers, id=vera)
            await signed_in(pulse, tab, id=vera)
            assert watched(await ear.next()) == [("online", [vera])]
        assert watched(await ear.next()) == [("offline", [vera])]


async def test_who_may_not_know_of_a_colleague_any_more_is_not_told(pulse: Pulse) -> None:
    sam = await hire(pulse.house, "sam", SALES, SUPPORT)
    tessa, olga = await hire(pulse.house, "tessa", SALES), await hire(pulse.house, "olga", SUPPORT)
    watchlist = [str(tessa), str(olga)]
    async with pusher_ear(pulse) as ear:
        await signed_in(pulse, ear, id=str(sam), watchlist=watchlist)
        async with pusher_ear(pulse) as hers:
            await signed_in(pulse, hers, id=str(tessa))
            assert watched(await ear.next()) == [("online", [str(tessa)])]
            left = await change(pulse.house, sam, lambda moderator: moderator.leave(SALES, now=now()))
            await pulse.house.directory.wait_for(left.position)
        async with pusher_ear(pulse) as hers, pusher_ear(pulse) as others, pusher_ear(pulse) as again:
            await signed_in(pulse, hers, id=str(tessa))
            await signed_in(pulse, others, id=str(olga))
            assert watched(await ear.next()) == [("online", [str(olga)])]  # and nothing of Tessa, who came and went
            await signed_in(pulse, again, id=str(sam), watchlist=watchlist)  # with what was signed before
            assert watched(await again.next()) == [("online", [str(olga)])]


def watched(frame: dict[str, Any]) -> list[tuple[str, list[str]]]:
    assert frame["event"] == "pusher_internal:watchlist_events"
    return [(event["name"], event["user_ids"]) for event in json.loads(frame["data"])["events"]]


async def test_who_signed_in_joins_presence_channels_without_more(pulse: Pulse) -> None:
    channel = f"presence-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as ear:
        await signed_in(pulse, ear, id="vera", user_info={"name": "Vera"})
        auth = pulse.house.signer.subscription(pulse.house.settings.push_key, ear.socket_id, channel)
        told = await ear.subscribe(channel, auth=auth)
        assert json.loads(told["data"])["presence"]["hash"] == {"vera": {"name": "Vera"}}


async def test_a_socket_is_one_users_for_good(pulse: Pulse) -> None:
    async with pusher_ear(pulse) as ear:
        for _ in range(2):
            assert (await signed_in(pulse, ear, id="vera"))["event"] == "pusher:signin_success"
        refused = await signed_in(pulse, ear, id="kirill")
        assert json.loads(refused["data"])["code"] == REFUSED
        assert (await ear.subscribe("#server-to-user-kirill", auth=""))["event"] == "pusher:subscription_error"


async def test_signing_in_first_is_no_way_round_the_limit_of_windows(pulse: Pulse) -> None:
    who = await hire(pulse.house, "tessa")
    async with AsyncExitStack() as ears:
        for _ in range(STAFF_TABS):
            ear = await ears.enter_async_context(pusher_ear(pulse))
            assert (await signed_in(pulse, ear, id=str(who)))["event"] == "pusher:signin_success"
        one_more = await ears.enter_async_context(pusher_ear(pulse))
        user_data = json.dumps({"id": str(who)})
        auth = pulse.house.signer.user_sign_in(pulse.house.settings.push_key, one_more.socket_id, user_data)
        await one_more.send("pusher:signin", {"auth": auth, "user_data": user_data})
        assert await one_more.until_closed() == Code.TOO_MANY_CONNECTIONS
