"""Stock pusher-js without WebSockets: its own HTTP fallback, streaming and polling."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conformance.node import Script, Told, running
from tests.conftest import Pulse
from tests.push.ears import a_visit, act, happened, writes
from tests.push.streams import an_http_door

WAYS = pytest.mark.parametrize("transport", ["xhr_streaming", "xhr_polling"])


@asynccontextmanager
async def fallen_back(
    pulse: Pulse, address: str, place: Path, transport: str, channels: list[str]
) -> AsyncIterator[Script]:
    where, headers = urlsplit(address), await pulse.sign_in("anna")
    options = {
        "key": pulse.house.settings.push_key, "host": where.hostname, "port": where.port, "channels": channels,
        "endpoint": f"{pulse.house.settings.http_address}/broadcasting/auth", "transport": transport,
        "authorization": headers["Authorization"],
    }  # fmt: skip
    async with running(place, "fall_back.cjs", json.dumps(options)) as script:
        yield script


def words(told: list[Told]) -> list[str]:
    return [one["data"]["text"] for one in told if one["event"] == "NewChatMessage"]


@WAYS
async def test_pusher_js_without_sockets_hears_a_chat(pulse: Pulse, node_place: Path, transport: str) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    address = pulse.house.settings.http_address
    async with fallen_back(pulse, address, node_place, transport, [f"private-chat.{visit.chat}"]) as script:
        told = await script.until("pusher:subscription_succeeded")
        assert "error" not in [one["event"] for one in told]
        await act(pulse.house, visit, writes("Anybody there? Кто-нибудь? 🙂"))
        assert words(await script.until("NewChatMessage")) == ["Anybody there? Кто-нибудь? 🙂"]


@WAYS
async def test_pusher_js_reads_more_than_one_answer_holds_without_loss(
    pulse: Pulse, node_place: Path, transport: str
) -> None:
    """256 KiB are the most that it keeps of one answer; what it is told here are two MiB."""
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    address = pulse.house.settings.http_address
    async with fallen_back(pulse, address, node_place, transport, [f"private-chat.{visit.chat}"]) as script:
        await script.until("pusher:subscription_count")
        told: list[Told] = []
        for number in range(200):
            await act(pulse.house, visit, writes(f"{number} " + "ы" * 1_500))
        while len(words(told)) < 200:
            told += await script.until("NewChatMessage")
    assert [text.split()[0] for text in words(told)] == [str(number) for number in range(200)]
    assert {one["event"] for one in told} <= {"NewChatMessage", "ChatAlert"}


@asynccontextmanager
async def balanced(*addresses: str) -> AsyncIterator[str]:
    """Every connection goes to the next process, as a balancer without stickiness has it."""
    turns = itertools.cycle(addresses)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = urlsplit(next(turns))
        there, back = await asyncio.open_connection(where.hostname, where.port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()
    writer.close()


@WAYS
async def test_pusher_js_needs_no_stickiness(pulse: Pulse, node_place: Path, transport: str) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with (
        an_http_door(pulse.house) as one,
        an_http_door(pulse.house) as two,
        balanced(one.address, two.address) as address,
        fallen_back(pulse, address, node_place, transport, [f"private-chat.{visit.chat}"]) as script,
    ):
        told = await script.until("pusher:subscription_succeeded")
        for number in range(100):
            await act(pulse.house, visit, writes(f"{number} " + "x" * 9_000))
        while len(words(told)) < 100:
            told += await script.until("NewChatMessage")
        held = [len(door.xhr.sessions) for door in (one, two)]
    assert [text.split()[0] for text in words(told)] == [str(number) for number in range(100)]
    assert sum(held) == 1, "one session all the time"
    assert [one["event"] for one in told].count("connected") == 1


@WAYS
async def test_pusher_js_starts_anew_when_its_process_has_left(pulse: Pulse, node_place: Path, transport: str) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with an_http_door(pulse.house) as door:
        channels = [f"private-chat.{visit.chat}"]
        async with fallen_back(pulse, door.address, node_place, transport, channels) as script:
            await script.until("pusher:subscription_succeeded")
            door.leave.cancel()
            await script.until("connecting")
            await script.until("pusher:subscription_succeeded")
            await act(pulse.house, visit, writes("Again"))
            assert words(await script.until("NewChatMessage")) == ["Again"]
