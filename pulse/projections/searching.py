"""Searching: pages of what was said and of the chats it was said in, the newest first, as far as somebody may see them.

A word may stand in half of all messages, or in three of them that lie years back, or in many that the reader may not
see. Postgres guesses how often. Where that promises a page, a search looks through the newest rows one by one; then it asks the index of words for the newest pieces of the log, then for all the rest. Where even a piece takes too
long, it goes on row by row. Whoever sees a few chats only is served from those.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from pulse.access import Reach
from pulse.projections import joins
from pulse.projections.changes import Row
from pulse.projections.paging import DOWN, END, Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.projections.words import Question, question_of, snippet

SQL = Statements(__file__)
NEAR_ROWS, STEP_ROWS = 2000, 4000
PIECE_BITS = 18  # as in search.sql
PIECES = (3, 8)  # asked for together; the newest is seldom whole
SECONDS, AT_ONCE_SECONDS, PIECES_SECONDS, SHORTEST_SECONDS = 0.2, 0.1, 0.08, 0.01
RARE_ROWS, FEW_CHATS = 15_000, 1000
CHATS = 1000
EVER, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
OWN_WRITE_SECONDS, ASK_AGAIN_SECONDS = 0.5, 0.02


@dataclass(frozen=True, slots=True)
class Filters:
    """What else must hold. Without any, everything that may be seen is searched."""

    chat: UUID | None = None
    customer: UUID | None = None
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits. `partial`: time was over before everything was looked through; the next page goes on there."""

    page: Page
    partial: bool

    def body(self) -> dict[str, Any]:
        return {**self.page.body(), "partial": self.partial}


async def wait_for(reads: Reads, position: int) -> None:
    """Waits until what is searched has taken in a position, half a second at most."""
    clock = asyncio.get_running_loop().time
    until = clock() + OWN_WRITE_SECONDS
    while position and clock() < until:
        rows = await reads.fetch("select position from search.checkpoint")
        if rows and rows[0]["position"] >= position:
            return
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def find(reads: Reads, text: str, filters: Filters, reach: Reach, *, limit: int, cursor: str | None) -> Found:
    """What somebody may see of it, the newest first. A cursor is an earlier page's. Raises BadInput."""
    question, at = question_of(text), Cursor.of(cursor)
    wanted = {
        "lexemes": question.lexemes(), "chats": await _chats(reads, filters, reach), "channel": filters.channel,
        "since": filters.since or EVER, "until": filters.until or NEVER, **reach,
    }  # fmt: skip
    bottom, top = await _span(reads, filters, at)
    search = Search(reads, at.way, wanted, bottom, top, limit + 1)
    await search.run()
    page = search.page(at, limit)
    return Found(replace(page, items=_told(question, page.items)), search.partial)


def statement(where: str, way: str) -> LiteralString:
    """The one statement that reads a page: `where` is near, everywhere or in_chats, `way` older or newer."""
    said: LiteralString = "" if where == "everywhere" else SQL["said"]
    return SQL["page"].replace("{found}", SQL[where]).replace("{said}", said).replace("{down}", DOWN[way])


