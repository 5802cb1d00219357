"""The chat list: every filter and order against a list made by hand, both ways, for different people."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from pulse.access import Reach
from pulse.errors import BadInput
from pulse.projections import chat_list, counters, thread
from pulse.projections.chat_cursors import LAST, ListCursor, key_of
from pulse.projections.chat_filters import SORTS, STATUSES, VIEWS, Filters, NotOffered
from pulse.projections.chat_lanes import EXACT, SCAN, WORK, lanes_of
from pulse.projections.paging import END
from pulse.projections.reads import OPTIONS
from tests.given import ANNA, BORIS, NOW, SALES, SUPPORT, a_chat, assigned_to, closed_by, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told, a_chat_of

SHOPS = [UUID(int=number) for number in (0xA, 0xB, 0xC)]
ELSEWHERE = UUID(int=0xE)
CUSTOMER = UUID(int=0xC5)

ADMIN = Reach(everything=True, departments=[], holder=BORIS)
IN_SALES = Reach(everything=False, departments=[SALES], holder=ANNA)
IN_BOTH = Reach(everything=False, departments=[SALES, SUPPORT], holder=ANNA)
NOWHERE = Reach(everything=False, departments=[], holder=ANNA)

# Of twenty chats three wait, one of them snoozed, and two more are open; Anna holds a quarter of those, Boris another.
FILL = """
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id, status,
    last_text, opened_at, last_at, last_position, version, unread_by_staff, messages, priority, tags, waiting_since)
select gen_random_uuid(), (%(shops)s::uuid[])[1 + n %% 3], 'telegram', 'p' || n,
    case when n %% 400 = 3 then %(customer)s else gen_random_uuid() end,
    case when n %% 500 = 4 then 'Vera ' else 'Customer ' end || n, false,
    case n %% 7 when 0 then %(sales)s when 1 then %(support)s when 2 then null else %(elsewhere)s end,
    case when status = 'closed' then null when n %% 4 = 1 then %(anna)s when n %% 4 = 2 then %(boris)s end,
    status, case when n %% 900 = 5 then 'Order ' else 'Hello ' end || n, now(), now(), n, 1,
    case when waits and n %% 3 = 0 then 2 else 0 end, n %% 5,
    (array['low', 'normal', 'normal', 'normal', 'high', 'urgent'])[1 + n %% 6],
    case when n %% 50 = 6 then array['refund'] when n %% 997 = 7 then array['rare', 'refund'] else '{}'::text[] end,
    case when waits then timestamptz '2026-11-21 09:00Z' - (n * 7919 %% 600) * interval '1 minute' end
from generate_series(1, %(rows)s) as n cross join lateral (select
    case when n %% 20 = 1 then 'snoozed' when n %% 20 in (3, 4, 5, 9) then 'open' else 'closed' end as status,
    n %% 20 in (1, 4, 5) as waits) as what
"""
TAG = "insert into read.tagged (chat_id, tag, last_position) select chat_id, tag, last_position from read.inbox, unnest(tags) as tag"
MARK = "insert into read.marks (moderator_id, chat_id, seen) select %(anna)s, chat_id, 2 from read.inbox"
WORLD = {
    "shops": SHOPS, "customer": CUSTOMER, "sales": SALES, "support": SUPPORT, "elsewhere": ELSEWHERE, "anna": ANNA,
    "boris": BORIS,
}  # fmt: skip


def fill(query: Any, rows: int) -> None:
    query(FILL, WORLD | {"rows": rows})
    query(TAG)
    query(MARK, {"anna": ANNA})
    query("analyze read.inbox, read.marks, read.tagged")


BESIDE: list[dict[str, Any]] = [
    {}, {"department": SALES}, {"department": SUPPORT}, {"sources": (SHOPS[0],)}, {"sources": (SHOPS[0], SHOPS[1])},
    {"holder": BORIS}, {"holder": ANNA}, {"customer": CUSTOMER}, {"tag": "refund"}, {"tag": "rare"},
    {"priority": "urgent"}, {"unseen": True}, {"text": "vera"}, {"text": "ORDER 1"}, {"text": "p10"}, {"text": "c"},
    {"department": SALES, "unseen": True}, {"tag": "refund", "sources": (SHOPS[2],)}, {"text": "p1", "priority": "high"},
]  # fmt: skip


def offered() -> list[Filters]:
    """Every view, order and status that go together; and each filter beside with every view and order."""
    found = []
    alone, beside_some = product(VIEWS, SORTS, (None, *STATUSES), [{}]), product(VIEWS, SORTS, [None], BESIDE[1:])
    for view, sort, status, beside in (*alone, *beside_some):
        try:
            filters = Filters(view=view, sort=sort, status=status, **beside)
        except NotOffered:
            continue
        if not (view == "mine" and "holder" in beside):
            found.append(filters)
    return found


def by_hand(rows: list[dict[str, Any]], filters: Filters, reach: Reach) -> list[int]:
    """The same list as one would make it on paper: its chats' last positions."""
    holder = reach["holder"] if filters.view == "mine" else filters.holder
    text = filters.text.lower() if filters.text else None

    def fits(row: dict[str, Any]) -> bool:
        return (
            (reach["everything"] or row["department_id"] in reach["departments"] or row["holder_id"] == reach["holder"])
            and row["status"] in filters.statuses
            and filters.department in (None, row["department_id"])
            and (filters.sources is None or row["source_id"] in filters.sources)
            and holder in (None, row["holder_id"])
            and filters.customer in (None, row["customer_id"])
            and (filters.tag is None or filters.tag in row["tags"])
            and filters.priority in (None, row["priority"])
            and (filters.view != "unassigned" or row["holder_id"] is None)
            and (filters.view != "unread" or row["unread_by_staff"] > 0)
            and (filters.sort != "waiting" or row["waiting_since"] is not None)
            and (not filters.unseen or row["messages"] > (2 if reach["holder"] == ANNA else 0))
            and (text is None or any(row[field].lower().startswith(text) for field in ("name", "peer", "last_text")))
        )

    found = [key_of(row, filters) for row in rows if fits(row)]
    return [place for _, place in sorted(found, reverse=filters.sort in ("newest", "priority"))]


