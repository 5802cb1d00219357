"""pusher-js in node, unmodified: what moderators' pages hear, by WebSocket and where only HTTP gets through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pulse.aggregates.room import GENERAL
from pulse.push import rounds
from tests.conformance.app import library
from tests.conformance.node import Script, running
from tests.conformance.signing import signing_server
from tests.conftest import Pulse
from tests.fakes.serving import served
from tests.push.ears import BORIS, a_visit, act, happened, writes
from tests.push.test_feed_frames import published


@asynccontextmanager
async def listening(
    pulse: Pulse, place: Path, person: str, channels: list[str], asked: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Script]:  # fmt: skip
    where, http = urlsplit(pulse.push), urlsplit(pulse.house.settings.http_address)
    base, headers = pulse.house.settings.http_address, await pulse.sign_in(person)
    addresses = {
        "wsHost": where.hostname, "wsPort": where.port, "httpHost": http.hostname, "httpPort": http.port,
        "enabledTransports": ["ws"],
        "channelAuthorization": {"endpoint": f"{base}/broadcasting/auth", "transport": "ajax", "headers": headers},
        "userAuthentication": {"endpoint": f"{base}/broadcasting/user-auth", "transport": "ajax", "headers": headers},
    }  # fmt: skip
    told = {"key": pulse.house.settings.push_key, "options": addresses | options, "channels": channels} | (asked or {})
    async with running(place, "subscribe.cjs", json.dumps(told)) as script:
        yield script


@pytest.mark.parametrize("way", ["ws", "xhr_streaming", "xhr_polling"])
async def test_pusher_js_hears_a_reply_on_a_chats_channel_by_each_way(pulse: Pulse, node_place: Path, way: str) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with listening(pulse, node_place, "anna", [channel], enabledTransports=[way]) as script:
        opened = await script.until("pusher:subscription_count")
        assert next(one["event"] for one in opened if one.get("channel")) == "pusher:subscription_succeeded"
        assert opened[-1]["data"] == {"subscription_count": 1}
        headers = await pulse.sign_in("boris")
        answer = await pulse.http.post(f"/api/chats/{visit.chat}/messages", json={"text": "Good day"}, headers=headers)
        assert answer.status_code == 201
        told = await script.until("NewChatMessage")
    assert [one["event"] for one in told] == ["ChatAssigned", "NewChatMessage"]
    assert told[-1]["channel"] == channel
    assert told[-1]["data"]["text"] == "Good day"
    assert told[-1]["data"]["sender"] == {"id": str(BORIS), "name": "Boris"}


async def test_pusher_js_hears_on_a_moderators_channel_what_they_are_given(pulse: Pulse, node_place: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with listening(pulse, node_place, "boris", [f"private-moderator.{BORIS}"]) as script:
        await script.until("pusher:subscription_succeeded")
        given = {"moderatorId": str(BORIS)}
        headers = await pulse.sign_in("anna")
        answer = await pulse.http.post(f"/api/chats/{visit.chat}/assign-operator", json=given, headers=headers)
        assert answer.status_code == 200, answer.text
        told = await script.until("ChatAssigned")
    assert told[-1]["data"]["holder"]["name"] == "Boris"
    assert told[-1]["data"]["chat_id"] == str(visit.chat)


async def test_pusher_js_is_told_when_a_channel_is_not_for_it(pulse: Pulse, node_place: Path) -> None:
    async with listening(pulse, node_place, "anna", [f"private-moderator.{BORIS}"]) as script:
        told = await script.until("pusher:subscription_error")
    assert told[-1]["data"]["status"] == 403


async def test_pusher_js_hears_what_a_producer_publishes(pulse: Pulse, node_place: Path) -> None:
    async with listening(pulse, node_place, "boris", ["private-campaign.17"]) as script:
        await script.until("pusher:subscription_succeeded")
        await published(pulse, "campaign.updated", campaign_id=17, status="paused")
        told = await script.until("CampaignUpdated")
    assert told[-1]["data"] == {"campaign_id": 17, "status": "paused"}


async def test_pusher_js_opens_what_was_encrypted_for_a_channel(pulse: Pulse, node_place: Path) -> None:
    app, channel = library(pulse.house), "private-encrypted-orders"
    async with served(signing_server(app)) as address:
        signing = {"endpoint": f"{address}/auth", "transport": "ajax"}
        async with listening(pulse, node_place, "anna", [channel], channelAuthorization=signing) as script:
            await script.until("pusher:subscription_succeeded")
            await asyncio.to_thread(app.trigger, channel, "OrderPaid", {"id": 7})
            assert (await script.until("OrderPaid"))[-1]["data"] == {"id": 7}


async def test_pusher_js_comes_back_as_the_guide_says(
    pulse: Pulse, node_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands on `data` alone, so it learns where it stands from `pulse:cursor`."""
    monkeypatch.setattr(rounds, "SHARE_SECONDS", 0.01)
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    snapshot = await pulse.http.get(f"/api/chats/{visit.chat}", headers=await pulse.sign_in("anna"))
    asked = {"cursor": snapshot.headers["X-Pulse-Cursor"]}
    async with listening(pulse, node_place, "anna", [f"private-chat.{visit.chat}"], asked) as script:
        await script.until("pusher:subscription_succeeded")
        here = await act(pulse.house, visit, writes("Here"))
        await script.until("NewChatMessage")
        await script.until("pulse:cursor", lambda told: position_in(pulse, told) >= here.position)
        await script.do("disconnect")
        await script.until("state", lambda told: told["data"] == "disconnected")
        await happened(pulse, visit, writes("Away"))
        await script.do("connect")
        told = await script.until("NewChatMessage")
    assert [one["data"]["text"] for one in told if one["event"] == "NewChatMessage"] == ["Away"]


def position_in(pulse: Pulse, told: dict[str, Any]) -> int:
    return pulse.house.cursors.read(told["data"]["cursor"]).position


async def test_pusher_js_is_in_the_general_room_again_after_its_line_was_cut(pulse: Pulse, node_place: Path) -> None:
    """It subscribes again before it has signed in again, and asks only once."""
    async with listening(pulse, node_place, "anna", ["chat"], {"signs": True}) as script:
        await script.until("pusher:subscription_succeeded")
        for _ in range(2):
            await script.do("disconnect")
            await script.until("state", lambda told: told["data"] == "disconnected")
            await script.do("connect")
            await script.until("pusher:subscription_succeeded")
        headers = await pulse.sign_in("boris")
        said = await pulse.http.post(f"/api/rooms/{GENERAL}/messages", json={"text": "Good morning"}, headers=headers)
        assert said.status_code == 201, said.text
        assert (await script.until("MessageSent"))[-1]["data"]["text"] == "Good morning"
