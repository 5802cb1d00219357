"""A source on a channel that a test scripts, an outbox that sends through it, and a chat with replies."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.department import Department, department_id
from pulse.aggregates.source import source_id
from pulse.channels import Capabilities, Channel, File, Outgoing
from pulse.channels.arrivals import Arrival
from pulse.channels.table import CHANNELS
from pulse.delivery.calling import ReadFile
from pulse.delivery.outbox import Outbox
from pulse.delivery.sender import Parts
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.message import Attachment
from pulse.vault import Vault
from tests.given import ANNA

PATIENCE = 20


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Script:
    """What the channel does with each call, by peer: an answer, an error to raise, or an event to wait for first."""

    acts: defaultdict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    calls: list[Outgoing] = field(default_factory=list)
    called: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def call(self, piece: Outgoing) -> str:
        async with self.called:
            self.calls.append(piece)
            self.called.notify_all()
        for act in iter(lambda: self.acts[piece.peer].pop(0) if self.acts[piece.peer] else None, None):
            if isinstance(act, asyncio.Event):
                await act.wait()
                continue
            if isinstance(act, BaseException):
                raise act
        return f"m{len(self.calls)}"

    async def until_called(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE), self.called:
            await self.called.wait_for(lambda: len(self.calls) >= times)

    @property
    def texts(self) -> list[str]:
        return [piece.text for piece in self.calls]


class Scripted(Channel):
    """A channel of the test's own. `repeats`: it counts a `random_id` once."""

    name = "scripted"
    script: Script
    capabilities = Capabilities(
        text_limit=100, file_limit=1000, receipts=False, typing=True, kinds=frozenset({"photo"})
    )

    def verify(self, headers: Mapping[str, str], body: bytes) -> None: ...

    def read(self, body: bytes) -> list[Arrival]:
        return []

    async def send(self, piece: Outgoing) -> str:
        return await type(self).script.call(piece)

    async def show_typing(self, peer: str) -> None:
        await type(self).script.call(Outgoing(peer, 0, "(typing)"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    monkeypatch.setattr(Scripted, "script", script, raising=False)
    monkeypatch.setitem(CHANNELS, "scripted", Scripted)
    return script


async def any_file(attachment: Attachment) -> File:
    return File(attachment.kind, attachment.name or "", attachment.mime or "", b"content")


@dataclass
class World:
    """One process' worth of what an outbox needs."""

    log: Log
    store: EventStore
    directory: Directory
    vault: Vault
    sources: list[UUID] = field(default_factory=list)

    async def connect(self, identifier: str = "one") -> UUID:
        accounts = Accounts(self.store, self.vault, now)
        made = await accounts.connect_source(
            "scripted", identifier, identifier, (department_id("Sales"),), settings={}, secrets={}
        )
        await self.directory.wait_for(made.position)
        self.sources.append(source_id("scripted", identifier))
        return self.sources[-1]

    @property
    def drivers(self) -> Drivers:
        return Drivers(self.directory, self.vault)

    def outbox(self, read_file: ReadFile = any_file) -> Outbox:
        parts = Parts(self.store, self.directory, self.drivers, read_file, now)
        return Outbox(parts, "epoch")

    async def act(self, peer: str, act: Callable[[Chat], object], source: UUID | None = None) -> UUID:
        """Something happens in a peer's chat, which opens first if it has to."""
        of = source or self.sources[0]

        def decision(chat: Chat | None) -> Chat:
            chat = chat or Chat.open(
                source_id=of, channel="scripted", peer=peer, title="Vera", group=peer.startswith("-"),
                department_id=None, customer_id=UUID(int=7), now=now(),
            )  # fmt: skip
            act(chat)
            return chat

        await self.store.decide(Chat, chat_id(of, peer), decision, by="system")
        return chat_id(of, peer)

    async def reply(self, peer: str, text: str, source: UUID | None = None, **more: tuple[Attachment, ...]) -> UUID:
        return await self.act(
            peer, lambda chat: chat.reply(text, moderator_id=ANNA, client_msg_id=None, now=now(), **more), source
        )

    async def until(self, chat: UUID, kind: type, times: int = 1) -> None:
        """Waits until a kind of event happened so often in a chat."""
        async with asyncio.timeout(PATIENCE):
            found = 0
            async for page in Follow(self.log, 0):
                for stored in page:
                    if stored.subject.endswith(chat.hex):
                        event = open_envelope(stored.position, stored.subject, stored.body).event
                        found += isinstance(event, kind)
                if found >= times:
                    return

    async def events(self, chat: UUID) -> list[str]:
        """The names of what happened to a chat's replies, in order."""
        found = []
        for stored in await self.log.read_all(f"pulse.ev.chat.*.{chat.hex}"):
            event = open_envelope(stored.position, stored.subject, stored.body).event
            found.append(type(event).__name__)
        return [name for name in found if name.startswith("Reply")]

    async def chat(self, chat: UUID) -> Chat:
        found = await self.store.load(Chat, chat)
        assert found is not None
        return found


@pytest.fixture
async def world(log: Log, store: EventStore, script: Script) -> AsyncIterator[World]:
    directory = Directory(log)
    following = asyncio.create_task(directory.run())
    await directory.ready.wait()

    def made(known: Department | None) -> Department:
        return known or Department.create("Sales", now=now())

    await store.decide(Department, department_id("Sales"), made, by="system")
    world = World(log, store, directory, Vault(bytes(32)))
    await world.connect()
    yield world
    following.cancel()
    await asyncio.wait([following])


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[Outbox]:
    """Sends while the test is inside."""
    task = asyncio.create_task(outbox.run())
    waiting = asyncio.create_task(outbox.begun.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield outbox
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
