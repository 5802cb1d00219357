"""Clients on real sockets, and the acts that make them hear something."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_standing import Seen
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.source import source_id
from pulse.directory import Directory
from pulse.eventlog.commands import Decided
from pulse.house import House, now
from pulse.message import Author, Incoming
from pulse.push.hub import Hub
from pulse.push.porter import Porter
from pulse.push.relay import Relay
from pulse.push.ring import Ring
from pulse.push.server import PushServer
from pulse.roster.talking import talk
from pulse.tokens import Visit
from pulse.wiring.push_parts import PushParts, push_parts
from tests.conftest import Pulse
from tests.frame_promises import told_as_promised

ADMIN, ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("admin", "anna", "boris"))
SALES, SUPPORT = department_id("Sales"), department_id("Support")
WEBSITE = source_id("web", "web_site")
PATIENCE = 20

Frame = dict[str, Any]
DELIVERIES = itertools.count(1)


class Ear:
    """A client that keeps what it heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Frame] = []
        self.asides: list[Frame] = []

    async def next(self) -> Frame:
        """The next frame; what Pulse says about the connection itself is kept apart."""
        async with asyncio.timeout(PATIENCE):
            while is_pulses(frame := await self._promised()):
                self.asides.append(frame)
        self.heard.append(frame)
        return frame

    async def _promised(self) -> Frame:
        """Whatever comes, as schemas/frames/ says it does."""
        frame: Frame = json.loads(await self.socket.recv())
        assert self.socket.request is not None
        told_as_promised(frame, self.socket.request.path)
        return frame

    async def until(self, enough: Callable[[Frame], bool]) -> list[Frame]:
        """What it hears up to and with a frame, all of it at once."""
        start = len(self.heard)
        while not enough(await self.next()):
            pass
        return self.heard[start:]

    async def up_to(self, position: int) -> list[Frame]:
        """Staff frames carry the position."""
        return await self.until(lambda frame: frame.get("seq", 0) >= position)

    async def up_to_version(self, version: int) -> list[Frame]:
        """Visitors' frames carry the chat's version only."""
        return await self.until(lambda frame: frame["data"].get("version", 0) >= version)

    async def until_closed(self) -> int | None:
        """Hears what there is still to hear; returns the close code."""
        with suppress(ConnectionClosed):
            await self.until(lambda _: False)
        return self.socket.close_code

    async def say(self, said: object) -> None:
        await self.socket.send(json.dumps(said))


def is_pulses(frame: Frame) -> bool:
    return isinstance(frame, dict) and str(frame.get("type") or frame.get("event")).startswith("pulse:")


def staff_token(house: House, who: UUID) -> str:
    return house.signer.staff_token(who, now())


def staff_path(house: House, who: UUID) -> str:
    return f"/channel/ws?type=staff&access_token={staff_token(house, who)}"


def visitor_path(house: House, visit: Visit) -> str:
    return f"/channel/ws?session={visit.chat}&token={house.signer.channel_token(visit)}"


@asynccontextmanager
async def staff_ear(pulse: Pulse, who: UUID = ADMIN) -> AsyncIterator[Ear]:
    async with connect(pulse.push + staff_path(pulse.house, who)) as socket:
        yield Ear(socket)


@asynccontextmanager
async def visitor_ear(pulse: Pulse, visit: Visit) -> AsyncIterator[Ear]:
    async with connect(pulse.push + visitor_path(pulse.house, visit)) as socket:
        yield Ear(socket)


def a_visit(source: UUID = WEBSITE) -> Visit:
    """A visitor who has not said anything yet."""
    peer = uuid4().hex
    return Visit(chat_id(source, peer), source, peer, "Vera", None, int(now().timestamp()))


async def act(house: House, visit: Visit, what: Callable[[Chat], object]) -> Decided:
    """Decides something on a visitor's chat, which opens in Sales when it is new."""

    def decision(known: Chat | None) -> Chat:
        chat = known or Chat.open(
            source_id=visit.source, channel="web", peer=visit.peer, title=visit.name, group=False,
            department_id=SALES, customer_id=UUID(int=77), now=now(),
        )  # fmt: skip
        what(chat)
        return chat

    return await house.store.decide(Chat, visit.chat, decision, by="system")


