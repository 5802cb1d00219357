"""Pages of the chat list, threads and counters at three sizes, beside the same questions asked plainly (COUNT, OFFSET)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import uvloop
from psycopg.rows import dict_row

from bench.report import Figure, Report, Size, Verdict, percentile, shown
from bench.world import opened_world
from pulse.access import Reach
from pulse.eventlog.jetstream import Log
from pulse.projections import chat_list, counters, thread
from pulse.projections.chat_cursors import cursor_text
from pulse.projections.chat_filters import Filters
from pulse.projections.reads import SCHEMA, Reads
from pulse.projections.sql import Statements
from pulse.projections.tables import index_read_models, make_read_models

SQL = Statements(__file__)
REACH_P99, PAGE, MESSAGES = 10.0, 50, 5
DEPARTMENTS, MODERATORS, SOURCES = 20, 100, 30
ANNA, SALES = UUID(int=0xA000 + 1), [UUID(int=0xD000 + number) for number in (1, 2, 3)]
WHO = {
    "admin": Reach(everything=True, departments=[], holder=UUID(int=0xFF)),
    "moderator": Reach(everything=False, departments=SALES, holder=ANNA),
}
LISTS = {
    "all": Filters(),
    "oldest": Filters(sort="oldest"),
    "open": Filters(view="open"),
    "closed": Filters(view="closed"),
    "snoozed": Filters(view="snoozed"),
    "mine": Filters(view="mine"),
    "mine, unseen": Filters(view="mine", unseen=True),
    "unassigned": Filters(view="unassigned"),
    "unread": Filters(view="unread"),
    "waiting": Filters(view="waiting", sort="waiting"),
    "priority": Filters(sort="priority"),
    "department": Filters(department=SALES[0]),
    "department, waiting": Filters(department=SALES[0], view="waiting", sort="waiting"),
    "source": Filters(sources=(UUID(int=0x5001),)),
    "source, open": Filters(sources=(UUID(int=0x5001),), view="open"),
    "holder": Filters(holder=UUID(int=0xA002)),
    "customer": Filters(customer=UUID(int=0xC005)),
    "tag": Filters(tag="refund"),
    "tag, rare": Filters(tag="rare"),
    "tag, waiting": Filters(tag="refund", sort="waiting"),
    "text": Filters(text="vera 12"),
    "text, of many": Filters(text="v"),
    "unseen": Filters(unseen=True),
    "unseen, open": Filters(unseen=True, view="open"),
    "source, unassigned": Filters(sources=(UUID(int=0x5001),), view="unassigned"),
}


def main(size: Size) -> Report:
    largest = max(size.lists)
    report = Report(
        "lists", f"a page of {PAGE} of the chat list, up to {largest:,} chats, {largest * MESSAGES:,} messages"
    )
    slowest: dict[int, float] = {}
    for chats in size.lists:
        with opened_world() as world:
            fill(world.addresses.database_url, chats)
            took = uvloop.run(_measure(world.addresses.nats_url, world.addresses.database_url, chats, size.seconds))
            plain = _plain(world.addresses.database_url, chats, size.seconds)
        slowest[chats] = _report(report, chats, took, plain)
    report.verdicts = [Verdict(f"slowest list's p99 at {largest:,}", slowest[largest], REACH_P99, "ms", at_most=True)]
    report.notes.append(
        "a page or counters by the path the API takes, from a random place; plain: one statement, as deep"
    )
    return report


def _report(report: Report, chats: int, took: dict[str, list[float]], plain: dict[str, list[float]]) -> float:
    """Adds a size's figures; returns the p99 of the slowest list."""
    lists = {name: found for name, found in took.items() if "/" in name}
    worst = max(lists, key=lambda name: percentile(lists[name], 0.99))
    every = [one for found in lists.values() for one in found]
    beside = (
        f"p99 {shown(percentile(every, 0.99))} ms; slowest: {worst}, p99 {shown(percentile(lists[worst], 0.99))} ms"
    )
    report.figures.append(Figure(f"{chats:,} chats: a page of any list, p50", [percentile(every, 0.5)], "ms", beside))
    for name in ("counters", "thread", "thread around"):
        beside = f"p99 {shown(percentile(took[name], 0.99))} ms"
        report.figures.append(Figure(f"  {name}, p50", [percentile(took[name], 0.5)], "ms", beside))
    for name, found in plain.items():
        ours = percentile(took["counters"] if name == "COUNT" else lists["moderator/all"], 0.5)
        times = f"{percentile(found, 0.5) / ours:,.3g} times ours, p99 {shown(percentile(found, 0.99))} ms"
        report.figures.append(Figure(f"  plain {name}, p50", [percentile(found, 0.5)], "ms", times))
    report.figures += [
        Figure(f"    {name}, p99", [percentile(found, 0.99)], "ms", f"p50 {shown(percentile(found, 0.5))} ms")
        for name, found in lists.items()
    ]
    return percentile(lists[worst], 0.99)


