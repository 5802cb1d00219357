"""pysher, unmodified: a client of older versions of the protocol, in threads of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pysher  # type: ignore[import-untyped]
from pysher.channel import Channel  # type: ignore[import-untyped]

from tests.conformance.app import secret_of
from tests.conftest import Pulse
from tests.push.ears import PATIENCE, a_visit, act, happened, writes

SUCCEEDED = "pusher_internal:subscription_succeeded"


class Pysher:
    """pysher runs in threads of its own; what it hears is put into a queue of ours."""

    def __init__(self, pulse: Pulse, **how: Any) -> None:
        where = urlsplit(pulse.push)
        key = pulse.house.settings.push_key
        self.client = pysher.Pusher(key, secure=False, custom_host=where.hostname, port=where.port, **how)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.bind(self.client.connection, "pusher:connection_established")

    def bind(self, source: Any, *events: str) -> None:
        for event in events:
            source.bind(event, lambda data, event=event: self.loop.call_soon_threadsafe(self.put, event, data))

    def put(self, event: str, data: Any) -> None:
        self.heard.put_nowait((event, json.loads(data or "{}")))

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Pysher]:
        self.client.connect()
        assert (await self.next())[0] == "pusher:connection_established"
        try:
            yield self
        finally:
            await asyncio.to_thread(self.client.disconnect, 0.1)  # its thread lingers in a select

    async def subscribe_through(self, http: httpx2.AsyncClient, channel: str, headers: dict[str, str]) -> None:
        """pysher's own way to an endpoint leaves out `channel_data`; this asks and passes on the whole answer."""
        asked = {"socket_id": self.client.connection.socket_id, "channel_name": channel}
        answer = await http.post("/broadcasting/auth", data=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        subscribed = self.client.channels[channel] = Channel(channel, self.client.connection)
        self.bind(subscribed, SUCCEEDED, "NewChatMessage")
        self.client.connection.send_event("pusher:subscribe", {"channel": channel, **answer.json()})


async def test_pysher_subscribes_through_our_endpoint_and_hears_messages(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    headers = await pulse.sign_in("anna")
    async with Pysher(pulse).connected() as client:
        await client.subscribe_through(pulse.http, f"private-chat.{visit.chat}", headers)
        assert (await client.next())[0] == SUCCEEDED
        await act(pulse.house, visit, writes("Anybody there?"))
        event, data = await client.next()
    assert (event, data["text"]) == ("NewChatMessage", "Anybody there?")


async def test_pysher_subscribes_with_the_apps_secret(pulse: Pulse) -> None:
    visit = a_visit()
    async with Pysher(pulse, secret=secret_of(pulse.house)).connected() as client:
        subscribed = client.client.subscribe(f"private-chat.{visit.chat}")
        client.bind(subscribed, SUCCEEDED, "NewChatMessage")
        await client.next()
        await act(pulse.house, visit, writes("Hello"))
        event, data = await client.next()
    assert (event, data["text"]) == ("NewChatMessage", "Hello")


async def test_pysher_hears_who_comes_and_goes_on_a_presence_channel(pulse: Pulse) -> None:
    secret, about = secret_of(pulse.house), {"user_id": "7", "user_info": {"name": "User 7"}}
    async with Pysher(pulse, secret=secret, user_data=about).connected() as seven:
        lounge = seven.client.subscribe("presence-lounge")
        seven.bind(lounge, SUCCEEDED, "pusher_internal:member_added", "pusher_internal:member_removed")
        assert (await seven.next())[1]["presence"]["ids"] == ["7"]
        async with Pysher(pulse, secret=secret, user_data=about | {"user_id": "8"}).connected() as eight:
            eight.bind(eight.client.subscribe("presence-lounge"), SUCCEEDED)
            assert (await eight.next())[1]["presence"]["count"] == 2
            assert await seven.next() == (
                "pusher_internal:member_added",
                {"user_id": "8", "user_info": {"name": "User 7"}},
            )
        assert await seven.next() == ("pusher_internal:member_removed", {"user_id": "8"})
