"""Who is there on a day at the desk: colleagues with an HTTP client and a socket, customers on three channels, two processes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from websockets.asyncio.client import connect

from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import FakeVk
from tests.insisting import insist
from tests.journeys.answering import IDS, chat_of
from tests.journeys.processes import Doors, beside
from tests.promises import as_promised
from tests.push.ears import Ear, Frame
from tests.push.test_protocol import PusherEar
from tests.world import is_problem

ZOYA, IGOR = 5230011842, 615550142  # as Telegram and VK know them
Json = dict[str, Any]


@dataclass
class Colleague:
    """Somebody with a browser, which keeps its cookie. What they read shows what they did or heard of before: `at`."""

    email: str
    push: str
    http: httpx2.AsyncClient
    token: str = ""
    at: int = 0
    window: Ear | None = None

    @property
    def id(self) -> UUID:
        return moderator_id(self.email)

    async def ask(self, method: str, address: str, body: object = None, **query: object) -> httpx2.Response:
        params = {name: str(value) for name, value in query.items()}
        own_write = {"X-Pulse-Position": str(self.at)}
        return await self.http.request(method, address, json=body, params=params, headers=own_write)

    async def done(self, method: str, address: str, body: object = None, **query: object) -> Json:
        """It went well; returns what the answer says."""
        answer = await self.ask(method, address, body, **query)
        assert answer.is_success, answer.text
        said: Json = answer.json() if answer.content else {}
        self.at = max(self.at, said.get("position", 0))
        self.token = said.get("access_token", self.token)
        return said

    async def refused(self, status: int, code: str, method: str, address: str, body: object = None) -> Json:
        return is_problem(await self.ask(method, address, body), status, code)

    async def sign_in(self, password: str) -> Json:
        return await self.done("POST", "/api/users/login", {"email": self.email, "password": password})

    async def until(self, good: Callable[[Json], object], address: str, **query: object) -> Json:
        """Reads until what another process does is seen."""
        return await insist(lambda: self.done("GET", address, **query), good)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """With a staff socket, by a fresh token."""
        await self.done("GET", "/api/users/me")
        async with connect(f"{self.push}/channel/ws?type=staff&access_token={self.token}", max_queue=None) as socket:
            self.window = Ear(socket)
            yield

    async def hears(self, meant: Callable[[Frame], bool]) -> Frame:
        """The frame that is meant, whether it has come already or is still to come."""
        assert self.window is not None
        found = next((frame for frame in self.window.heard if meant(frame)), None)
        found = found or (await self.window.until(meant))[-1]
        self.at = max(self.at, found.get("seq", 0))
        return found

    def told_of(self, chat: UUID, after: int) -> list[str]:
        """The kinds of frames about a chat that came after a position."""
        assert self.window is not None
        heard = self.window.heard
        return [one["type"] for one in heard if one.get("session_id") == str(chat) and one.get("seq", 0) > after]


def at(position: int, kind: str) -> Callable[[Frame], bool]:
    """The frame of one event of the log."""
    return lambda frame: (frame.get("seq"), frame["type"]) == (position, kind)


def later(position: int, kind: str) -> Callable[[Frame], bool]:
    """The first frame of a kind after a position."""
    return lambda frame: frame.get("seq", 0) > position and frame["type"] == kind


def saying(text: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["type"] == "chat.message" and frame["data"]["text"] == text


def attending(chat: UUID, **typing: bool) -> Callable[[Frame], bool]:
    """These look at a chat, and type or not."""
    return lambda frame: (
        (frame["type"], frame.get("session_id")) == ("chat.viewers", str(chat))
        and {viewer["name"].lower(): viewer["typing"] for viewer in frame["data"]["viewers"]} == typing
    )


@dataclass
class Vera:
    """A visitor of the website."""

    http: httpx2.AsyncClient
    push: str
    ears: AsyncExitStack
    session: Json = field(default_factory=dict)
    window: Ear | None = None

    async def arrives(self) -> None:
        """Her browser listens before she says anything."""
        answer = await self.http.post("/api/widget/session", json={"source": "web_site", "name": "Vera"})
        self.session = answer.json()
        address = f"{self.push}/channel/ws?session={self.chat}&token={self.session['token']}"
        self.window = Ear(await self.ears.enter_async_context(connect(address)))

    async def hears_up_to(self, text: str) -> list[Frame]:
        """All that she was told from the beginning."""
        assert self.window is not None
        await self.window.until(saying(text))
        return self.window.heard

    @property
    def chat(self) -> UUID:
        return UUID(self.session["chat_id"])

    async def writes(self, text: str) -> None:
        bearer = {"Authorization": f"Bearer {self.session['chat_token']}"}
        answer = await self.http.post("/api/widget/messages", json={"text": text}, headers=bearer)
        assert answer.status_code == 201, answer.text


@dataclass
class Day:
    """Anna's laptop and the admin work at one process of Pulse, Boris and Anna's phone at another."""

    pulse: Pulse
    telegram: FakeTelegram
    vk: FakeVk
    admin: Colleague
    anna: Colleague
    phone: Colleague
    boris: Colleague
    vera: Vera
    secret: str = ""

    @property
    def zoyas(self) -> UUID:
        return chat_of("telegram", ZOYA)

    @property
    def igors(self) -> UUID:
        return chat_of("vk", IGOR)

    @property
    def key(self) -> str:
        """Of the sockets that speak Pusher's protocol."""
        return self.pulse.house.settings.push_key

    async def connect(self) -> None:
        """The admin gives both sources their tokens, and the providers post to their webhooks."""
        accounts = {
            "telegram": (self.telegram.address, min(self.telegram.tokens)),
            "vk": (self.vk.api_url, self.vk.token),
        }
        for channel, (address, token) in accounts.items():
            wanted = {"settings": {"api_url": address}, "secrets": {"token": token}}
            await self.admin.done("PATCH", f"/api/sources/{IDS[channel]}", wanted)
        base = str(self.pulse.http.base_url).rstrip("/")
        self.telegram.webhook, self.telegram.secret = base + self.pulse.webhook("telegram"), "pulse-demo-telegram"
        self.vk.webhook = base + self.pulse.webhook("vk")


