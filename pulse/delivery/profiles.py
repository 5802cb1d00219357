"""Asks channels who their customers are, where deliveries bring no names: when somebody is met, then daily at most.

What was asked when is in the log, so neither a restart nor a second process asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_events import MessageReceived
from pulse.aggregates.customer import Customer, CustomerLookedUp, CustomerMet, customer_id
from pulse.channels import Channel, Profile
from pulse.errors import PulseError, Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER, PREFIX, Recorded, open_stored
from pulse.eventlog.follow import Follow, until_told
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore

FRESH = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)
REMEMBERED, WAITING = 100_000, 10_000
TRIES, RETRY_SECONDS, ASK_SECONDS = 5, 30.0, 10.0

log = structlog.get_logger(__name__)

Drivers = Callable[[UUID], Channel | None]
Asked = tuple[UUID, str]


class Profiles:
    """One question at a time per source, so that a slow one delays no other. `clock` says now."""

    def __init__(
        self, source: Log, store: EventStore, drivers: Drivers, clock: Callable[[], datetime],
        *, retry_seconds: float = RETRY_SECONDS,
    ) -> None:  # fmt: skip
        self.source = source
        self.store = store
        self.drivers = drivers
        self.clock = clock
        self.retry_seconds = retry_seconds
        self._nameless: dict[UUID, Asked] = {}
        self._asked_at: OrderedDict[UUID, datetime] = OrderedDict()
        self._waiting: dict[UUID, asyncio.Queue[str]] = {}

    async def run(self) -> None:
        """Follows the log for ever. Starts with everybody who was met and never asked for, from the first event on."""
        position = await until_told(self.source.last_position)
        customers = Follow(self.source, 0, subjects=(f"{PREFIX}.customer.>",))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_customers(customers, group))
            group.create_task(self._follow_messages(position, group))
            await customers.caught_up.wait()
            self._ask_nameless(group)

    async def _follow_customers(self, customers: Follow, group: asyncio.TaskGroup) -> None:
        async for page in customers:
            for recorded in readable(page):
                self._learn(recorded)
            if customers.caught_up.is_set():
                self._ask_nameless(group)

    async def _follow_messages(self, position: int, group: asyncio.TaskGroup) -> None:
        async for page in Follow(self.source, position, subjects=(f"{PREFIX}.chat.>",)):
            for recorded in readable(page):
                source, event = recorded.scope.source, recorded.event
                if source is not None and isinstance(event, MessageReceived) and not event.message.author.name:
                    await self._consider(source, event.message.author.id, group)

    def _learn(self, recorded: Recorded) -> None:
        match recorded.event:
            case CustomerMet(source_id=source, peer=peer, name="") if self._tells(source):
                self._nameless[recorded.aggregate_id] = (source, peer)
            case CustomerLookedUp():
                self._nameless.pop(recorded.aggregate_id, None)
                self._remember(recorded.aggregate_id, recorded.at)

    def _ask_nameless(self, group: asyncio.TaskGroup) -> None:
        nameless, self._nameless = self._nameless, {}
        for customer, (source, peer) in nameless.items():
            if customer not in self._asked_at:
                self._ask(source, peer, group)

    async def _consider(self, source: UUID, peer: str, group: asyncio.TaskGroup) -> None:
        """Somebody wrote. Only who is not in memory costs a look into the log, and here nobody waits for that.

        Who only speaks in a group was never met, and is not asked for.
        """
        known = customer_id(source, peer)
        if known not in self._asked_at and self._tells(source):
            with suppress(Trouble):
                customer = await self.store.load(Customer, known)
                if known not in self._asked_at:  # meanwhile they may have been asked for
                    self._remember(known, self.clock() if customer is None else customer.looked_up_at or NEVER)
        if known in self._asked_at and self.clock() - self._asked_at[known] >= FRESH:
            self._ask(source, peer, group)

    def _tells(self, source: UUID) -> bool:
        """Can this source be asked?"""
        with suppress(PulseError):  # a secret that can't be opened
            driver = self.drivers(source)
            return driver is not None and driver.capabilities.profiles
        return False

    def _ask(self, source: UUID, peer: str, group: asyncio.TaskGroup) -> None:
        if source not in self._waiting:
            self._waiting[source] = asyncio.Queue(WAITING)
            group.create_task(self._answer(source, self._waiting[source]))
        with suppress(asyncio.QueueFull):  # whoever does not fit is asked for when they write again
            self._waiting[source].put_nowait(peer)
            self._remember(customer_id(source, peer), self.clock())

    async def _answer(self, source: UUID, waiting: asyncio.Queue[str]) -> None:
        while True:
            peer = await waiting.get()
            if not await self._look_up(source, peer):
                self._asked_at.pop(customer_id(source, peer), None)

    async def _look_up(self, source: UUID, peer: str) -> bool:
        """Asks until there is an answer, a few times; False if there is none."""
        for _ in range(TRIES):
            try:
                driver = self.drivers(source)
                if driver is None:
                    return False
                async with asyncio.timeout(ASK_SECONDS):
                    profile = await driver.profile(peer)
                await self._record(source, peer, profile or Profile())
            except (Trouble, TimeoutError) as trouble:
                log.debug("profiles.later", source=str(source), cause=repr(trouble))
                await asyncio.sleep(self.retry_seconds)
            except Exception:
                log.exception("profiles.unforeseen", source=str(source))
                return False
            else:
                return True
        return False

    async def _record(self, source: UUID, peer: str, profile: Profile) -> None:
        """The customer is known by that name, and so is their chat. Another process may have been faster."""

        def known(customer: Customer | None, chat: Chat | None) -> tuple[Customer | None, Chat | None]:
            now = self.clock()
            if customer is not None and now - (customer.looked_up_at or NEVER) >= FRESH:
                customer.look_up(name=profile.name, username=profile.username, now=now)
                if chat is not None:
                    chat.rename(profile.name, now=now)
            return customer, chat

        keys = [(Customer, customer_id(source, peer)), (Chat, chat_id(source, peer))]
        await self.store.decide_together(keys, known, by="system")

    def _remember(self, customer: UUID, at: datetime) -> None:
        self._asked_at[customer] = at
        self._asked_at.move_to_end(customer)
        if len(self._asked_at) > REMEMBERED:
            self._asked_at.popitem(last=False)


def readable(page: Iterable[Stored]) -> Iterator[Recorded]:
    """The events that this version of Pulse can read."""
    for stored in page:
        with suppress(*NEWER):
            yield open_stored(stored)
