"""What is kept of deliveries that left no event: a bounded sample, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import psycopg
import pytest

from pulse.eventlog.jetstream import Log
from pulse.projections import rejections
from pulse.projections.rejections import REJECTED, keep_rejections
from tests.projections.conftest import own_log
from tests.projections.running import until_row

FOUND = "select * from trace.rejections where source = %(source)s"
THERE = "select 1 from pg_tables where schemaname = 'trace' and tablename = 'rejections'"


def rejection(source: str, **fields: object) -> bytes:
    told = {"source": source, "outcome": "refused", "reason": "wrong secret", "body": "{}", "suppressed": 0}
    return orjson.dumps(told | fields)


@asynccontextmanager
async def keeping(log: Log, database_url: str, times: int = 1) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(keep_rejections(log, database_url)) for _ in range(times)]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def heard(log: Log, database_url: str) -> None:
    """Until somebody listens: what is told before is lost, as it should be."""
    await until_row(database_url, THERE)
    there = None
    while there is None:
        await log.tell(REJECTED, rejection("anybody there?"))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                there = await until_row(database_url, FOUND, source="anybody there?")


async def test_a_rejection_is_kept_as_it_was_told(log, database_url):
    async with keeping(log, database_url):
        await heard(log, database_url)
        await log.tell(REJECTED, rejection("telegram/1", reason="no secret", body="raw", suppressed=7))
        row = await until_row(database_url, FOUND, source="telegram/1")
        assert (row["outcome"], row["reason"], row["body"], row["suppressed"]) == ("refused", "no secret", "raw", 7)


async def test_only_the_newest_are_kept(log, database_url, query, monkeypatch):
    monkeypatch.setattr(rejections, "KEPT", 10)
    async with keeping(log, database_url):
        await heard(log, database_url)
        for number in range(50):
            await log.tell(REJECTED, rejection(f"flood {number}"))
            await until_row(database_url, FOUND, source=f"flood {number}")
        assert query("select count(*) as n from trace.rejections") == [{"n": 10}]


@pytest.mark.parametrize(
    "odd", [b"", b"not json", b"[]", b'{"source": 5}', rejection("nul \0"), rejection("x", suppressed=2**40)]
)
async def test_what_can_not_be_kept_is_passed_over(log, database_url, odd):
    async with keeping(log, database_url):
        await heard(log, database_url)
        await log.tell(REJECTED, odd)
        await log.tell(REJECTED, rejection("next"))
        await until_row(database_url, FOUND, source="next")


async def test_of_two_processes_one_keeps_it(log, database_url, query):
    async with keeping(log, database_url, times=2):
        await heard(log, database_url)
        for number in range(10):
            await log.tell(REJECTED, rejection(f"once {number}"))
        await until_row(database_url, FOUND, source="once 9")
        counts = query("select count(*) as n from trace.rejections where source like 'once%%' group by source")
        assert counts == [{"n": 1}] * 10


async def test_it_goes_on_when_postgres_comes_back(own_servers):
    database_url = own_servers.addresses.database_url
    async with own_log(own_servers) as log, keeping(log, database_url):
        await heard(log, database_url)
        own_servers.kill_postgres()
        await log.tell(REJECTED, rejection("while away"))
        own_servers.restart_postgres()
        there = None
        while there is None:
            await log.tell(REJECTED, rejection("afterwards"))
            with suppress(TimeoutError, psycopg.Error):  # the table may have gone with the last moments
                async with asyncio.timeout(0.2):
                    there = await until_row(database_url, FOUND, source="afterwards")