@dataclass(slots=True)
class Search:
    """One search on its way through the positions between `bottom` and `top`, both outside."""

    reads: Reads
    way: str
    wanted: dict[str, Any]
    bottom: int
    top: int
    needed: int
    rows: list[Row] = field(default_factory=list)
    partial: bool = False
    clock: Callable[[], float] = time.monotonic
    ends: float = 0.0

    async def run(self) -> None:
        """Until the page is full, everything is looked through, or the time is over (`partial`)."""
        self.ends = self.clock() + SECONDS
        rows = await self._guess()
        rare, dense = rows <= RARE_ROWS, rows * NEAR_ROWS >= self.needed * (self.top - self.bottom)
        if await self._ask_few_chats() or (dense and await self._step(NEAR_ROWS)):
            return
        done = await self._ask_index(PIECES[:1] if rare else PIECES)
        while not done:
            done = await self._step(STEP_ROWS)
            self.partial = not done and self.clock() > self.ends
            done = done or self.partial

    async def _guess(self) -> float:
        """In how many rows these words stand, as Postgres guesses without looking."""
        [guess] = await self.reads.fetch(SQL["guess"], lexemes=self.wanted["lexemes"])
        return float(guess["QUERY PLAN"][0]["Plan"]["Plan Rows"])

    async def _ask_few_chats(self) -> bool:
        """Reads through all of a few chats. False where they are not few, or that would take too long."""
        if self.wanted["chats"] is None:
            return False
        return await self._ask("in_chats", self.wanted["lexemes"], AT_ONCE_SECONDS)

    async def _step(self, rows: int) -> bool:
        """Takes the next rows one by one. Is it done?"""
        place = {"bottom": self.bottom, "top": self.top}
        found = await self.reads.fetch(SQL["reach"].replace("{down}", DOWN[self.way]), **place, rows=rows)
        edge = found[0]["position"] if found else None
        if edge is not None:
            place["top" if self.way == "newer" else "bottom"] = edge
        left = self.needed - len(self.rows)
        self.rows += await self.reads.fetch(statement("near", self.way), **self.wanted, **place, limit=left)
        if edge is not None:
            self._move(edge)
        return edge is None or self._is_done()

    async def _ask_index(self, pieces: Sequence[int]) -> bool:
        """Asks the index of words for the next pieces of the log, for more of them, for all. False where even the first
        would take too long.
        """
        for count in pieces:
            if not await self._ask_pieces(count):
                self.partial = count != pieces[0]
                return self.partial
            if self._is_done():
                return True
        self.partial = not await self._ask("everywhere", self.wanted["lexemes"])
        return True

    async def _ask_pieces(self, count: int) -> bool:
        newer = self.way == "newer"
        first = (self.bottom + 1 if newer else self.top - 1) >> PIECE_BITS
        last = first + count - 1 if newer else max(first - count + 1, 0)
        pieces = " | ".join(f"'@{piece}'" for piece in range(min(first, last), max(first, last) + 1))
        edge = (last + 1 << PIECE_BITS) if newer else (last << PIECE_BITS) - 1
        edge = min(edge, self.top) if newer else max(edge, self.bottom)
        span = {"top" if newer else "bottom": edge}
        if not await self._ask("everywhere", f"({self.wanted['lexemes']}) & ({pieces})", PIECES_SECONDS, **span):
            return False
        self._move(edge)
        return True

    async def _ask(self, where: str, lexemes: str, seconds: float = SECONDS, **span: int) -> bool:
        """Takes what a statement finds in time, if it does."""
        wanted = {**self.wanted, "bottom": self.bottom, "top": self.top, "lexemes": lexemes, **span}
        left = max(min(seconds, self.ends - self.clock()), SHORTEST_SECONDS)
        found = await self.reads.fetch_within(
            int(left * 1000), statement(where, self.way), **wanted, limit=self.needed - len(self.rows)
        )
        self.rows += found or []
        return found is not None

    def _move(self, edge: int) -> None:
        """Everything up to the edge is looked through, the edge itself is not."""
        if self.way == "newer":
            self.bottom = edge - 1
        else:
            self.top = edge + 1

    def _is_done(self) -> bool:
        return len(self.rows) >= self.needed or self.top - self.bottom <= 1

    def page(self, at: Cursor, limit: int) -> Page:
        """The page, and where the next one goes on: after the last hit, or where the time was over."""
        page = at.page(self.rows, limit, "position")
        if not self.partial:
            return page
        if self.way == "newer":
            return replace(page, prev=f"after-{self.bottom}")
        return replace(page, next=f"before-{self.top}")


async def _chats(reads: Reads, filters: Filters, reach: Reach) -> list[UUID] | None:
    """The chats that a search is kept to; those of a customer are those of everybody who is the same person."""
    if filters.customer is None:
        return await _few_chats(reads, reach) if filters.chat is None else [filters.chat]
    customers = await joins.identities(reads, filters.customer)
    rows = await reads.fetch(SQL["chats_of"], customers=customers, limit=CHATS)
    return [row["chat_id"] for row in rows if filters.chat in (None, row["chat_id"])]


async def _few_chats(reads: Reads, reach: Reach) -> list[UUID] | None:
    """All that somebody may see, if they are few. What may be seen is decided by each statement once more."""
    if reach["everything"]:
        return None
    [within] = await reads.fetch(SQL["how_many"], **reach)
    if within["chats"] > FEW_CHATS:
        return None
    return [row["chat_id"] for row in await reads.fetch(SQL["chats_within"], **reach)]


async def _span(reads: Reads, filters: Filters, at: Cursor) -> tuple[int, int]:
    """The positions between which the hits lie, both outside."""
    bottom, top = (at.position, END) if at.way == "newer" else (-1, at.position)
    [span] = await reads.fetch(SQL["span"], since=filters.since or EVER, until=filters.until or NEVER)
    if span["bottom"] is None or span["top"] is None:
        return bottom, bottom
    return max(bottom, span["bottom"]), min(top, span["top"])


def _told(question: Question, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Hits as people see them. What was deleted a moment ago is not among them."""
    shown = (row for row in rows if not row["version"] or (row["entry"] and not row["entry"].get("deleted_at")))
    return [_hit(row) | {"snippet": snippet(_text_of(row), question)} for row in shown]


def _hit(row: Row) -> dict[str, Any]:
    entry = row["entry"] or {"sender_type": "customer", "sender": {"id": row["peer"], "name": row["name"]}}
    return {
        "chat_id": row["chat_id"], "chat_name": row["name"], "channel": row["channel"],
        "message_id": row["version"] or None, "kind": _kind(row), "sender_type": entry["sender_type"],
        "sender": entry["sender"], "created_at": row["at"],
    }  # fmt: skip


def _kind(row: Row) -> str:
    if not row["version"]:
        return "chat"
    if row["entry"].get("notice") == "note":
        return "note"
    return "message" if row["entry"]["sender_type"] == "customer" else "reply"


def _text_of(row: Row) -> str:
    """All that a row is found by and that people can read, in one line."""
    entry = row["entry"]
    if entry is None:
        return " · ".join(filter(None, (row["name"], row["username"], row["phone"], row["peer"])))
    beside = [part for one in entry.get("attachments", ()) for part in (one.get("name"), one.get("phone"))]
    forwarded = [one["text"] for one in entry.get("forwarded", ())]
    return " · ".join(filter(None, (entry.get("text"), entry.get("phone"), *forwarded, *beside)))
