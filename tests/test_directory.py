"""The directory: who is who, straight from the log, in every process at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.blocklist import Blocklist, blocklist_id
from pulse.aggregates.department import Department, department_id
from pulse.aggregates.identity import identity_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.producer import producer_id
from pulse.aggregates.source import source_id
from pulse.aggregates.subscriber import Subscriber
from pulse.directory import AmbiguousDepartment, Directory, UnknownDepartment
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.linking import Linking
from pulse.producers import Producers
from pulse.vault import Vault
from tests.producing import SECRET, configured

SALES = department_id("Sales")
ANNA = moderator_id("anna@pulse.example")


@pytest.fixture
def accounts(store: EventStore) -> Accounts:
    return Accounts(store, Vault(b"k" * 32), now)


@asynccontextmanager
async def open_directory(log: Log) -> AsyncIterator[Directory]:
    found = Directory(log)
    running = asyncio.create_task(found.run())
    await asyncio.wait([running, asyncio.create_task(found.ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    try:
        yield found
    finally:
        running.cancel()
        await asyncio.wait([running])


async def a_source(accounts: Accounts, channel: str = "telegram", identifier: str = "1", **secrets: str) -> int:
    connected = await accounts.connect_source(channel, identifier, "Shop", (SALES,), settings={}, secrets=secrets)
    return connected.position


async def test_an_empty_log_is_ready_at_once(log: Log) -> None:
    async with open_directory(log) as directory:
        assert directory.sources() == directory.departments() == directory.moderators() == []


async def test_it_knows_what_was_there_and_what_comes(log: Log, accounts: Accounts) -> None:
    await accounts.create_department("Sales")
    await accounts.invite("anna@pulse.example", "Anna", "moderator", (SALES,), "password")
    async with open_directory(log) as directory:
        assert [department.name for department in directory.departments()] == ["Sales"]
        assert directory.department(SALES) is not None
        anna = directory.person(ANNA)
        assert anna is not None
        assert (anna.name, anna.is_admin, anna.departments) == ("Anna", False, frozenset({SALES}))
        await directory.wait_for(await a_source(accounts, secret="s3cret"))
        shop = directory.source_named("telegram", "1")
        assert shop is not None
        assert shop == directory.source(source_id("telegram", "1")) == directory.find_source(shop.id)
        assert shop.title == "Shop"


async def test_a_channel_is_its_sources(log: Log, accounts: Accounts) -> None:
    first, second, web = source_id("telegram", "1"), source_id("telegram", "2"), source_id("web", "1")
    await a_source(accounts, identifier="2")
    await a_source(accounts, identifier="1")
    await a_source(accounts, channel="web")
    async with open_directory(log) as directory:
        assert directory.sources_on("telegram", None) == tuple(sorted((first, second))), "in one order, for cursors"
        assert directory.sources_on("telegram", second) == (second,)
        assert directory.sources_on("telegram", web) == directory.sources_on("vk", None) == ()
        assert directory.sources_on(None, web) == (web,)
        assert directory.sources_on(None, None) is None


async def test_who_must_be_there_is_found_or_refused(log: Log, accounts: Accounts) -> None:
    await accounts.create_department("Sales")
    await accounts.invite("anna@pulse.example", "Anna", "moderator", (SALES,), "password")
    async with open_directory(log) as directory:
        assert directory.require_department(SALES).name == "Sales"
        assert directory.require_moderator(ANNA).name == "Anna"
        for require in (directory.require_department, directory.require_moderator):
            with pytest.raises(NotFound):
                require(uuid4())


async def test_it_knows_the_subscribers_until_they_leave(log: Log, store: EventStore) -> None:
    crm = Subscriber.register(
        subscriber_id=uuid4(), url="https://crm.example", types=("*",), title="CRM", sealed="s", position=1, now=now()
    )
    async with open_directory(log) as directory:
        made = await store.decide(Subscriber, crm.id, lambda _: crm, by="test")
        await directory.wait_for(made.position)
        assert directory.position == made.position
        assert [(known.id, known.title) for known in directory.subscribers()] == [(crm.id, "CRM")]

        def leave(known: Subscriber | None) -> Subscriber:
            assert known is not None
            known.leave(now=now())
            return known

        await directory.wait_for((await store.decide(Subscriber, crm.id, leave, by="test")).position)
        assert directory.subscribers() == []


async def test_two_directories_know_the_same(log: Log, accounts: Accounts) -> None:
    async with open_directory(log) as one, open_directory(log) as other:
        position = await a_source(accounts)
        await asyncio.gather(one.wait_for(position), other.wait_for(position))
        assert one.source(source_id("telegram", "1")) == other.source(source_id("telegram", "1"))


async def test_it_knows_who_is_blocked_on_which_source(log: Log, store: EventStore) -> None:
    shop, other = source_id("telegram", "1"), source_id("telegram", "2")

    def act(decision: Callable[[Blocklist], None]) -> Awaitable[Decided]:
        def decide(known: Blocklist | None) -> Blocklist:
            blocklist = known or Blocklist.begin(shop, now=now())
            decision(blocklist)
            return blocklist

        return store.decide(Blocklist, blocklist_id(shop), decide, by="test")

    async with open_directory(log) as directory:
        blocked = await act(lambda blocklist: blocklist.block("77", reason="spam", now=now()))
        await directory.wait_for(blocked.position)
        found = directory.block_of(shop, "77")
        assert found is not None
        assert found.reason == "spam"
        assert directory.block_of(shop, "78") is None
        assert directory.block_of(other, "77") is None
        unblocked = await act(lambda blocklist: blocklist.unblock("77", now=now()))
        await directory.wait_for(unblocked.position)
        assert directory.block_of(shop, "77") is None


async def test_strangers_are_nobody(log: Log, accounts: Accounts) -> None:
    await accounts.create_department("Sales")
    async with open_directory(log) as directory:
        for unknown in (uuid4(), SALES):
            assert directory.person(unknown) is None
            assert directory.find_source(unknown) is None
            assert directory.name_of(unknown) == ""
            with pytest.raises(NotFound):
                directory.source(unknown)
        assert directory.department(uuid4()) is None
        assert directory.moderator_by_email("anna@pulse.example") is None
        assert directory.source_named("telegram", "1") is None


async def test_whoever_was_disabled_keeps_a_name_and_nothing_else(
    log: Log, store: EventStore, accounts: Accounts
) -> None:
    await accounts.invite("anna@pulse.example", "Anna", "admin", (), "password")

    def disable(anna: Moderator | None) -> Moderator:
        assert anna is not None
        anna.disable(now=now())
        return anna

    async with open_directory(log) as directory:
        assert directory.person(ANNA) is not None
        await directory.wait_for((await store.decide(Moderator, ANNA, disable, by="test")).position)
        assert directory.person(ANNA) is None
        assert directory.moderator_by_email("anna@pulse.example") is None
        assert directory.name_of(ANNA) == "Anna"


async def test_a_role_changes_at_once(log: Log, store: EventStore, accounts: Accounts) -> None:
    await accounts.invite("anna@pulse.example", "Anna", "moderator", (), "password")

    def promote(anna: Moderator | None) -> Moderator:
        assert anna is not None
        anna.change_role("admin", (SALES,), now=now())
        return anna

    async with open_directory(log) as directory:
        await directory.wait_for((await store.decide(Moderator, ANNA, promote, by="test")).position)
        anna = directory.person(ANNA)
        assert anna is not None
        assert (anna.is_admin, anna.departments) == (True, frozenset({SALES}))


async def test_a_producer_is_known_until_it_is_disabled(log: Log, store: EventStore) -> None:
    producers = Producers(store, Vault(b"k" * 32), now)
    async with open_directory(log) as directory:
        await directory.wait_for((await producers.add(configured("shop"), SECRET)).position)
        shop = producer_id("shop")
        found = directory.producer(shop)
        assert found is not None
        assert (found.name, list(found.event_types)) == ("shop", ["shop.order.paid"])
        assert directory.producers() == [found]
        for form in ("private", "presence", "private-encrypted"):
            assert directory.audiences_of(f"{form}-orders") == {"staff"}
        assert directory.audiences_of("private-order") == set()
        assert directory.find_source(shop) is directory.producer(uuid4()) is None
        await directory.wait_for((await producers.disable("shop")).position)
        assert directory.producer(shop) is None
        assert [known.disabled for known in directory.producers()] == [True]


async def test_no_secret_lies_readable_in_the_log(log: Log, accounts: Accounts) -> None:
    await a_source(accounts, secret="s3cret-in-the-open")
    await accounts.invite("anna@pulse.example", "Anna", "moderator", (), "pa55word-in-the-open")
    stored = b"".join(one.body for one in await log.read(1))
    assert b"in-the-open" not in stored


async def test_waiting_for_what_is_long_known_returns(log: Log, accounts: Accounts) -> None:
    position = (await accounts.create_department("Sales")).position
    async with open_directory(log) as directory:
        await directory.wait_for(position)
        await directory.wait_for(0)


async def test_departments_are_found_by_name_in_the_order_asked(log: Log, accounts: Accounts) -> None:
    await accounts.create_department("Sales")
    await accounts.create_department("Support")
    async with open_directory(log) as directory:
        found = directory.departments_named([" support", "Sales", "SALES"])
        assert found == (department_id("Support"), department_id("Sales"))
        with pytest.raises(UnknownDepartment, match=r"no department 'Orders'\. There are: Sales, Support"):
            directory.departments_named(["Sales", "Orders"])


async def test_a_name_that_two_departments_have_is_ambiguous(log: Log, accounts: Accounts, store: EventStore) -> None:
    """As it may be in a log from before names were refused."""
    async with open_directory(log) as directory:
        for name in ("Support", "Sales"):
            await accounts.create_department(name)
        renamed = await store.decide_known(
            Department, department_id("Sales"), lambda found: found.rename("support", now=now()), by="test"
        )
        await directory.wait_for(renamed.position)
        with pytest.raises(AmbiguousDepartment, match="'Support' is ambiguous"):
            directory.departments_named(["Support"])


async def test_it_knows_whose_an_identity_is(log: Log, accounts: Accounts, store: EventStore) -> None:
    async with open_directory(log) as directory:
        linking = Linking(store, now)
        await accounts.invite("anna@pulse.example", "Anna", "moderator", (), "password")
        linked = await linking.link(ANNA, "vk", "77", name="Anna K.", by="test")
        await directory.wait_for(linked.position)
        assert (directory.person_with("vk", "77"), directory.person_with("telegram", "77")) == (
            directory.person(ANNA),
            None,
        )
        assert [(each.provider, each.name) for each in directory.identities_of(ANNA)] == [("vk", "Anna K.")]
        unlinked = await linking.unlink(ANNA, [identity_id("vk", "77")], by="test")
        await directory.wait_for(unlinked.position)
        assert (directory.person_with("vk", "77"), directory.identities_of(ANNA)) == (None, [])
