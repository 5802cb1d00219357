"""Who would have got recorded chats: counterfactual, bounded, and without a trace in the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.department_policy import Policy
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import Source, source_id
from pulse.aggregates.source_rules import Hours, Rule
from pulse.directory import Directory
from pulse.dry_run import DryRun, Question, Verdict, first_since
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import subject_of
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.message import Author, Incoming
from pulse.vault import Vault
from tests.given import NOW

SALES, SUPPORT = department_id("Sales"), department_id("Support")
SHOP, BOT = source_id("telegram", "1"), source_id("telegram", "2")
ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))
WORDS = ("Hello", "A refund, please", "Where is it?", "refund!")
ALL = 10**9


def hour(number: float) -> datetime:
    return NOW + timedelta(hours=number)


class World:
    """A shop and a bot; each chat comes an hour after the last."""

    def __init__(self, store: EventStore, directory: Directory) -> None:
        self.store, self.directory = store, directory
        self.at = NOW

    async def chat(self, text: str, source: UUID = SHOP, at: datetime | None = None) -> UUID:
        self.at = at or self.at + timedelta(hours=1)
        chat = chat_id(source, text)
        opened = Chat.open(
            source_id=source, channel="telegram", peer=text, title="Vera", group=False, department_id=SALES,
            customer_id=UUID(int=7), now=self.at,
        )  # fmt: skip
        opened.receive(Incoming(f"{text}-1", Author("77", "Vera"), text), raw="{}", now=self.at)
        await self.store.decide(Chat, chat, lambda known: known or opened, by="test")
        return chat

    async def act(self, chat: UUID, what: Any) -> None:
        def decision(known: Chat | None) -> Chat:
            assert known is not None
            what(known)
            return known

        await self.store.decide(Chat, chat, decision, by="test")

    async def ask(self, most_events: int = ALL, **asked: Any) -> list[Verdict]:
        run = DryRun(self.store.log, self.directory, Question(**asked))
        return [verdict async for verdict in run.verdicts(most_events)]


@pytest.fixture
async def world(log: Log, store: EventStore) -> AsyncIterator[World]:
    accounts, directory = Accounts(store, Vault(b"k" * 32), lambda: NOW), Directory(log)
    for name in ("Sales", "Support"):
        await accounts.create_department(name)
    for name in ("anna", "boris"):
        await accounts.invite(f"{name}@pulse.example", name, "moderator", (SALES, SUPPORT), "password")
    for bot in ("1", "2"):
        made = await accounts.connect_source("telegram", bot, "Shop", (SALES, SUPPORT), settings={}, secrets={})
    following = asyncio.create_task(directory.run())
    await directory.ready.wait()
    await directory.wait_for(made.position)
    yield World(store, directory)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


REFUNDS = (Rule(SUPPORT, words=("refund",)),)


async def test_it_says_where_a_chat_went_and_where_the_rules_would_send_it_and_which(world: World) -> None:
    chats = [await world.chat(text) for text in WORDS]
    found = await world.ask(source=SHOP, rules=REFUNDS)
    assert [one.chat_id for one in found] == chats
    assert [one.department for one in found] == [SALES] * 4
    assert [one.by_rules.department for one in found] == [SALES, SUPPORT, SALES, SUPPORT]
    assert [one.by_rules.rule for one in found] == [None, 0, None, 0]
    assert [one.opened_at for one in found] == [hour(1), hour(2), hour(3), hour(4)]


async def test_hours_are_those_when_the_chat_opened(world: World) -> None:
    for text in WORDS:
        await world.chat(text)
    rules = (Rule(SUPPORT, hours=Hours("12:00", "13:00", "UTC")),)  # NOW is 09:30
    assert [one.by_rules.rule for one in await world.ask(source=SHOP, rules=rules)] == [None, None, 0, None]


async def test_without_rules_those_of_today_are_asked_of_each_source(world: World, store: EventStore) -> None:
    await world.chat("refund"), await world.chat("refund", BOT)
    changed = await store.decide_known(Source, BOT, lambda it: it.change_rules(REFUNDS, now=NOW), by="test")
    await world.directory.wait_for(changed.position)
    assert [one.by_rules.department for one in await world.ask()] == [SALES, SUPPORT]
    assert [one.source_id for one in await world.ask(source=BOT)] == [BOT]


async def test_a_policy_shares_chats_out_among_all_or_among_those_it_is_told(world: World) -> None:
    for number in range(10):
        await world.chat(f"chat {number}")
    assert [one.by_policy for one in await world.ask()] == [None] * 10
    turns = await world.ask(policy=Policy("round-robin"))
    assert Counter(one.by_policy for one in turns) == {ANNA: 5, BORIS: 5}
    alone = await world.ask(policy=Policy("least-busy"), moderators=frozenset({BORIS}))
    assert {one.by_policy for one in alone} == {BORIS}


async def test_who_is_full_gets_nothing_until_a_chat_was_closed(world: World) -> None:
    first = await world.chat("first")
    await world.chat("second"), await world.chat("third")
    await world.act(first, lambda chat: chat.close(ANNA, now=world.at))
    await world.chat("fourth")
    await world.act(first, lambda chat: chat.receive(Incoming("x", Author("77"), "back"), raw="{}", now=world.at))
    await world.chat("fifth")
    found = [one.by_policy for one in await world.ask(policy=Policy("least-busy", 1))]
    assert found[2] is None
    assert found[3] == found[0]
    assert found[4] is None


async def test_it_reads_between_two_times(world: World) -> None:
    for text in WORDS:
        await world.chat(text)
    for since, until, expected in [
        (None, None, WORDS), (hour(2), None, WORDS[1:]), (hour(2.5), hour(4), WORDS[2:3]), (hour(5), None, ()),
        (None, hour(1), ()), (hour(-1), hour(1.5), WORDS[:1]),
    ]:  # fmt: skip
        found = await world.ask(since=since, until=until)
        assert [one.chat_id for one in found] == [chat_id(SHOP, text) for text in expected], (since, until)


async def test_the_first_position_since_a_time_is_found(world: World, log: Log) -> None:
    last = await log.last_position()
    await world.chat("one"), await world.chat("two")
    assert await first_since(log, None) == 1
    assert await first_since(log, hour(1)) == last + 1
    assert await first_since(log, hour(1.5)) == last + 3
    assert await first_since(log, hour(9)) == last + 5


async def test_it_stops_at_its_limits_and_goes_on_from_there(world: World, log: Log) -> None:
    for text in WORDS:
        await world.chat(text)
    run = DryRun(log, world.directory, Question(limit=3))
    assert len([one async for one in run.verdicts(ALL)]) == 3
    assert not run.done
    rest = DryRun(log, world.directory, Question(after=run.position))
    assert [one.chat_id async for one in rest.verdicts(ALL)] == [chat_id(SHOP, WORDS[3])]
    assert rest.done
    told = list[int]()
    short = DryRun(log, world.directory, Question())
    assert [one async for one in short.verdicts(1, told.append)] != []
    assert (short.done, told) == (False, [await log.last_position()])


async def test_it_appends_nothing_and_passes_over_what_a_newer_pulse_wrote(world: World, log: Log) -> None:
    await log.append(Append(subject_of("chat", UUID(int=5)), b'{"type":"chat.teleported"}'))
    await world.chat("after"), await world.act(chat_id(SHOP, "after"), lambda chat: chat.take(ANNA, now=hour(1)))
    before = await log.last_position()
    assert len(await world.ask(policy=Policy("round-robin"), source=SHOP, rules=REFUNDS)) == 1
    assert await log.last_position() == before
    assert len(await world.ask(since=hour(1))) == 1
    assert await world.ask(since=hour(2)) == []


async def test_it_sees_who_asks_to_be_called_as_the_door_did(world: World) -> None:
    chat = chat_id(SHOP, "vera's place")
    opened = Chat.open(
        source_id=SHOP, channel="telegram", peer="vera's place", title="Vera", group=False, department_id=SALES,
        customer_id=UUID(int=7), now=NOW,
    )  # fmt: skip
    vera = Author("77", "Vera", username="vera_s")
    opened.request_callback(
        author=vera, phone="+79990000000", wanted_at=None, comment="", external_id="c1", raw="{}", now=NOW
    )
    await world.store.decide(Chat, chat, lambda known: known or opened, by="test")
    [verdict] = await world.ask(source=SHOP, rules=(Rule(SUPPORT, username="vera_s"),))
    assert verdict.by_rules.department == SUPPORT