async def pages(reads: Any, reach: Reach, filters: Filters, limit: int) -> tuple[list[int], list[int]]:
    """The whole list, down and up again."""
    page = await chat_list.page(reads, reach, filters, limit=limit, cursor=None)
    assert page.prev is None
    down = [row["last_position"] for row in page.items]
    while page.next:
        page = await chat_list.page(reads, reach, filters, limit=limit, cursor=page.next)
        assert page.items
        down += [row["last_position"] for row in page.items]
    up = [row["last_position"] for row in page.items]
    while page.prev:
        page = await chat_list.page(reads, reach, filters, limit=limit, cursor=page.prev)
        up = [*(row["last_position"] for row in page.items), *up]
    return down, up


@pytest.mark.parametrize("reach", [ADMIN, IN_SALES, IN_BOTH, NOWHERE], ids=["admin", "sales", "both", "nowhere"])
async def test_every_list_is_what_one_would_make_by_hand_both_ways(projector, reads, query, reach):
    await projector.catch_up()
    fill(query, 200)
    rows = query("select * from read.inbox")
    shown = 0
    for filters in offered():
        wanted = by_hand(rows, filters, reach)
        assert await pages(reads, reach, filters, 15) == (wanted, wanted), filters
        shown += bool(wanted)
    assert shown > 100


# Plans


@pytest.fixture
async def many(projector, query):
    """Enough chats that a list without its index would be read whole, and sorted."""
    await projector.catch_up()
    fill(query, 30_000)


A_LITTLE = 30_000 // 8  # where all that is unread is so little, Postgres may well read it whole


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


def explained(
    database_url: str, filters: Filters, reach: Reach, cursor: ListCursor
) -> tuple[list[dict[str, Any]], int]:
    """A page's plan as it was carried out, and how many chats it may look at in each lane."""
    filters = replace(filters, holder=reach["holder"]) if filters.view == "mine" else filters
    lanes = lanes_of(filters, reach)
    read, values = chat_list.statement(filters, lanes, cursor), chat_list.parameters(filters, lanes, cursor, reach, 50)
    with psycopg.connect(database_url, autocommit=True, options=OPTIONS["options"]) as connection:
        [found] = connection.execute(f"explain (analyze, format json) {read}", values).fetchone()[0]
    count = (max(len(lanes.departments), 1) * len(filters.statuses) + len(filters.statuses)) * 4
    return nodes(found["Plan"]), max(3 * SCAN + (values["scan"] * count if lanes.kind == EXACT else WORK), A_LITTLE)


@pytest.mark.parametrize("reach", [ADMIN, IN_BOTH], ids=["admin", "moderator"])
async def test_every_list_is_read_by_its_indexes_and_sorts_no_more_than_it_may_look_at(many, database_url, reach):
    """A wrong index would show: as a scan of the whole table, or as rows that are read, sorted or thrown away."""
    for filters in (one for one in offered() if not one.beside or one.view in ("all", "unassigned")):
        middle = ListCursor(False, {"priority": 1, "waiting": 1_795_230_000_000_000}.get(filters.sort, 0), 15_000)
        for cursor in (ListCursor.of(None, filters), middle, replace(middle, back=True)):
            # in a thread: NATS would take a loop that stands still for gone
            plan, most = await asyncio.to_thread(explained, database_url, filters, reach, cursor)
            for node in plan:
                assert node["Node Type"] != "Seq Scan" or node.get("Relation Name") not in ("inbox", "marks")
                read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                assert read <= most, f"{filters}\n{node}"


