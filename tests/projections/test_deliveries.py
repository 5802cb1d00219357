"""The webhook log: what providers sent, and what became of it."""

from __future__ import annotations

from uuid import uuid4

import orjson
import psycopg
import pytest

from pulse.eventlog.envelope import subject_of
from pulse.projections import deliveries
from tests.given import ANNA, NOW, SHOP, a_chat, replies, vera_edits, vera_writes
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


@pytest.fixture
async def twenty(log, projector):
    """Twenty deliveries: two of three were taken, the others quarantined."""
    told = Told()
    chat = told.of(a_chat())
    for number in range(20):
        if number % 3:
            told.of(chat, vera_writes(f"u{number}"))
        else:
            told.of(kept(f"u{number}", "quarantined"))
    await append(log, told)
    await projector.catch_up()


FILTERS = [
    pytest.param({"source": None, "outcome": None}, range(20), id="all"),
    pytest.param({"source": SHOP, "outcome": None}, range(20), id="a source"),
    pytest.param({"source": None, "outcome": "quarantined"}, range(0, 20, 3), id="an outcome"),
    pytest.param({"source": SHOP, "outcome": "taken"}, [n for n in range(20) if n % 3], id="both"),
    pytest.param({"source": uuid4(), "outcome": None}, [], id="another source"),
]


@pytest.mark.parametrize(("which", "theirs"), FILTERS)
async def test_pages_show_every_delivery_both_ways(twenty, reads, log, which, theirs):
    wanted = [f"u{number}" for number in sorted(theirs, reverse=True)]
    for limit in (1, 6, 100):
        page = await deliveries.page(reads, log, **which, limit=limit, cursor=None)
        assert page.prev is None
        down = list(page.items)
        while page.next:
            page = await deliveries.page(reads, log, **which, limit=limit, cursor=page.next)
            down += page.items
        assert [row["external_id"] for row in down] == wanted
        up = list(page.items)
        while page.prev:
            page = await deliveries.page(reads, log, **which, limit=limit, cursor=page.prev)
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
insert into read.deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, at)
values (%(position)s, %(shop)s, 'odd', 'taken', 'chat.message-received', '', gen_random_uuid(), now())
"""


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_delivery_whose_event_can_not_be_read_is_shown_without_its_body(twenty, reads, log, query, name):
    odd = Told()
    odd.raw(subject_of("chat", uuid4()), UNREADABLE[name])
    query(INSERT, {"position": await append(log, odd), "shop": SHOP})
    page = await deliveries.page(reads, log, source=None, outcome=None, limit=100, cursor=None)
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
    page = await deliveries.page(reads, log, source=None, outcome=None, limit=100, cursor=None)
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
    page = await deliveries.page(reads, log, source=None, outcome=None, limit=100, cursor=None)
    assert (len(page.items), most) == (20, deliveries.READ_AT_ONCE)


FILL = """
insert into read.deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, at)
select n, case when n %% 100 = 0 then %(shop)s else gen_random_uuid() end, n::text,
    case when n %% 100 = 1 then 'quarantined' else 'taken' end, 'chat.message-received', '', gen_random_uuid(), now()
from generate_series(1, 50000) as n
"""


async def test_fifty_thousand_deliveries_are_read_by_their_indexes(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"shop": SHOP})
    query("analyze read.deliveries")
    wanted = [
        (None, None, "deliveries_pkey"),
        (SHOP, None, "deliveries_by_source"),
        (None, "quarantined", "deliveries_by_outcome"),
        (SHOP, "taken", "deliveries_by_source"),
    ]
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for way, position in (("older", 25_000), ("newer", 25_000)):
            for source, outcome, index in wanted:
                values = {"source": source, "outcome": outcome, "position": position, "limit": 51}
                rows = connection.execute(f"explain {deliveries.SQL[way]}", values).fetchall()
                found = "\n".join(line for (line,) in rows)
                assert index in found, found
                assert "Seq Scan" not in found, found
