"""The webhook log: what providers sent, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import orjson
import psycopg
import pytest

from pulse.aggregates.delivery import cause_of
from pulse.eventlog.envelope import subject_of
from pulse.projections import deliveries
from pulse.projections.deliveries import Wanted
from pulse.projections.paging import END
from tests.given import ANNA, NOW, SHOP, a_chat, message, replies, vera_edits, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told, kept, vera


def sealed(name: str, version: int) -> bytes:
    """An envelope around data that no event has."""
    envelope = {"type": name, "v": version, "ver": 1, "id": uuid4(), "at": NOW, "by": "system", "data": {"odd": 1}}
    return orjson.dumps(envelope)


def rows_of(told: Told) -> list[dict]:
    return told.through(deliveries).rows("deliveries.insert_deliveries")


def test_every_event_with_a_raw_body_is_a_delivery_that_was_taken():
    told = Told()
    told.of(a_chat(), vera_writes("u1", "m1"), vera_edits("u2", "m1"),
            lambda chat: chat.delete(("m1",), external_id="u3", raw="{}", now=NOW))  # fmt: skip
    rows = rows_of(told)
    assert [(row["external_id"], row["kind"]) for row in rows] == [
        ("u1", "chat.message-received"), ("u2", "chat.message-edited"), ("u3", "chat.messages-deleted"),
    ]  # fmt: skip
    assert {(row["outcome"], row["source_id"]) for row in rows} == {("taken", SHOP)}


def test_what_nobody_delivered_is_not_in_it():
    told = Told()
    told.of(a_chat(), replies(ANNA), lambda chat: chat.see_as_customer(2, now=NOW))
    assert rows_of(told) == []


def test_a_read_mark_of_a_channel_is_in_it_and_one_of_our_widget_is_not():
    told = Told()
    told.of(a_chat(), vera_writes("u1"), replies(ANNA),
            lambda chat: chat.see_as_customer(2, now=NOW, external_id="r1", raw="{}"),
            lambda chat: chat.see_as_customer(4, now=NOW))  # fmt: skip
    assert [row["external_id"] for row in rows_of(told)] == ["u1", "r1"]


def test_a_kept_delivery_says_why():
    told = Told()
    told.of(kept("u9", "quarantined", raw="not json"))
    [row] = rows_of(told)
    assert (row["outcome"], row["kind"], row["external_id"]) == ("quarantined", "poll", "u9")


def test_leaving_and_returning_say_why():
    told = Told()
    told.of(vera(), lambda c: c.leave(reason="blocked", external_id="l1", raw="{}", now=NOW))
    [row] = rows_of(told)
    assert (row["kind"], row["reason"]) == ("customer.left", "blocked")


def caused(told, position, aggregate, *acts):
    """Acts that come of reading a delivery again."""
    before = len(told.appends)
    told.of(aggregate, *acts)
    for each in told.appends[before:]:
        each.body = orjson.dumps(orjson.loads(each.body) | {"cause": cause_of(position)})


def test_what_came_of_reading_again_is_laid_over_the_delivery_and_is_no_other_one():
    told = Told()
    delivery = told.of(kept("u1", "quarantined"))
    caused(told, 1, delivery, lambda one: one.process(outcome="unhandled", kind="poll", reason="odd", now=NOW))
    chat = a_chat()
    caused(told, 1, chat, vera_writes("u1", "m1"))
    caused(told, 1, delivery, lambda one: one.process(outcome="processed", kind="k", reason="", now=NOW))
    changes = told.through(deliveries)
    assert len(changes.rows("deliveries.insert_deliveries")) == 1
    [row] = changes.rows("deliveries.update_deliveries")
    assert (row["position"], row["outcome"], row["kind"], row["reason"]) == (1, "processed", "k", "")
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["unhandled", "processed"]
    assert row["became"] == [{"type": "chat.message-received", "chat_id": chat.id, "version": 2, "position": 4}]


def test_a_cause_of_another_kind_leaves_an_event_what_it_is():
    told = Told()
    chat = told.of(a_chat())
    told.of(chat, vera_writes("u1"))
    told.appends[-1].body = orjson.dumps(orjson.loads(told.appends[-1].body) | {"cause": "delivery:none"})
    assert [row["external_id"] for row in rows_of(told)] == ["u1"]


def after(minutes):
    """The twenty come a minute apart."""
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
async def twenty(log, projector):
    """Twenty deliveries: two of three were taken, the others quarantined."""
    told = Told()
    chat = told.of(a_chat())
    for number in range(20):
        if number % 3:
            told.of(chat, lambda chat, n=number: chat.receive(message(f"u{n}"), raw="{}", now=after(n)))
        else:
            told.of(kept(f"u{number}", "quarantined", now=after(number)))
    await append(log, told)
    await projector.catch_up()


FILTERS = [
    pytest.param(Wanted(), range(20), id="all"),
    pytest.param(Wanted((SHOP,)), range(20), id="a source"),
    pytest.param(Wanted((uuid4(), SHOP)), range(20), id="some sources"),
    pytest.param(Wanted(outcome="quarantined"), range(0, 20, 3), id="an outcome"),
    pytest.param(Wanted((SHOP,), "taken"), [n for n in range(20) if n % 3], id="both"),
    pytest.param(Wanted((uuid4(),)), [], id="another source"),
    pytest.param(Wanted(()), [], id="a channel without sources"),
    pytest.param(Wanted(since=after(4)), range(4, 20), id="from a time"),
    pytest.param(Wanted(until=after(7)), range(7), id="to a time"),
    pytest.param(Wanted((SHOP,), "taken", after(4), after(8)), [4, 5, 7], id="everything"),
    pytest.param(Wanted(since=after(20)), [], id="later"),
]


@pytest.mark.parametrize(("which", "theirs"), FILTERS)
async def test_pages_show_every_delivery_both_ways(twenty, reads, log, which, theirs):
    wanted = [f"u{number}" for number in sorted(theirs, reverse=True)]
    for limit in (1, 6, 100):
        page = await deliveries.page(reads, log, which, limit=limit, cursor=None)
        assert page.prev is None
        down = list(page.items)
        while page.next:
            page = await deliveries.page(reads, log, which, limit=limit, cursor=page.next)
            down += page.items
        assert [row["external_id"] for row in down] == wanted
        up = list(page.items)
        while page.prev:
            page = await deliveries.page(reads, log, which, limit=limit, cursor=page.prev)
            up = [*page.items, *up]
        assert [row["external_id"] for row in up] == wanted
        assert {row["raw"] for row in down} <= {"{}", "not json"}


UNREADABLE = {
    "no envelope": b"{}",
    "no JSON": b"hello",
    "an event of a newer Pulse": sealed("chat.hologram-received", 1),
    "a version of a newer Pulse": sealed("chat.message-received", 99),
    "other fields": sealed("chat.message-received", 1),
}
INSERT = """
insert into read.deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, version, at)
values (%(position)s, %(shop)s, 'odd', 'taken', 'chat.message-received', '', gen_random_uuid(), 1, now() + interval '1 year')
"""


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_delivery_whose_event_can_not_be_read_is_shown_without_its_body(twenty, reads, log, query, name):
    odd = Told()
    odd.raw(subject_of("chat", uuid4()), UNREADABLE[name])
    query(INSERT, {"position": await append(log, odd), "shop": SHOP})
    page = await deliveries.page(reads, log, Wanted(), limit=100, cursor=None)
    assert [row["raw"] for row in page.items] == [None] + [row["raw"] for row in page.items[1:]]
    assert None not in [row["raw"] for row in page.items[1:]]
    assert len(page.items) == 21


@pytest.mark.parametrize("position", [0, 10**6], ids=["before an event", "after the end"])
async def test_a_delivery_that_the_log_does_not_hold_shows_nobody_elses_body(log, projector, reads, query, position):
    told = Told()
    told.of(kept("u1", "quarantined"))
    await append(log, told)
    await projector.catch_up()
    query(INSERT, {"position": position, "shop": SHOP})
    page = await deliveries.page(reads, log, Wanted(), limit=100, cursor=None)
    [odd] = [row for row in page.items if row["external_id"] == "odd"]
    assert (odd["raw"], odd["raw_base64"]) == (None, None)


async def test_only_a_few_bodies_are_read_at_once(twenty, reads, log, monkeypatch):
    reading, most, read = 0, 0, log.read

    async def counted(*place, **which):
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        found = await read(*place, **which)
        reading -= 1
        return found

    monkeypatch.setattr(log, "read", counted)
    page = await deliveries.page(reads, log, Wanted(), limit=100, cursor=None)
    assert (len(page.items), most) == (20, deliveries.READ_AT_ONCE)


FILL = """
insert into read.deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, version, at)
select n, case when n %% 100 = 0 then %(shop)s else gen_random_uuid() end, n::text,
    case when n %% 200 = 1 then 'quarantined' when n %% 1000 = 0 then 'unhandled' else 'taken' end,
    'chat.message-received', '', gen_random_uuid(), 1, %(now)s + n * interval '1 minute'