async def test_a_list_without_its_index_would_be_found_out(many, database_url, query):
    """The test above can fail."""
    query("drop index read.inbox_waiting; drop index read.inbox_waiting_by_department")
    filters = Filters(view="waiting", sort="waiting")
    plan, most = explained(database_url, filters, ADMIN, ListCursor.of(None, filters))
    assert any(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] > most for node in plan
    )


async def test_threads_are_read_by_their_key(projector, query, database_url):
    await projector.catch_up()
    chat = uuid4()
    query("insert into read.thread select gen_random_uuid(), n, n, false, '{}' from generate_series(1, 20000) as n")
    query("insert into read.thread select %s, n, n, false, '{}' from generate_series(1, 20000) as n", [chat])
    query("analyze read.thread")
    values = {"chat_id": chat, "of": 9000, "before": 9000, "after": 9000, "version": 9000, "inside": True,
              "earlier": 26, "later": 26, "limit": 51}  # fmt: skip
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for name in ("newest", "after", "around", "place_of"):
            explain = f"explain (analyze, format json) {thread.SQL[name]}"
            plan = nodes(connection.execute(explain, values).fetchone()[0][0]["Plan"])
            assert {node["Node Type"] for node in plan} <= {
                "Limit",
                "Index Scan",
                "Append",
                "Merge Append",
                "Sort",
                "Subquery Scan",
            }
            assert all(node["Actual Rows"] <= 52 for node in plan)


# Partial pages


