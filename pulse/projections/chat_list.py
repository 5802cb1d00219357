"""The chat list: pages of it by filters and order, each served by an index or bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, LiteralString

from psycopg.rows import DictRow

from pulse.access import Reach
from pulse.aggregates.chat_work import PRIORITIES
from pulse.projections import inbox
from pulse.projections.chat_cursors import ListCursor, cursor_text, key_of
from pulse.projections.chat_filters import Filters, NotOffered
from pulse.projections.chat_lanes import EXACT, SCAN, WHOLE, Lanes, lanes_of
from pulse.projections.paging import END, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)
BEYOND = "\U0010ffff"  # sorts after everything
BEGINS: LiteralString = (
    "between lower(%(text)s::text collate pg_c_utf8) and lower(%(text)s::text collate pg_c_utf8) || %(beyond)s::text"
)
CALLED: LiteralString = " or ".join(
    f"lower(left({field}, 64) collate pg_c_utf8) {BEGINS}" for field in ("name", "peer", "last_text")
)
# What a list is sorted by before the position of the last word, out of a row.
MAJORS: dict[str, LiteralString] = {
    "newest": "0::bigint",
    "oldest": "0::bigint",
    "waiting": "(extract(epoch from waiting_since) * 1000000)::bigint",
    "priority": "(array_position(%(every_priority)s::text[], priority) - 1)::bigint",
}
LOOKED = ("near", "looked", "far_major", "far_place")


@dataclass(frozen=True, slots=True)
class ChatPage(Page):
    """`partial`: it looked at as many chats as it may before the page was full; `next` (or `prev`) looks on."""

    partial: bool = False


async def page(reads: Reads, reach: Reach, filters: Filters, *, limit: int, cursor: str | None) -> ChatPage:
    """Chats somebody may see and wants to see. A cursor is an earlier page's of this list. Raises BadInput."""
    if filters.view == "mine":
        if filters.holder not in (None, reach["holder"]):
            raise NotOffered("The view `mine` has no other holder than you.")
        filters = replace(filters, holder=reach["holder"])
    at, lanes = ListCursor.of(cursor, filters), lanes_of(filters, reach)
    rows = await reads.fetch(statement(filters, lanes, at), **parameters(filters, lanes, at, reach, limit))
    return _page(rows, filters, lanes, at, limit, begun=cursor is None)


def statement(filters: Filters, lanes: Lanes, at: ListCursor) -> LiteralString:
    """The one statement that reads a page."""
    before: LiteralString = "<" if at.down(filters) else ">"
    down: LiteralString = "desc" if at.down(filters) else "asc"
    text = SQL["page"].replace("{lanes}", lanes.text).replace("{row_major}", MAJORS[filters.sort])
    text = text.replace("{begins}", BEGINS).replace("{called}", CALLED)
    return text.replace("{before}", before).replace("{down}", down)


def parameters(filters: Filters, lanes: Lanes, at: ListCursor, reach: Reach, limit: int) -> dict[str, Any]:
    """What the statement takes."""
    every = [priority for priority in PRIORITIES if filters.priority in (None, priority)]
    return {
        "major": at.major, "place": at.place, "since": at.since, "limit": limit + 1, "held": SCAN,
        "scan": lanes.scan(filters, limit),
        "departments": lanes.departments, "held_by": lanes.held_by,
        "everything": reach["everything"], "reach": reach["departments"], "person": reach["holder"],
        "statuses": filters.statuses, "department": filters.department, "customer": filters.customer,
        "sources": None if filters.sources is None else list(filters.sources),
        "holder": filters.holder, "priority": filters.priority, "tag": filters.tag, "text": filters.text,
        "free": filters.view == "unassigned", "unread": filters.view == "unread", "waiting": filters.waiting,
        "unseen": filters.unseen, "beyond": BEYOND, "every_priority": list(PRIORITIES),
        "priorities": every, "ranks": [filters.rank(priority) for priority in every],
        "bounds": [_bound(filters.rank(priority), at, down=at.down(filters)) for priority in every],
    }  # fmt: skip


def _bound(rank: int, at: ListCursor, *, down: bool) -> int:
    """From where on chats of a priority come after the cursor: all, some or none of them."""
    if rank == at.major:
        return at.place
    all_of_it = rank < at.major if down else rank > at.major
    return END if all_of_it == down else -1


def _page(rows: list[DictRow], filters: Filters, lanes: Lanes, at: ListCursor, limit: int, *, begun: bool) -> ChatPage:
    looked = {field: rows[0][field] for field in LOOKED}
    found = [row for row in rows if row["chat_id"] is not None]
    items, more = found[:limit], len(found) > limit
    far = (looked["far_major"], looked["far_place"])
    most = lanes.scan(filters, limit)
    cut = not more and lanes.kind != EXACT and looked["looked"] == most
    partial = cut or (lanes.kind == WHOLE and looked["near"] >= most)
    onward = key_of(items[-1], filters) if more else far if cut else None
    back = key_of(items[0], filters) if items and not begun else None
    if at.back:
        items = items[::-1]
    ways = ("before", "after") if at.back else ("after", "before")
    there = cursor_text(ways[0], onward, filters) if onward else None
    here = cursor_text(ways[1], back, filters) if back else None
    shown = [inbox.for_person({key: value for key, value in row.items() if key not in LOOKED}) for row in items]
    return ChatPage(shown, *((here, there) if at.back else (there, here)), partial=partial)
