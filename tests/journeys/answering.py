"""A Pulse between a Telegram and a VK, Anna who answers there, and `pulse deliver` as a process that can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
from websockets.asyncio.client import connect

from pulse.aggregates.chat import chat_id
from pulse.aggregates.source import source_id
from pulse.channels.pieces import pieces_of
from pulse.channels.table import CHANNELS
from pulse.demo import SOURCES
from tests.conftest import Pulse
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import FakeVk
from tests.insisting import insist
from tests.push.ears import ADMIN, ANNA, staff_path, staff_token
from tests.world import accounts

PULSE = [sys.executable, "-m", "pulse.cli"]
IDENTIFIERS = {source.channel: source.identifier for source in SOURCES}
IDS = {channel: source_id(channel, identifier) for channel, identifier in IDENTIFIERS.items()}
ARRIVED = ("sent", "delivered", "read")
SETTLED = (*ARRIVED, "uncertain", "failed")
ASK_SECONDS = 0.1

Status = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Written:
    """A reply of Anna's. `pieces` are the messages that it must become."""

    channel: str
    person: int
    id: int
    text: str

    @property
    def chat(self) -> UUID:
        return chat_of(self.channel, self.person)

    @property
    def pieces(self) -> list[str]:
        return [text for text, _ in pieces_of(CHANNELS[self.channel].capabilities, self.text, ())]


def chat_of(channel: str, person: int) -> UUID:
    return chat_id(IDS[channel], str(person))


@dataclass
class Talks:
    """What the customers, Anna and the admins do and see."""

    pulse: Pulse
    telegram: FakeTelegram
    vk: FakeVk
    written: list[Written] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)

    async def connect(self, *, telegram_token: str = "", vk_token: str = "") -> None:
        """Both sources talk to the fakes, and the fakes to their webhooks."""
        await self.change("telegram", {"api_url": self.telegram.address}, telegram_token or min(self.telegram.tokens))
        await self.change("vk", {"api_url": self.vk.api_url}, vk_token or self.vk.token)
        base = str(self.pulse.http.base_url).rstrip("/")
        self.telegram.webhook, self.telegram.secret = base + self.pulse.webhook("telegram"), "pulse-demo-telegram"
        self.vk.webhook = base + self.pulse.webhook("vk")

    async def change(self, channel: str, settings: dict[str, str], token: str, **secrets: str) -> None:
        changed = await accounts(self.pulse).change_source(
            IDS[channel], settings=settings, secrets={"token": token, **secrets}
        )
        await self.pulse.house.directory.wait_for(changed.position)

    async def hear(self, channel: str, person: int, text: str = "Where is my order?") -> None:
        """A customer writes."""
        await (self.telegram if channel == "telegram" else self.vk).message(person, text)

    async def ask(self, method: str, address: str, body: object = None) -> httpx2.Response:
        """As Anna; her token is good for minutes only."""
        headers = {"Authorization": f"Bearer {staff_token(self.pulse.house, ANNA)}"}
        return await self.pulse.http.request(method, address, json=body, headers=headers)

    async def upload(self, channel: str, person: int, name: str, mime: str, content: bytes) -> str:
        """Brings a file for a reply; returns its claim."""
        headers = {"Authorization": f"Bearer {staff_token(self.pulse.house, ANNA)}"}
        address, file = f"/api/chats/{chat_of(channel, person)}/files", {"file": (name, content, mime)}
        answer = await self.pulse.http.post(address, files=file, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["files"][0]["claim"])

    async def answer(self, channel: str, person: int, text: str, files: Sequence[str] = ()) -> Written:
        """As clients do: the same clientMsgId until there is an answer."""
        address = f"/api/chats/{chat_of(channel, person)}/messages"
        body = {"text": text, "clientMsgId": text[:40], "files": list(files)}
        answer = await insist(
            lambda: self.ask("POST", address, body), lambda answer: answer.status_code != 503, despite=httpx2.HTTPError
        )
        assert answer.status_code in (200, 201), answer.text
        reply = Written(channel, person, answer.json()["id"], text)
        self.written.append(reply)
        return reply

    async def decide(self, reply: Written, choice: str) -> None:
        """`arrived` or `send-again`."""
        answer = await self.ask("POST", f"/api/chats/{reply.chat}/messages/{reply.id}/{choice}")
        assert answer.status_code == 200, answer.text
        await self.pulse.projected.reach(answer.json()["position"])

    async def shown(self) -> dict[Status, dict[str, Any]]:
        """Every reply as `GET messages` shows it now; none while the read models are away."""
        found: dict[Status, dict[str, Any]] = {}
        for chat in {reply.chat for reply in self.written}:
            answer = await self.ask("GET", f"/api/chats/{chat}/messages?limit=200")
            if answer.status_code != 200:
                return {}
            found |= {(chat, entry["id"]): entry for entry in answer.json()["items"]}
        return {key: found[key] for reply in self.written if (key := (reply.chat, reply.id)) in found}

    async def until_all(self, *statuses: str) -> dict[Status, dict[str, Any]]:
        """Returns every reply, once each of them is shown with one of these statuses."""
        return await insist(
            self.shown,
            lambda shown: len(shown) == len(self.written) and all(e["status"] in statuses for e in shown.values()),
            pause=ASK_SECONDS, despite=httpx2.HTTPError,
        )  # fmt: skip

    async def until_shown(self, good: Callable[[dict[Status, dict[str, Any]]], object]) -> None:
        await insist(self.shown, good, pause=ASK_SECONDS, despite=(httpx2.HTTPError, KeyError))

    async def until(self, reply: Written, *statuses: str) -> dict[str, Any]:
        """Returns a reply once it is shown with one of these statuses."""
        key = (reply.chat, reply.id)
        shown = await insist(self.shown, lambda shown: key in shown and shown[key]["status"] in statuses)
        return shown[key]

    def at_customer(self, reply: Written) -> list[str]:
        """All that the customer of a reply got, oldest first."""
        return (self.telegram if reply.channel == "telegram" else self.vk).seen_in(reply.person)

    def told(self) -> dict[Status, list[str]]:
        """What the staff socket said of each reply, in order."""
        said: defaultdict[Status, list[str]] = defaultdict(list)
        for frame in self.frames:
            if frame["type"] == "chat.message.status":
                for number in frame["data"]["ids"]:
                    said[UUID(frame["session_id"]), number].append(frame["data"]["status"])
        return said

    async def until_told(self, shown: dict[Status, dict[str, Any]]) -> None:
        """Returns once the socket has said last what `GET messages` shows."""

        async def last() -> dict[Status, str]:
            return {key: said[-1] for key, said in self.told().items()}

        await insist(last, lambda said: all(said.get(key) == entry["status"] for key, entry in shown.items()))

    async def until_alerted(self, kind: str, times: int = 1) -> dict[str, Any]:
        """Returns the first alert of a kind, once there were so many."""

        async def alerts() -> list[dict[str, Any]]:
            return [frame for frame in self.frames if frame["type"] == kind]

        return (await insist(alerts, lambda found: len(found) >= times))[0]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keeps all that an admin's socket says."""
        async with connect(self.pulse.push + staff_path(self.pulse.house, ADMIN), max_queue=None) as socket:

            async def listen() -> None:
                async for frame in socket:
                    self.frames.append(json.loads(frame))

            listening = asyncio.create_task(listen())
            yield
            listening.cancel()
            await asyncio.wait([listening])


