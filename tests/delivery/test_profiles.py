"""Names out of a channel that sends none with its deliveries. The channel here answers as VK's API was recorded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.customer import Customer, customer_id
from pulse.aggregates.source import source_id
from pulse.channels import Account, Capabilities, Channel, Profile
from pulse.channels.vk import Vk
from pulse.delivery.profiles import Profiles
from pulse.errors import LogDown, TryLater
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import Recorded, open_envelope
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.message import Author, Incoming
from tests.channels.recorded import recorded
from tests.given import NOW, SALES

VK, OTHER = source_id("vk", "1"), source_id("vk", "2")
MARINA, NOBODY, GONE = "615550142", "1", "88200311"
ANSWERS = {MARINA: "users_get_ok", NOBODY: "users_get_empty", GONE: "users_get_deactivated"}


class RecordedVk(Vk):
    """A VK that answers `users.get` as it did when it was recorded; before that it is busy `busy` times."""

    capabilities = Capabilities(text_limit=4096, file_limit=0, receipts=True, typing=True, profiles=True)

    def __init__(self, source: UUID, busy: int = 0) -> None:
        super().__init__(Account(source, "1"))
        self.busy = busy
        self.asked: Counter[str] = Counter()

    async def profile(self, peer: str) -> Profile | None:
        self.asked[peer] += 1
        if self.busy:
            self.busy -= 1
            raise TryLater
        people: list[dict[str, Any]] = orjson.loads(recorded("vk-api", ANSWERS[peer]))["body"]["response"]
        if not people or "deactivated" in people[0]:
            return None
        person = people[0]
        return Profile(f"{person['first_name']} {person['last_name']}".strip(), person["screen_name"])


class StuckVk(RecordedVk):
    async def profile(self, peer: str) -> Profile | None:
        self.asked[peer] += 1
        await asyncio.Event().wait()
        raise AssertionError


class World:
    """A log, a clock that tests move, and the drivers that are asked."""

    def __init__(self, log: Log, *drivers: Channel) -> None:
        self.log = log
        self.store = EventStore(log)
        self.drivers = {driver.account.id: driver for driver in drivers}
        self.now = NOW
        self.number = 0

    def clock(self) -> datetime:
        return self.now

    async def writes(self, peer: str, source: UUID = VK) -> None:
        """Somebody writes; the first time, they are met."""
        self.number += 1
        said = Incoming(f"e{self.number}", Author(peer), "Hello")

        def decide(chat: Chat | None, customer: Customer | None) -> tuple[Chat, Customer]:
            chat = chat or Chat.open(
                source_id=source, channel="vk", peer=peer, title="", group=False, department_id=SALES,
                customer_id=customer_id(source, peer), now=self.now,
            )  # fmt: skip
            chat.receive(said, raw="{}", now=self.now)
            return chat, customer or Customer.meet(
                source_id=source, peer=peer, name="", username=None, language=None, now=self.now
            )

        keys = [(Chat, chat_id(source, peer)), (Customer, customer_id(source, peer))]
        await self.store.decide_together(keys, decide, by="customer")

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """A worker beside the test."""
        worker = Profiles(self.log, self.store, self.drivers.get, self.clock, retry_seconds=0)
        running = asyncio.create_task(worker.run())
        try:
            yield
            assert not running.done(), running.exception()
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def until(self, kind: str, times: int = 1) -> list[Recorded]:
        """Everything up to that many events of a kind."""
        seen: list[Recorded] = []
        async with asyncio.timeout(20):
            async for page in Follow(self.log, 0):
                seen += [open_envelope(one.position, one.subject, one.body) for one in page]
                if sum(one.envelope.type == kind for one in seen) >= times:
                    break
        return seen


@pytest.fixture
def vk() -> RecordedVk:
    return RecordedVk(VK)


@pytest.fixture
def world(log: Log, vk: RecordedVk) -> World:
    return World(log, vk)


async def test_whoever_was_met_without_a_name_is_asked_for(world: World, vk: RecordedVk) -> None:
    await world.writes(MARINA)
    async with world.asking():
        seen = await world.until("customer.looked-up")
    customer = await world.store.load(Customer, customer_id(VK, MARINA))
    chat = await world.store.load(Chat, chat_id(VK, MARINA))
    assert customer is not None
    assert chat is not None
    assert (customer.name, customer.username, chat.title) == ("Марина Ольхова", "marina_demo", "Марина Ольхова")
    assert [one.envelope.type for one in seen[3:]] == [
        "customer.profile-changed", "customer.looked-up", "chat.renamed",
    ][: len(seen) - 3]  # fmt: skip
    assert all(one.envelope.by == "system" for one in seen[3:])
    assert "photo" not in str([one.body for one in seen])


async def test_whoever_comes_while_it_runs_is_asked_for_too(world: World, vk: RecordedVk) -> None:
    async with world.asking():
        await world.writes(MARINA)
        await world.until("chat.renamed")
    assert vk.asked == {MARINA: 1}


async def test_a_log_that_can_not_tell_its_end_is_asked_again(
    world: World, vk: RecordedVk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.writes(MARINA)
    answers, troubles = world.log.api, [LogDown(), AppendRefused(10_008, "not now")]

    async def silent_at_first(name: str, body: Any = None) -> Any:
        if name.startswith("STREAM.INFO") and troubles:
            raise troubles.pop()
        return await answers(name, body)

    monkeypatch.setattr(world.log, "api", silent_at_first)
    async with world.asking():
        await world.until("customer.looked-up")
    assert vk.asked == {MARINA: 1}


async def test_an_answer_holds_for_a_day_also_over_a_restart(world: World, vk: RecordedVk) -> None:
    await world.writes(MARINA)
    async with world.asking():
        await world.until("customer.looked-up")
        world.now += timedelta(hours=23)
        await world.writes(MARINA)
    async with world.asking():
        await world.writes(MARINA)
        await world.writes(NOBODY)  # asked for after the others, if they were
        await world.until("customer.looked-up", 2)
    assert vk.asked == {MARINA: 1, NOBODY: 1}


async def test_whoever_writes_again_after_a_day_is_asked_for_again(world: World, vk: RecordedVk) -> None:
    await world.writes(MARINA)
    async with world.asking():
        await world.until("customer.looked-up")
    world.now += timedelta(days=1, minutes=1)
    await world.writes(NOBODY)
    async with world.asking():
        await world.until("customer.looked-up", 2)
        assert vk.asked[MARINA] == 1  # they have written nothing since
        await world.writes(MARINA)
        seen = await world.until("customer.looked-up", 3)
    assert vk.asked[MARINA] == 2
    assert [one.envelope.type for one in seen].count("customer.profile-changed") == 1  # nothing differed


@pytest.mark.parametrize("peer", [NOBODY, GONE])
async def test_nobody_and_whoever_is_gone_stay_without_a_name_and_are_not_asked_for_again(
    world: World, vk: RecordedVk, peer: str
) -> None:
    await world.writes(peer)
    async with world.asking():
        await world.until("customer.looked-up")
        await world.writes(peer)
        await world.writes(MARINA)
        await world.until("customer.looked-up", 2)
    customer = await world.store.load(Customer, customer_id(VK, peer))
    assert customer is not None
    assert (customer.name, vk.asked[peer]) == ("", 1)


async def test_a_busy_channel_is_asked_again(log: Log) -> None:
    vk = RecordedVk(VK, busy=2)
    world = World(log, vk)
    await world.writes(MARINA)
    async with world.asking():
        await world.until("customer.profile-changed")
    assert vk.asked[MARINA] == 3


async def test_a_source_that_hangs_delays_no_other(log: Log) -> None:
    stuck, vk = StuckVk(OTHER), RecordedVk(VK)
    world = World(log, stuck, vk)
    await world.writes(MARINA, OTHER)
    await world.writes(MARINA, VK)
    async with world.asking():
        await world.until("customer.looked-up")
    assert (stuck.asked[MARINA], vk.asked[MARINA]) == (1, 1)


async def test_whoever_only_speaks_in_a_group_is_not_asked_for(world: World, vk: RecordedVk) -> None:
    async with world.asking():
        await world.writes(MARINA)

        def in_chat(chat: Chat | None) -> Chat | None:
            assert chat is not None
            chat.receive(Incoming("g1", Author("5"), "Hello"), raw="{}", now=world.now)
            return chat

        await world.store.decide(Chat, chat_id(VK, MARINA), in_chat, by="customer")
        await world.writes(NOBODY)
        await world.until("customer.looked-up", 2)
    assert vk.asked == {MARINA: 1, NOBODY: 1}


async def test_a_channel_that_tells_no_profiles_is_not_asked(log: Log) -> None:
    vk = RecordedVk(VK)
    world = World(log, Vk(Account(OTHER, "2")), vk)
    await world.writes(MARINA, OTHER)
    await world.writes(MARINA, VK)
    async with world.asking():
        seen = await world.until("customer.looked-up")
    assert {one.scope.source for one in seen if one.envelope.type == "customer.looked-up"} == {VK}