from generate_series(1, 50000) as n
"""

HALF, MORE = after(25_000), after(26_000)
SERVED = [
    (Wanted(), "deliveries_by_time"),
    (Wanted((SHOP,)), "deliveries_by_source"),
    (Wanted((SHOP, uuid4())), "deliveries_by_source"),
    (Wanted(outcome="quarantined"), "deliveries_by_outcome"),
    (Wanted(outcome="taken"), "deliveries_by_time"),
    (Wanted((SHOP,), "taken"), "deliveries_by_source"),
    (Wanted((SHOP,), "unhandled"), "deliveries_by_source_outcome"),
    (Wanted(since=HALF, until=MORE), "deliveries_by_time"),
    (Wanted((SHOP,), None, HALF, MORE), "deliveries_by_source"),
    (Wanted(None, "quarantined", HALF, MORE), "deliveries_by_outcome"),
    (Wanted((SHOP,), "unhandled", HALF, MORE), "deliveries_by_source_outcome"),
]


def steps_of(plan):
    """A plan's steps, those that are below it too."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from steps_of(below)


@pytest.fixture
async def fifty_thousand(projector, query):
    await projector.catch_up()
    query(FILL, {"shop": SHOP, "now": NOW})
    query("analyze read.deliveries")


@pytest.mark.parametrize("position", [25_500, END], ids=["from the middle", "from the end"])
async def test_fifty_thousand_deliveries_are_read_by_their_indexes(fifty_thousand, database_url, position):
    """Each list and each way: no scan of the table, no sort of more than the page has from each source."""
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for way in ("older", "newer"):
            for wanted, index in SERVED:
                statement = deliveries.SQL[way if wanted.sources is None else f"{way}_of_sources"]
                values = wanted.values() | {
                    "position": position if way == "older" else min(position, 25_500),
                    "limit": 51,
                }
                [[[found]]] = connection.execute(f"explain (analyze, format json) {statement}", values).fetchall()
                steps = list(steps_of(found["Plan"]))
                used = {step.get("Index Name") for step in steps if step["Node Type"].endswith("Scan")}
                assert index in used, (way, wanted, steps)
                assert not any(step["Node Type"] in ("Seq Scan", "Bitmap Heap Scan") for step in steps), (way, wanted)
                read = max(step["Actual Rows"] + step.get("Rows Removed by Filter", 0) for step in steps)
                assert read <= 120, (way, wanted, read)
                sorts = [step for step in steps if "Sort" in step["Node Type"]]
                assert len(sorts) <= (wanted.sources is not None), (way, wanted)
