"""A log, subscribers in it, and workers that tell real receivers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.subscriber import Subscriber
from pulse.delivery.public_event import TYPES
from pulse.delivery.subscribers import Subscribers
from pulse.delivery.telling import Schedule
from pulse.directory import Directory
from pulse.eventlog.envelope import new_event_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.progress import Progress, Progresses
from pulse.subscribing import Subscribing
from pulse.vault import Vault
from tests.fakes.receiver import Receiver, a_receiver
from tests.given import a_chat, vera_writes

EPOCH = "e1"
AT_ONCE = (0.0,) * 9


@dataclass
class World:
    """Everything around the workers."""

    log: Log
    store: EventStore
    stack: AsyncExitStack
    vault: Vault = field(default_factory=lambda: Vault(b"k" * 32))
    inside: set[str] = field(default_factory=set)

    def subscribing(self, *, trusting: bool = True) -> Subscribing:
        inside = frozenset(self.inside) if trusting else frozenset[str]()
        return Subscribing(self.store, self.vault, now, types=TYPES, inside=inside)

    async def receiver(self) -> Receiver:
        receiver = await self.stack.enter_async_context(a_receiver())
        self.inside.add(receiver.place)
        return receiver

    async def subscribe(self, receiver: Receiver, *types: str, position: int | None = None) -> UUID:
        subscriber_id = new_event_id()
        _, receiver.secret = await self.subscribing().register(
            subscriber_id, url=f"{receiver.address}/hooks", types=types or ("chat.message-received",), title="CRM",
            position=position, by="test",
        )  # fmt: skip
        return subscriber_id

    async def vera_writes(self, *texts: str, peer: str = "77") -> list[int]:
        """A message for each text; returns their positions."""
        chat = a_chat(peer)
        positions = []
        for text in texts:
            name = f"{peer}-{new_event_id()}"

            def decision(known: Chat | None, text: str = text, name: str = name) -> Chat:
                found = known or a_chat(peer)
                vera_writes(name, text=text)(found)
                return found

            positions.append((await self.store.decide(Chat, chat.id, decision, by="customer")).position)
        return positions

    @asynccontextmanager
    async def worker(
        self, delays: tuple[float, ...] = AT_ONCE, clock: Callable[[], datetime] = now, *, trusting: bool = True
    ) -> AsyncIterator[Directory]:
        """A worker as a process would run it; yields what it knows of the subscribers."""
        directory = Directory(self.log)
        subscribers = Subscribers(
            directory, self.subscribing(trusting=trusting), EPOCH, schedule=Schedule(clock, delays)
        )
        following = asyncio.create_task(directory.run())
        await directory.ready.wait()
        working = asyncio.create_task(subscribers.run())
        yield directory
        for task in (working, following):
            task.cancel()
        await asyncio.wait([working, following])

    async def one(self, subscriber_id: UUID) -> Subscriber:
        return await self.subscribing().one(subscriber_id)

    async def progress(self, subscriber_id: UUID) -> Progress:
        return await Progresses(Notes(self.log), EPOCH).of(await self.one(subscriber_id))


@pytest.fixture
async def world(log: Log, store: EventStore) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(log, store, stack)


@pytest.fixture
async def receiver(world: World) -> Receiver:
    return await world.receiver()