async def happened(pulse: Pulse, visit: Visit, *acts: Callable[[Chat], object]) -> None:
    """Like `act`, and returns when all sockets were told: who comes later hears nothing of it."""
    for what in acts:
        await act(pulse.house, visit, what)
    bystander = a_visit()
    async with visitor_ear(pulse, bystander) as ear:
        decided = await act(pulse.house, bystander, writes("Next, please"))
        await ear.up_to_version(decided.version)


def writes(text: str, message_id: str | None = None, external_id: str | None = None) -> Callable[[Chat], None]:
    """The visitor writes."""
    delivery = external_id or f"delivery-{next(DELIVERIES)}"
    message = Incoming(delivery, Author("77", "Vera"), text, message_id=message_id or delivery)
    return lambda chat: chat.receive(message, raw="{}", now=now())


def replies(text: str, who: UUID = ANNA, client_msg_id: str | None = None) -> Callable[[Chat], int]:
    return lambda chat: chat.reply(text, moderator_id=who, client_msg_id=client_msg_id, now=now())


def assigned_to(who: UUID, seen: UUID | None = None) -> Callable[[Chat], None]:
    return lambda chat: chat.assign(who, seen=Seen(seen), now=now())


def moved_to(department: UUID) -> Callable[[Chat], None]:
    return lambda chat: chat.transfer(department, now=now())


async def hire(house: House, name: str, *departments: UUID, role: str = "moderator") -> UUID:
    """Adds a moderator, known everywhere when this returns."""
    email = f"{name}-{uuid4().hex[:6]}@pulse.example"
    invited = await Accounts(house.store, house.vault, now).invite(email, name, role, departments, "password")
    await house.directory.wait_for(invited.position)
    return moderator_id(email)


async def change(house: House, who: UUID, what: Callable[[Moderator], object]) -> Decided:
    """Decides something about a moderator; nobody waits until it is known."""

    def decision(known: Moderator | None) -> Moderator:
        assert known is not None
        what(known)
        return known

    return await house.store.decide(Moderator, who, decision, by="test")


@dataclass
class Door:
    """A push door of our own beside Pulse's, to look behind."""

    parts: PushParts
    url: str
    may_relay: asyncio.Event

    @property
    def hub(self) -> Hub:
        return self.parts.hub

    @property
    def relay(self) -> Relay:
        return self.parts.relay

    async def relaying(self) -> None:
        """Lets the relay run; returns when it is ready."""
        self.may_relay.set()
        assert self.relay.follow is not None
        await self.relay.follow.caught_up.wait()


@asynccontextmanager
async def a_door(
    house: House, clock: Callable[[], datetime] = now, hub: Hub | None = None, directory: Directory | None = None,
    ring: Ring | None = None, *, relaying: bool = True, counts: bool = False, **options: Any,
) -> AsyncIterator[Door]:  # fmt: skip
    house = house if directory is None else replace(house, directory=directory)
    parts = push_parts(house, clock, hub or Hub(), ring, counts=counts)
    relay = parts.relay
    server = PushServer(parts.channel_ws, parts.pusher, relay, Porter(**options), house.metrics)
    await parts.listen()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(talk(house.log, parts.hub.roster))
        async with server.listening("127.0.0.1", 0) as port:
            may_relay = asyncio.Event()
            running = group.create_task(relay_when(may_relay, relay))
            door = Door(parts, f"ws://127.0.0.1:{port}", may_relay)
            if relaying:
                await door.relaying()
            yield door
        running.cancel()
        talking.cancel()


async def relay_when(may_relay: asyncio.Event, relay: Relay) -> None:
    await may_relay.wait()
    await relay.run()


async def raw_socket(url: str, headers: Mapping[str, str] | None = None) -> socket.socket:
    """A socket with a small window after a handshake by hand: whoever holds it decides what is read."""
    loop = asyncio.get_running_loop()
    where = urlsplit(url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    await loop.sock_connect(line, (where.hostname, where.port))
    asked = {
        "Host": where.netloc, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(), **(headers or {}),
    }  # fmt: skip
    lines = [f"GET {where.path}?{where.query} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    await loop.sock_sendall(line, ("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += await loop.sock_recv(line, 1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return line


async def rest_of(line: socket.socket) -> int:
    """Reads a raw socket to its end; how many bytes there were."""
    loop = asyncio.get_running_loop()
    total = 0
    try:
        while some := await loop.sock_recv(line, 1 << 16):
            total += len(some)
    except ConnectionError:
        pass
    finally:
        line.close()
    return total
