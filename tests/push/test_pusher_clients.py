"""Clients that people already have, unmodified: pysher, and pusher-js in node."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pysher  # type: ignore[import-untyped]
import pytest
from pysher.channel import Channel  # type: ignore[import-untyped]

from tests.conftest import Pulse
from tests.push.ears import BORIS, PATIENCE, a_visit, act, happened, writes
from tests.push.test_news import published

PUSHER_JS = "pusher-js@8.6.0"
SCRIPT = Path(__file__).with_name("subscribe.cjs")

Told = dict[str, Any]


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
    async def connected(self) -> AsyncIterator["Pysher"]:
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
        self.bind(subscribed, "pusher_internal:subscription_succeeded", "NewChatMessage")
        self.client.connection.send_event("pusher:subscribe", {"channel": channel, **answer.json()})


async def test_pysher_subscribes_through_our_endpoint_and_hears_messages(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    headers = await pulse.sign_in("anna")
    async with Pysher(pulse).connected() as client:
        await client.subscribe_through(pulse.http, f"private-chat.{visit.chat}", headers)
        assert (await client.next())[0] == "pusher_internal:subscription_succeeded"
        await act(pulse.house, visit, writes("Anybody there?"))
        event, data = await client.next()
    assert (event, data["text"]) == ("NewChatMessage", "Anybody there?")


async def test_pysher_subscribes_with_the_apps_secret(pulse: Pulse) -> None:
    visit = a_visit()
    async with Pysher(pulse, secret=pulse.house.vault.derive("push")).connected() as client:
        subscribed = client.client.subscribe(f"private-chat.{visit.chat}")
        client.bind(subscribed, "pusher_internal:subscription_succeeded", "NewChatMessage")
        await client.next()
        await act(pulse.house, visit, writes("Hello"))
        event, data = await client.next()
    assert (event, data["text"]) == ("NewChatMessage", "Hello")


@pytest.fixture(scope="module")
async def pusher_js(cache_dir: Path) -> Path:
    """Where node finds pusher-js; installed once, skipped where that can't be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is missing, so pusher-js can't run")
    place = cache_dir / PUSHER_JS
    if not (place / "node_modules" / "pusher-js" / "package.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        install = await asyncio.create_subprocess_exec(
            npm, "install", "--no-audit", "--no-fund", "--fetch-retries=0", "--prefix", str(place), PUSHER_JS,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, said = await asyncio.wait_for(install.communicate(), 60)
        except TimeoutError:
            install.kill()
            await install.wait()
            pytest.skip(f"npm could not install {PUSHER_JS} within a minute")
        if install.returncode:
            pytest.skip(f"npm could not install {PUSHER_JS}: {said.decode(errors='replace').strip()[-300:]}")
    return place / "node_modules"


class Node:
    """pusher-js in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def until(self, event: str) -> list[Told]:
        assert self.process.stdout is not None
        told: list[Told] = []
        async with asyncio.timeout(PATIENCE):
            while not told or told[-1]["event"] != event:
                line = await self.process.stdout.readline()
                assert line, f"node ended before it was told {event}: {told}"
                told.append(json.loads(line))
        return told


@asynccontextmanager
async def listening(pulse: Pulse, modules: Path, person: str, channels: list[str]) -> AsyncIterator[Node]:
    where, headers = urlsplit(pulse.push), await pulse.sign_in(person)
    options = {
        "key": pulse.house.settings.push_key, "host": where.hostname, "port": where.port, "channels": channels,
        "endpoint": f"{pulse.house.settings.http_address}/broadcasting/auth", "authorization": headers["Authorization"],
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        "node", str(SCRIPT), json.dumps(options), stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"NODE_PATH": str(modules)},
    )  # fmt: skip
    try:
        yield Node(process)
    finally:
        process.kill()
        await process.wait()


async def test_pusher_js_hears_a_reply_on_a_chats_channel(pulse: Pulse, pusher_js: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with listening(pulse, pusher_js, "anna", [channel]) as node:
        await node.until("pusher:subscription_succeeded")
        headers = await pulse.sign_in("boris")
        answer = await pulse.http.post(f"/api/chats/{visit.chat}/messages", json={"text": "Good day"}, headers=headers)
        assert answer.status_code == 201
        told = await node.until("NewChatMessage")
    assert [one["event"] for one in told] == ["ChatAssigned", "NewChatMessage"]
    assert told[-1]["channel"] == channel
    assert told[-1]["data"]["text"] == "Good day"
    assert told[-1]["data"]["sender"] == {"id": str(BORIS), "name": "Boris"}


async def test_pusher_js_hears_on_a_moderators_channel_what_they_are_given(pulse: Pulse, pusher_js: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with listening(pulse, pusher_js, "boris", [f"private-moderator.{BORIS}"]) as node:
        await node.until("pusher:subscription_succeeded")
        given = {"moderatorId": str(BORIS)}
        headers = await pulse.sign_in("anna")
        answer = await pulse.http.post(f"/api/chats/{visit.chat}/assign-operator", json=given, headers=headers)
        assert answer.status_code == 200, answer.text
        told = await node.until("ChatAssigned")
    assert told[-1]["data"]["holder"]["name"] == "Boris"
    assert told[-1]["data"]["chat_id"] == str(visit.chat)


async def test_pusher_js_is_told_when_a_channel_is_not_for_it(pulse: Pulse, pusher_js: Path) -> None:
    async with listening(pulse, pusher_js, "anna", [f"private-moderator.{BORIS}"]) as node:
        told = await node.until("pusher:subscription_error")
    assert told[-1]["data"]["status"] == 403


async def test_pusher_js_hears_what_a_producer_publishes(pulse: Pulse, pusher_js: Path) -> None:
    async with listening(pulse, pusher_js, "boris", ["private-campaign.17"]) as node:
        await node.until("pusher:subscription_succeeded")
        await published(pulse, "campaign.updated", campaign_id=17, status="paused")
        told = await node.until("CampaignUpdated")
    assert told[-1]["data"] == {"campaign_id": 17, "status": "paused"}
