"""Reading: bounded while Postgres is away, and never behind one's own write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import uuid4

import psutil
import psycopg
import pytest

from pulse.embedded import Embedded
from pulse.errors import BadInput, ReadsDown
from pulse.eventlog.jetstream import Log
from pulse.projections.connections import connected
from pulse.projections.projector import Projector
from pulse.projections.reads import (
    ASK_AGAIN_SECONDS,
    OWN_WRITE_SECONDS,
    PROJECTED,
    REACHED,
    Reads,
    as_position,
    as_uuid,
    number,
)
from tests.given import a_chat, vera_writes
from tests.projections.conftest import append, epoch_of, own_log
from tests.projections.told import Told

POSITION = "select position from checkpoint"


TOKYO = """
do $$ begin execute format('alter database %I set timezone = "Asia/Tokyo"', current_database()); end $$
"""
MOMENTS = "select timestamptz '9999-12-31 23:59:59Z' as last, timestamptz '0001-01-01 00:00:00Z' as first"


def a_word() -> Told:
    told = Told()
    told.of(a_chat(), vera_writes("u1"))
    return told


# One's own write


async def test_a_write_is_waited_for_and_then_can_be_read(log, projector, reads):
    last = await append(log, a_word())
    await projector.catch_up()
    assert await reads.wait_for(last)
    assert reads.position == last


async def test_a_position_that_does_not_come_is_not_waited_for_for_ever(projector, reads):
    await projector.catch_up()
    assert not await reads.wait_for(10**9)


async def test_a_lost_announcement_is_made_up_by_asking_the_table(addresses, log, database_url, projector):
    deaf = await Log.connect(addresses.nats_url, name="deaf")
    async with Reads.open(database_url, deaf) as reads:
        await projector.catch_up()
        last = await append(log, a_word())
        assert not await reads.wait_for(last)
        await deaf.close()
        await projector.catch_up()
        assert await reads.wait_for(last)


async def test_who_begins_after_the_announcement_asks_at_once(log, database_url, projector):
    last = await append(log, a_word())
    await projector.catch_up()
    async with Reads.open(database_url, log) as late:
        assert await late.wait_for(last)


async def test_tables_that_went_back_are_known_to_have_gone_back(log, database_url, epoch, reads):
    """A crash of Postgres may cost the last moments; the projector says so when it begins again."""
    last = await append(log, a_word())
    await Projector(log, database_url, epoch).catch_up()
    assert await reads.wait_for(last)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop schema read cascade")
    heard: list[int] = []
    await Projector(log, database_url, epoch).catch_up(lambda at, of: heard.append(at))
    assert heard == [0, last]
    assert await reads.wait_for(last)


# Odd values and missing tables


async def test_a_value_out_of_range_is_the_callers_fault(reads):
    with pytest.raises(BadInput):
        await reads.fetch("select %(n)s::text::integer", n=str(2**40))
    with pytest.raises(BadInput):
        await reads.fetch("select %(text)s::text", text="nul \0")


async def test_tables_that_are_not_built_yet_are_trouble_of_ours(reads):
    for statement in (POSITION, "select 1 from read.inbox"):
        with pytest.raises(ReadsDown, match="not built yet"):
            await reads.fetch(statement)


async def test_tables_of_another_shape_are_trouble_of_ours(projector, reads):
    await projector.catch_up()
    with pytest.raises(ReadsDown, match="not built yet"):
        await reads.fetch("select mood from inbox")


async def test_a_read_that_takes_too_long_ends(reads):
    with pytest.raises(ReadsDown):
        await reads.fetch("select pg_sleep(60)")
    assert await reads.fetch("select 1 as one") == [{"one": 1}]


async def test_a_statement_survives_a_change_of_the_tables_shape(projector, reads, query):
    await projector.catch_up()
    for _ in range(12):  # often enough to be worth preparing
        await reads.fetch("select * from inbox")
    query("alter table inbox add column mood text")
    assert await reads.fetch("select * from inbox") == []


@pytest.mark.parametrize("text", ["", "77", "not-an-id", "0" * 31])
def test_what_is_no_id_is_refused(text):
    with pytest.raises(BadInput):
        as_uuid(text)


def test_numbers_of_a_query_are_read_or_refused():
    assert (number("17", 0), number("", 5), number(None, None)) == (17, 5, None)
    for text in ("-1", "1.5", "x", "9" * 10):
        with pytest.raises(BadInput):
            number(text, 0)


def test_a_position_may_be_any_that_the_log_can_reach():
    assert [as_position(text) for text in (None, "", "0", "1000000000", str(2**63 - 1))] == [0, 0, 0, 10**9, 2**63 - 1]
    for odd in ("-1", "1.5", "x", "9" * 20, str(2**63), "\u00b2"):
        with pytest.raises(BadInput):
            as_position(odd)


async def test_a_chats_version_is_waited_for(log, projector, reads):
    chat = a_chat()
    told = Told()
    told.of(chat, vera_writes("u1"))
    await projector.catch_up()
    await append(log, told)
    waiting = asyncio.create_task(reads.wait_for_version(chat.id, 2))
    await projector.catch_up()
    await waiting
    assert await reads.fetch(REACHED, chat_id=chat.id, version=2)
    await reads.wait_for_version(chat.id, 3)


async def test_a_version_that_never_comes_is_asked_for_only_now_and_then(log, projector, reads):
    await projector.catch_up()
    before = reads.pool.get_stats().get("requests_num", 0)
    waiting = asyncio.create_task(reads.wait_for_version(uuid4(), 999_999_999))
    announced = 0
    while not waiting.done():
        announced += 1
        await log.tell(PROJECTED, b'{"position": %d}' % announced)
        await log.last_position()  # a way there and back
    asked = reads.pool.get_stats()["requests_num"] - before
    assert 1 <= asked <= 1 + OWN_WRITE_SECONDS / ASK_AGAIN_SECONDS


# Postgres away


async def until_it_answers(reads: Reads) -> None:
    answered = False
    while not answered:
        with suppress(ReadsDown):
            answered = bool(await reads.fetch("select 1 as one"))


async def test_reads_say_so_while_postgres_is_down_and_recover_by_themselves(own_servers):
    async with own_log(own_servers) as log, Reads.open(own_servers.addresses.database_url, log) as reads:
        await Projector(log, own_servers.addresses.database_url, await epoch_of(log)).catch_up()
        await reads.fetch(POSITION)
        own_servers.kill_postgres()
        with pytest.raises(ReadsDown):
            await reads.fetch(POSITION)
        with pytest.raises(ReadsDown):
            await reads.wait_for(10**9)
        own_servers.restart_postgres()
        await until_it_answers(reads)


async def test_reads_say_so_while_postgres_hangs(own_servers):
    async with own_log(own_servers) as log, Reads.open(own_servers.addresses.database_url, log) as reads:
        await until_it_answers(reads)
        with frozen(own_servers), pytest.raises(ReadsDown):
            await reads.fetch("select 1")
        await until_it_answers(reads)


async def test_a_pool_opens_before_postgres_does(own_servers):
    async with own_log(own_servers) as log:
        own_servers.kill_postgres()
        async with Reads.open(own_servers.addresses.database_url, log) as reads:
            with pytest.raises(ReadsDown):
                await reads.fetch("select 1")
            own_servers.restart_postgres()
            await until_it_answers(reads)


@contextmanager
def frozen(servers: Embedded) -> Iterator[None]:
    """Postgres is there and does nothing, as on a disk that hangs."""
    main = psutil.Process(servers._postgres.process.pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def test_a_read_that_would_take_too_long_ends_and_the_next_one_does_not(reads):
    assert await reads.fetch_within(20, "select pg_sleep(1)") is None
    assert await reads.fetch_within(1000, "select 1 as one") == [{"one": 1}]
    [setting] = await reads.fetch("show statement_timeout")
    assert setting["statement_timeout"] == "2s"


async def test_a_moment_at_the_end_of_times_spoils_no_list_wherever_postgres_stands(log, database_url, query):
    """In Tokyo it would already be the year 10,000, which Python does not know."""
    query(TOKYO)
    moments = {"last": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "first": datetime(1, 1, 1, tzinfo=UTC)}
    async with Reads.open(database_url, log) as reads:
        assert await reads.fetch(MOMENTS) == [moments]
    async with connected(database_url, "read") as connection:
        assert await (await connection.execute(MOMENTS)).fetchall() == [moments]