def fill(database_url: str, chats: int) -> None:
    """Rows by generate_series, past the log: what counts here is how they are read."""

    async def tables() -> None:
        async with await psycopg.AsyncConnection.connect(
            database_url, autocommit=True, row_factory=dict_row, options=f"-c search_path={SCHEMA}"
        ) as connection:
            await make_read_models(connection, SCHEMA, "bench")
            for name in ("chats", "messages", "marks", "tags", "counts"):
                values = {"chats": chats, "messages": chats * MESSAGES, "anna": ANNA}
                await connection.execute(SQL[name], values, prepare=False)
            await index_read_models(connection, SCHEMA)
            await connection.execute("vacuum analyze")

    asyncio.run(tables())


async def _measure(nats_url: str, database_url: str, chats: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each question, asked in turns from random places."""
    random, log = Random(7), await Log.connect(nats_url)
    took: dict[str, list[float]] = {}
    async with Reads.open(database_url, log) as reads:
        asks = _questions(reads, chats, random)
        for ask in asks.values():
            await ask()
        until = time.perf_counter() + seconds * 4
        while time.perf_counter() < until or len(took["counters"]) < 20:
            for name, ask in asks.items():
                began = time.perf_counter()
                await ask()
                took.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
    await log.close()
    return took


def _questions(reads: Reads, chats: int, random: Random) -> dict[str, Callable[[], Awaitable[Any]]]:
    def list_of(filters: Filters, reach: Reach) -> Callable[[], Awaitable[Any]]:
        def ask() -> Awaitable[Any]:
            cursor = _somewhere(filters, reach, chats, random)
            return chat_list.page(reads, reach, filters, limit=PAGE, cursor=cursor)

        return ask

    def thread_of(**bounds: int | None) -> Callable[[], Awaitable[Any]]:
        def ask() -> Awaitable[Any]:
            chat = UUID(int=0x1_0000_0000 + random.randint(1, chats))
            return thread.page(reads, chat, limit=PAGE, **{"before": None, "after": None, **bounds})

        return ask

    asks = {f"{who}/{name}": list_of(filters, reach) for name, filters in LISTS.items() for who, reach in WHO.items()}
    return asks | {
        "counters": lambda: counters.of_views(reads, WHO["moderator"]),
        "thread": thread_of(),
        "thread around": lambda: thread.around(
            reads, UUID(int=0x1_0000_0000 + random.randint(1, chats)), 4, limit=PAGE, inside=True
        ),
    }


def _somewhere(filters: Filters, reach: Reach, chats: int, random: Random) -> str | None:
    """The start, every other time, or somewhere in the list."""
    if random.random() < 0.5:
        return None
    # the cursor of `mine` names its holder
    filters = replace(filters, holder=reach["holder"]) if filters.view == "mine" else filters
    major = {"waiting": int(1_795_165_200_000_000 - random.random() * 3e12), "priority": random.randint(0, 3)}
    return cursor_text("after", (major.get(filters.sort, 0), random.randint(1, chats)), filters)


def _plain(database_url: str, chats: int, seconds: float) -> dict[str, list[float]]:
    """A moderator's list and counters as one writes them first, on the same rows and indexes."""
    took: dict[str, list[float]] = {"COUNT": [], "OFFSET": []}
    values = {"departments": SALES, "anna": ANNA, "limit": PAGE, "offset": chats // 20}
    with psycopg.connect(database_url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(took["COUNT"]) < 5:
            for name, found in took.items():
                began = time.perf_counter()
                connection.execute(SQL[f"plain_{name.lower()}"], values).fetchall()
                found.append((time.perf_counter() - began) * 1e3)
    return took