async def test_what_no_index_serves_is_looked_for_among_some_and_says_so(projector, reads, query):
    """One chat in a thousand has words that Boris has not seen; pages lead on to it, however empty they are."""
    await projector.catch_up()
    fill(query, 3000)
    query("update read.inbox set messages = 0, messages_at_close = 0")
    query("update read.inbox set messages = 1 where last_position = 7")
    filters, found, cursor, looks = Filters(unseen=True), [], None, 0
    while cursor is not None or not looks:
        page = await chat_list.page(reads, ADMIN, filters, limit=50, cursor=cursor)
        found += [row["last_position"] for row in page.items]
        assert page.partial == (page.next is not None)
        cursor, looks = page.next, looks + 1
    assert (found, looks) == ([7], 3000 // SCAN + 1)


async def test_a_text_that_too_many_begin_with_says_so(projector, reads, query):
    await projector.catch_up()
    fill(query, 3000)
    page = await chat_list.page(reads, ADMIN, Filters(text="customer"), limit=50, cursor=None)
    assert page.partial
    page = await chat_list.page(reads, ADMIN, Filters(text="customer 1234"), limit=50, cursor=None)
    assert [row["name"] for row in page.items] == ["Customer 1234"]
    assert not page.partial


async def test_a_text_finds_the_chats_of_who_may_see_few_whoever_elses_begin_so(projector, reads, query):
    """In the alphabet Anna's two come after hundreds of others'; a third is elsewhere, and she holds it."""
    await projector.catch_up()
    fill(query, 3000)
    small = uuid4()
    query("update read.inbox set department_id = %s where last_position in (2990, 2995)", [small])
    query("update read.inbox set holder_id = %s where last_position = 2985", [other := uuid4()])
    filters, hers = Filters(text="customer"), Reach(everything=False, departments=[small], holder=other)
    page = await chat_list.page(reads, hers, filters, limit=50, cursor=None)
    assert ([row["last_position"] for row in page.items], page.partial) == ([2995, 2990, 2985], False)
    page = await chat_list.page(reads, hers, replace(filters, department=small), limit=50, cursor=None)
    assert ([row["last_position"] for row in page.items], page.partial) == ([2995, 2990], False)


async def test_a_text_finds_the_chats_of_a_view_however_many_others_begin_so(projector, reads, query):
    await projector.catch_up()
    fill(query, 3000)
    filters = Filters(text="customer", view="snoozed")
    wanted = by_hand(query("select * from read.inbox"), filters, ADMIN)
    assert len(wanted) > 100
    assert await pages(reads, ADMIN, filters, 50) == (wanted, wanted)


async def test_pages_of_a_text_lead_on_through_all_that_was_found_however_empty_they_are(projector, reads, query):
    """Of those whose names come first the oldest is the one with words that Boris has not seen."""
    await projector.catch_up()
    fill(query, 3000)
    query("update read.inbox set messages = (last_position = 100)::int, messages_at_close = 0")
    filters, found, cursor, looks = Filters(text="customer", unseen=True), [], None, 0
    while cursor is not None or not looks:
        page = await chat_list.page(reads, ADMIN, filters, limit=50, cursor=cursor)
        assert page.partial
        found += [row["last_position"] for row in page.items]
        cursor, looks = page.next, looks + 1
    assert found == [100]
    assert looks > 1


# Cursors


@pytest.mark.parametrize(
    "cursor",
    ["17", "after", "after-", "after-0-5", "sideways-0-5-aa", "after-x-1-aa", "after--1-5-aa", "after-0-" + "9" * 20,
     "after-4000000000000000000-1-" + Filters().mark, f"before-{LAST + 1}-1-" + Filters().mark],
)  # fmt: skip
def test_a_made_up_cursor_is_refused(cursor):
    with pytest.raises(BadInput, match="earlier page"):
        ListCursor.of(cursor, Filters())


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("key", [f"{LAST}-{END}", "0-0", f"0-{END}", f"{LAST}-0"])
async def test_a_cursor_may_name_any_place_there_could_be(projector, reads, query, sort, key):
    """For the last moment there is Postgres has a place, too."""
    await projector.catch_up()
    fill(query, 100)
    filters = Filters(sort=sort)
    for way in ("after", "before"):
        assert await chat_list.page(reads, ADMIN, filters, limit=5, cursor=f"{way}-{key}-{filters.mark}")


async def test_a_cursor_of_another_list_is_refused(projector, reads, query):
    await projector.catch_up()
    fill(query, 100)
    cursor = (await chat_list.page(reads, ADMIN, Filters(), limit=5, cursor=None)).next
    for filters in (Filters(sort="oldest"), Filters(view="open"), Filters(tag="refund"), Filters(sort="priority")):
        with pytest.raises(BadInput, match="other filters"):
            await chat_list.page(reads, ADMIN, filters, limit=5, cursor=cursor)


@pytest.mark.parametrize(
    "asked",
    [{"view": "mine", "status": "closed"}, {"sort": "waiting", "view": "closed"}, {"view": "open", "status": "snoozed"},
     {"view": "waiting"}],
)  # fmt: skip
def test_filters_that_leave_nothing_are_refused(asked):
    with pytest.raises(NotOffered):
        Filters(**asked)


# Counters


def counted(rows: list[dict[str, Any]], reach: Reach) -> dict[str, int]:
    return {view: len(by_hand(rows, Filters(view=view, sort="waiting" if view == "waiting" else "newest"), reach))
            for view in VIEWS}  # fmt: skip


@pytest.mark.parametrize("reach", [ADMIN, IN_SALES, IN_BOTH, NOWHERE], ids=["admin", "sales", "both", "nowhere"])
async def test_counters_follow_every_change_and_count_what_the_lists_show(log, projector, reads, query, reach):
    told = Told()
    chats = [told.of(a_chat_of(str(n), (SALES, SUPPORT, None)[n % 3]), vera_writes("u1")) for n in range(12)]
    steps = [
        [(chats[n], assigned_to(ANNA if n % 2 else BORIS)) for n in range(0, 12, 2)],
        [(chats[n], lambda chat: chat.snooze(NOW + timedelta(days=1), moderator_id=ANNA, now=NOW)) for n in (1, 2, 3)],
        [(chats[n], lambda chat: chat.see(BORIS, chat.version, now=NOW)) for n in (4, 5)],
        [(chats[n], lambda chat: chat.transfer(SUPPORT, now=NOW)) for n in (0, 3)],
        [(chats[n], closed_by(ANNA)) for n in (6, 7, 8)],
        [(chats[n], lambda chat: chat.tag("vip", now=NOW)) for n in (1, 8)],
        [(chats[7], vera_writes("u2"))],
    ]
    for step in steps:
        await append(log, told)
        await projector.catch_up()
        rows = query("select * from read.inbox")
        assert await counters.of_views(reads, reach) == counted(rows, reach)
        told = Told()
        for chat, act in step:
            told.of(chat, act)


async def test_a_chats_tags_are_found_where_its_last_word_is(log, projector, reads, query):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1"), lambda c: c.tag("vip", now=NOW), lambda c: c.tag("late", now=NOW))
    other = told.of(a_chat("2"), vera_writes("u2"), lambda c: c.tag("vip", now=NOW))
    told.of(chat, lambda c: c.untag("late", now=NOW), vera_writes("u3"))
    await append(log, told)
    await projector.catch_up()
    assert query("select tag, last_position from read.tagged where chat_id = %s", [chat.id]) == [
        {"tag": "vip", "last_position": last_of(query, chat.id)}
    ]
    page = await chat_list.page(reads, ADMIN, Filters(tag="vip"), limit=5, cursor=None)
    assert [row["id"] for row in page.items] == [chat.id, other.id]


def last_of(query: Any, chat: UUID) -> int:
    [row] = query("select last_position from read.inbox where chat_id = %s", [chat])
    return row["last_position"]