@asynccontextmanager
async def talking(pulse: Pulse, telegram: FakeTelegram, vk: FakeVk) -> AsyncIterator[Talks]:
    talks = Talks(pulse, telegram, vk)
    await talks.connect()
    async with talks.listening():
        yield talks


class Heard:
    """What goes by on a subject of nats-server, for whoever waits for the next so many."""

    def __init__(self, wanted: tuple[bytes, ...] = (b"",)) -> None:
        self.count = 0
        self._wanted = wanted
        self._came = asyncio.Condition()

    async def hear(self, body: bytes) -> None:
        if any(name in body for name in self._wanted):
            async with self._came:
                self.count += 1
                self._came.notify_all()

    async def until(self, count: int) -> None:
        async with self._came:
            await self._came.wait_for(lambda: self.count >= count)


def environment_of(pulse: Pulse) -> dict[str, str]:
    """What another process of the same Pulse is told."""
    house = pulse.house
    return {
        **os.environ, "PULSE_DATA_DIR": str(house.settings.data_dir), "PULSE_NATS_URL": house.addresses.nats_url,
        "PULSE_NATS_MONITOR_URL": house.addresses.nats_monitor_url,
        "PULSE_DATABASE_URL": house.addresses.database_url, "PULSE_LOG_LEVEL": "debug",
    }  # fmt: skip


class Delivering:
    """`pulse deliver`, started and killed as often as a test likes. `said` is where all that it says is kept."""

    def __init__(self, pulse: Pulse) -> None:
        self.said = pulse.house.settings.data_dir / "deliver.log"
        self._environment = environment_of(pulse)
        self._process: Process | None = None

    async def start(self) -> None:
        """Returns when it is ready; it may have to wait for the lease of one that was killed."""
        with self.said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *PULSE, "deliver", env=self._environment, stdout=PIPE, stderr=said
            )
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert b"pulse deliver is ready" in line, self.said.read_text()

    async def kill(self) -> None:
        assert self._process is not None
        assert self._process.returncode is None, f"it ended by itself:\n{self.said.read_text()}"
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            await self._process.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()


async def run_pulse(pulse: Pulse, *words: str) -> str:
    """A command of the same Pulse, to its end."""
    process = await asyncio.create_subprocess_exec(*PULSE, *words, env=environment_of(pulse), stdout=PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
