"""An office: a department with a policy, people in it, read models that are kept up, and workers like processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_events import ChatAssigned
from pulse.aggregates.department import Department, department_id
from pulse.aggregates.department_policy import Policy
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.delivery.routing import Routing
from pulse.directory import Directory
from pulse.embedded import Addresses
from pulse.eventlog.commands import Decided
from pulse.eventlog.envelope import Recorded, open_envelope
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import now
from pulse.presence import Presence
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.roster import Roster
from pulse.vault import Vault
from tests.conftest import STREAMS
from tests.given import SHOP, message
from tests.insisting import insist

SALES, SUPPORT = department_id("Sales"), department_id("Support")
ANNA, BORIS, NINA = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris", "nina"))
PATIENCE = 60
NUMBERS = count(1)


@dataclass
class Worker:
    """Routing as a process of its own has it."""

    log: Log
    roster: Roster
    routing: Routing
    running: asyncio.Task[None]
    following: asyncio.Task[None]

    async def hears_of(self, *people: UUID) -> None:
        online = Presence(self.roster).online()
        for one in online - set(people):
            self.roster.go(str(one))
        for one in set(people) - online:
            self.roster.come(str(one))

    async def dies(self) -> None:
        """Without a word: nothing reaches the log any more, also not that it lets go."""
        await self.log.close()
        await self.ends()

    async def ends(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])


@dataclass
class Office:
    """What happens in it; Vera writes from a new place for each chat."""

    addresses: Addresses
    log: Log
    store: EventStore
    epoch: str
    database_url: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def accounts(self) -> Accounts:
        return Accounts(self.store, Vault(b"k" * 32), now)

    async def policy(self, assign: str = "round-robin", max_chats: int | None = None, department: UUID = SALES) -> None:
        policy = Policy(assign, max_chats)
        await self.store.decide_known(Department, department, lambda it: it.change_policy(policy, now=now()), by="test")

    async def worker(self, *people: UUID) -> Worker:
        """One that runs, and has heard that these people are online."""
        log = await Log.connect(self.addresses.nats_url, name="worker")
        directory, roster = Directory(log), Roster(lambda: 0.0)
        reads = await self.stack.enter_async_context(Reads.open(self.database_url, log, size=2))
        following = asyncio.create_task(directory.run())
        await directory.ready.wait()
        routing = Routing(EventStore(log), directory, Presence(roster), reads, self.epoch, now)
        worker = Worker(log, roster, routing, asyncio.create_task(routing.run()), following)
        self.stack.push_async_callback(log.close)
        for task in (following, worker.running):
            self.stack.push_async_callback(ended, task)
        await worker.hears_of(*people)
        return worker

    async def opens(self, department: UUID = SALES, *acts: Callable[[Chat], object]) -> UUID:
        """A new chat with its first word, and what is done in the same moment."""
        peer = f"vera-{next(NUMBERS)}"

        def opened(chat: Chat) -> None:
            chat.receive(message(f"{peer}-1"), raw="{}", now=now())
            for act in acts:
                act(chat)

        await self.act(chat_id(SHOP, peer), opened, peer=peer, department=department)
        return chat_id(SHOP, peer)

    async def act(self, chat: UUID, what: Callable[[Chat], object], **opening: Any) -> Decided:
        def decision(known: Chat | None) -> Chat:
            found = known or Chat.open(
                source_id=SHOP, channel="telegram", peer=opening["peer"], title="Vera", group=False,
                department_id=opening["department"], customer_id=UUID(int=77), now=now(),
            )  # fmt: skip
            what(found)
            return found

        return await self.store.decide(Chat, chat, decision, by="test")

    async def change(self, who: UUID, what: Callable[[Moderator], object]) -> None:
        def decision(known: Moderator | None) -> Moderator:
            assert known is not None
            what(known)
            return known

        await self.store.decide(Moderator, who, decision, by="test")

    async def holder(self, chat: UUID) -> UUID | None:
        known = await self.store.load(Chat, chat)
        assert known is not None
        return known.holder_id

    async def assigned(self, *chats: UUID) -> list[UUID]:
        """Who got these chats, once everybody has got theirs."""
        async with asyncio.timeout(PATIENCE):
            return [await self._given(chat) for chat in chats]

    async def _given(self, chat: UUID) -> UUID:
        holder = await insist(lambda: self.holder(chat), lambda found: found is not None)
        assert holder is not None
        return holder

    async def assignments(self) -> list[Recorded]:
        """Every assignment there was, in the order of the log."""
        stored = [
            open_envelope(one.position, one.subject, one.body) for one in await self.log.read_all("pulse.ev.chat.>")
        ]
        return [one for one in stored if isinstance(one.event, ChatAssigned)]


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def projecting(log: Log, database_url: str, epoch: str) -> AsyncIterator[Projector]:
    projector = Projector(log, database_url, epoch)
    running = asyncio.create_task(projector.run())
    await projector.ready.wait()
    yield projector
    await ended(running)


@pytest.fixture
async def office(addresses: Addresses, log: Log, store: EventStore, database_url: str) -> AsyncIterator[Office]:
    """Anna, Boris and Nina are in Sales; Nina is in Support too."""
    epoch = await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    async with projecting(log, database_url, epoch):
        made = Office(addresses, log, store, epoch, database_url)
        for name in ("Sales", "Support"):
            await made.accounts.create_department(name)
        for name, theirs in (("anna", (SALES,)), ("boris", (SALES,)), ("nina", (SALES, SUPPORT))):
            await made.accounts.invite(f"{name}@pulse.example", name, "moderator", theirs, "password")
        async with made.stack:
            yield made
