"""Search: words by how many messages hold them, for people who see all, a twentieth or a thousandth of the chats.

Beside it stand the same questions written plainly: the words' index with `order by … limit`, and `ilike` with COUNT.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg_pool import AsyncConnectionPool

from bench.report import Figure, Report, Size, Verdict, percentile
from bench.words import POOL, vocabulary, written
from bench.world import opened_world
from pulse.access import Person, reach_of
from pulse.projections import customers, inbox, search, thread
from pulse.projections.reads import OPTIONS, Reads
from pulse.projections.searching import Filters, find
from pulse.projections.sql import Statements
from pulse.projections.word_forms import forms
from pulse.projections.words import searchable

SQL = Statements(__file__)
RARE, PAGE, CHAT_OF = 10_000, 20, 5
REACH_RARE, REACH_ANY = 50.0, 300.0
PLAIN_SECONDS = 20
PEOPLE = {
    "who sees all": Person(UUID(int=1), "Admin", "admin", frozenset()),
    "who sees a twentieth": Person(UUID(int=2), "Anna", "moderator", frozenset({UUID(int=3)})),
    "who holds a thousandth": Person(UUID(int=7), "Boris", "moderator", frozenset()),
}


def main(size: Size) -> Report:
    report = Report("search", f"{size.messages:,} messages, and a tenth and a hundredth of them")
    with opened_world() as world:
        for messages in (size.messages // 100, size.messages // 10, size.messages):
            texts = build(world.addresses.database_url, messages)
            asyncio.run(Asked(report, world.addresses.database_url, messages, texts, size).measure())
    return report


def build(database_url: str, messages: int) -> list[str]:
    """Tables as the projectors leave them. Returns the texts, each of which is said equally often."""
    chance = random.Random(7)
    words = vocabulary(chance)
    weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(words))))
    texts = [written(chance, words, weights) for _ in range(min(POOL, messages))]
    rows = orjson.dumps([{"n": n, "said": text, "words": searchable(text)} for n, text in enumerate(texts)])
    options = "-c synchronous_commit=off -c maintenance_work_mem=256MB"
    with psycopg.connect(database_url, autocommit=True, options=options) as connection:
        connection.execute(SQL["clear"])
        for schema, models in (("search", (search,)), ("read", (inbox, thread, customers))):
            connection.execute(f"create schema {schema}")
            connection.execute(f"set search_path = {schema}")
            for model in models:
                connection.execute(model.SQL["create"])
        counts = {"messages": messages, "chats": max(messages // CHAT_OF, 1), "texts": len(texts)}
        connection.execute(SQL["fill_texts"], {"rows": rows.decode()})
        for step in ("fill_inbox", "fill_counts", "fill_search", "fill_thread"):
            connection.execute(SQL[step], counts)
        connection.execute(inbox.SQL["index"])
        connection.execute("set search_path = search")
        connection.execute(search.SQL["index"])
        connection.execute("vacuum analyze search.search, read.inbox, read.thread")
    return texts


class Asked:
    """One size: what is asked, and how long it took."""

    def __init__(self, report: Report, database_url: str, messages: int, texts: list[str], size: Size) -> None:
        self.report, self.database_url, self.messages, self.size = report, database_url, messages, size
        self.texts = texts
        self.rare: list[tuple[str, int]] = []
        self.common: list[tuple[str, int]] = []

    async def measure(self) -> None:
        self._count()
        async with AsyncConnectionPool(self.database_url, min_size=1, kwargs=OPTIONS, open=False, max_size=2) as pool:
            reads: Reads = Reads(pool)
            for who, person in PEOPLE.items():
                await self._ask(reads, f"word in < {RARE:,}, {who}", self._some_rare, person, REACH_RARE)
                await self._ask(reads, f"any word or beginning, {who}", self._some_common, person, REACH_ANY)
        self._plainly()

    def _count(self) -> None:
        """How many messages hold each word in any of its forms, as far as its commonest form says."""
        held = Counter(form for text in self.texts for form in searchable(text))
        counts = [(word, max(held[form] for form in forms(word)) * self.messages // len(self.texts)) for word in held]
        counts.sort(key=itemgetter(1), reverse=True)
        self.rare = [(word, count) for word, count in counts if count < RARE]
        self.common = counts[:30]

    async def _ask(self, reads: Reads, what: str, choose: Callable[[], str], person: Person, reach: float) -> None:
        took, partial = list[float](), 0
        ends = time.perf_counter() + self.size.seconds
        while time.perf_counter() < ends or len(took) < 5:
            text, began = choose(), time.perf_counter()
            found = await find(reads, text, Filters(), reach_of(person), limit=PAGE, cursor=None)
            took.append((time.perf_counter() - began) * 1e3)
            partial += found.partial
        beside = f"p99 {percentile(took, 0.99):.0f} ms, {partial / len(took):.0%} partial, {len(took)} asked"
        self.report.figures.append(Figure(f"{self.messages:,}: {what}", [percentile(took, 0.5)], "ms", beside))
        if self.messages == self.size.messages:
            verdict = Verdict(f"p99, {what}", percentile(took, 0.99), reach, "ms", at_most=True)
            self.report.verdicts.append(verdict)

    def _some_rare(self) -> str:
        """Half of them as frequent as the promise allows."""
        return f"{random.choice(self.rare[: random.choice((20, len(self.rare)))])[0]} "

    def _some_common(self) -> str:
        """A whole word, or the two letters that somebody has typed of it."""
        return random.choice(self.common)[0][: random.choice((2, 99))]

    def _plainly(self) -> None:
        word = self.rare[0][0]
        asked: dict[str, Any] = {"word": f"'{word}'", "like": f"%{word}%", "limit": PAGE, "department": UUID(int=3)}
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f"set statement_timeout = '{PLAIN_SECONDS}s'")
            for name in ("plain_index", "plain_ilike"):
                began, beside = time.perf_counter(), f"{word!r}, {self.rare[0][1]:,} messages"
                try:
                    connection.execute(SQL[name], asked).fetchall()
                except psycopg.errors.QueryCanceled:
                    beside += ", given up"
                took = (time.perf_counter() - began) * 1e3
                self.report.figures.append(Figure(f"{self.messages:,}: {name.replace('_', ' ')}", [took], "ms", beside))
