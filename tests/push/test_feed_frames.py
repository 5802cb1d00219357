"""What producers publish reaches the sockets of its channel, and nobody who may not hear it."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

from pulse.aggregates.feed import CloudEvent, EventPublished, Feed, Telling
from pulse.cursors import Cursors
from pulse.demo import demo_summary
from pulse.eventlog.envelope import open_envelope, seal, subject_of
from pulse.house import now
from pulse.push.codes import Code
from pulse.push.encoding import Told
from pulse.push.feed_frames import feed_frames
from pulse.push.framing import placed
from tests.conftest import Pulse
from tests.given import NOW
from tests.producing import STRUCTURED, a_shop, an_event, encoded, signed
from tests.push.ears import ANNA, BORIS, Frame, a_visit, change, happened, hire, writes
from tests.push.test_protocol import PusherEar, pusher_ear
from tests.push.test_protocol import signed as subscription


async def published(pulse: Pulse, type_: str, **data: object) -> None:
    """Posts an event as the demo's producer of its family does."""
    family = "money" if type_.startswith("money") else "campaigns"
    [producer] = [each for each in demo_summary(str(pulse.http.base_url), "")["producers"] if each["name"] == family]
    content = encoded(an_event(type=type_, data=data))
    headers = signed(content, producer["secret"]) | STRUCTURED
    answer = await pulse.http.post(producer["webhook_url"], content=content, headers=headers)
    assert answer.status_code == 202, answer.text


async def authorised(pulse: Pulse, ear: PusherEar, name: str, channel: str) -> int:
    """Subscribes as pusher-js does, by way of `/broadcasting/auth`; returns what that answered."""
    asked = {"socket_id": ear.socket_id, "channel_name": channel}
    answer = await pulse.http.post("/broadcasting/auth", data=asked, headers=await pulse.sign_in(name))
    if answer.status_code == 200:
        told = await ear.subscribe(channel, **answer.json())
        assert told["event"] == "pusher_internal:subscription_succeeded"
    return answer.status_code


async def heard(ear: PusherEar) -> list[Frame]:
    """All that a socket got by now: whatever was written before the answer to a ping."""
    await ear.send("pusher:ping", {})
    return (await ear.until(lambda frame: frame["event"] == "pusher:pong"))[:-1]


async def told_all(pulse: Pulse) -> None:
    """Returns when every socket was told of what is in the log."""
    await happened(pulse, a_visit(), writes("Next, please"))


async def test_every_moderator_hears_a_campaign_they_subscribed_to_and_no_other(pulse: Pulse) -> None:
    mine, other = uuid4().hex[:8], uuid4().hex[:8]
    async with pusher_ear(pulse) as anna, pusher_ear(pulse) as boris:
        assert await authorised(pulse, anna, "anna", f"private-campaign.{mine}") == 200
        assert await authorised(pulse, boris, "boris", f"private-campaign.{other}") == 200
        for event in ("updated", "activated", "deactivated"):
            await published(pulse, f"campaign.{event}", campaign_id=mine)
        await published(pulse, "campaign.budget-changed", campaign_id=mine, budget="5.00")
        await told_all(pulse)
        frames = await heard(anna)
        assert [frame["event"] for frame in frames] == [
            "CampaignUpdated", "CampaignActivated", "CampaignDeactivated", "BudgetChanged",
        ]  # fmt: skip
        assert {frame["channel"] for frame in frames} == {f"private-campaign.{mine}"}
        assert json.loads(frames[-1]["data"]) == {"campaign_id": mine, "budget": "5.00"}
        assert frames[-1]["seq"] > frames[0]["seq"]
        assert await heard(boris) == []


async def test_money_is_told_to_its_owner_only(pulse: Pulse) -> None:
    channel = f"private-financial.{ANNA}"
    async with AsyncExitStack() as ears:
        anna, boris, admin = [await ears.enter_async_context(pusher_ear(pulse)) for _ in range(3)]
        assert await authorised(pulse, anna, "anna", channel) == 200
        assert await authorised(pulse, boris, "boris", channel) == 403
        assert await authorised(pulse, admin, "admin", channel) == 403
        # A signature that was made for Boris by whoever: rights are asked at subscribing too.
        refused = await boris.subscribe(channel, **subscription(pulse, boris, channel, BORIS))
        assert refused["event"] == "pusher:subscription_error"
        for event, more in (
            ("deposit-completed", "amount"),
            ("withdrawal-processed", "amount"),
            ("balance-updated", "balance"),
        ):
            await published(pulse, f"money.{event}", user_id=str(ANNA), **{more: "10.00"})
        await published(pulse, "money.balance-updated", user_id=str(BORIS), balance="0")
        await told_all(pulse)
        events = [frame["event"] for frame in await heard(anna)]
        assert events == ["DepositCompleted", "WithdrawalProcessed", "BalanceUpdated"]
        assert await heard(boris) == await heard(admin) == []


async def test_an_account_that_was_closed_hears_nothing_more(pulse: Pulse) -> None:
    nina = await hire(pulse.house, "nina")
    campaign = uuid4().hex[:8]
    channel = f"private-campaign.{campaign}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **subscription(pulse, ear, channel, nina))
        await published(pulse, "campaign.updated", campaign_id=campaign)
        await told_all(pulse)
        assert len(await heard(ear)) == 1
        await change(pulse.house, nina, lambda who: who.disable(now=now()))
        await published(pulse, "campaign.updated", campaign_id=campaign)
        await told_all(pulse)
        before = len(ear.heard)
        assert (await ear.until_closed(), ear.heard[before:]) == (Code.SESSION_ENDED, [])


async def test_a_server_that_holds_the_apps_secret_hears_what_it_subscribed_to(pulse: Pulse) -> None:
    channel = f"private-campaign.{uuid4().hex[:8]}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **subscription(pulse, ear, channel, None))
        await published(pulse, "campaign.updated", campaign_id=channel.split(".")[1])
        await told_all(pulse)
        assert [frame["channel"] for frame in await heard(ear)] == [channel]


async def test_a_repeat_is_told_once(pulse: Pulse) -> None:
    shop = await a_shop(pulse)
    order = 7
    event = an_event(data={"order": order})
    channel = f"private-orders.{order}"
    async with pusher_ear(pulse) as ear:
        assert await authorised(pulse, ear, "anna", channel) == 200
        for _ in range(3):
            await shop.post(event)
        await told_all(pulse)
        assert [(frame["event"], frame["data"]) for frame in await heard(ear)] == [("OrderPaid", '{"order":7}')]


def test_only_what_was_published_is_told() -> None:
    feed = Feed.open(UUID(int=5), "private-orders.7", now=NOW)
    told = Telling("private-orders.7", "OrderPaid", "staff")
    feed.publish(CloudEvent("1", "/shop", "order.paid", data=["x"]), told, delivery=None, now=NOW)
    opened, published_ = [
        open_envelope(9, subject_of("feed", feed.id), seal(event, event_id=UUID(int=3), by="producer"))
        for event in feed.collect_events()
    ]
    assert isinstance(published_.event, EventPublished)
    assert list(feed_frames(opened)) == []
    [frame] = placed(published_, feed_frames(published_))
    assert frame.channels == ("private-orders.7", "presence-orders.7")
    wire = Told(frame, Cursors("abcdef0123", bytes(32))).for_channel("private-orders.7")
    assert json.loads(wire.payload) == {
        "event": "OrderPaid", "channel": "private-orders.7", "data": '["x"]', "seq": 9, "id": str(UUID(int=3)),
        "cursor": "abcdef01.9.1",
    }  # fmt: skip