@asynccontextmanager
async def a_day(pulse: Pulse, telegram: FakeTelegram, vk: FakeVk, logs: Path) -> AsyncIterator[Day]:
    here = Doors(str(pulse.http.base_url), pulse.push)
    async with AsyncExitStack() as stack, beside(pulse, logs) as there:

        async def browser(doors: Doors, agent: str) -> httpx2.AsyncClient:
            held = {"response": [as_promised]}
            client = httpx2.AsyncClient(
                base_url=doors.http, timeout=10, headers={"User-Agent": agent}, event_hooks=held
            )  # fmt: skip
            return await stack.enter_async_context(client)

        async def colleague(email: str, doors: Doors, agent: str) -> Colleague:
            return Colleague(email, doors.push, await browser(doors, agent))

        yield Day(
            pulse, telegram, vk,
            admin=await colleague("admin@pulse.example", here, "Office"),
            anna=await colleague("anna@pulse.example", here, "Laptop"),
            phone=await colleague("anna@pulse.example", there, "Phone"),
            boris=await colleague("boris@new.example", there, "Laptop"),
            vera=Vera(await browser(here, "Website"), there.push, stack),
        )  # fmt: skip


@asynccontextmanager
async def subscribed(who: Colleague, key: str, channel: str) -> AsyncIterator[PusherEar]:
    """A Pusher socket of theirs on a channel, signed by the desk as pusher-js has it done."""
    async with connect(f"{who.push}/app/{key}?protocol=7&client=js&version=8.6.0&flash=false") as socket:
        ear = PusherEar(socket)
        ear.socket_id = json.loads((await ear.next())["data"])["socket_id"]
        asked = {"socket_id": ear.socket_id, "channel_name": channel}
        answer = await ear.subscribe(channel, **await who.done("POST", "/broadcasting/auth", asked))
        assert answer["event"] == "pusher_internal:subscription_succeeded", answer
        yield ear
