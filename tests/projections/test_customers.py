"""Who wrote: a row per person and source."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import psycopg

from pulse.aggregates.customer import customer_id
from pulse.message import Author, Incoming
from pulse.projections import customers
from tests.given import ANNA, NOW, SALES, SHOP, SUPPORT, VERA, a_chat, replies, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told, kept, vera


def people_of(told: Told) -> list[dict]:
    return told.through(customers).rows("customers.upsert_people")


def said_by(author: Author, external_id: str, after: int = 0):
    incoming = Incoming(external_id, author, "Hello")
    return lambda chat: chat.receive(incoming, raw="{}", now=NOW + timedelta(seconds=after))


def test_a_first_contact_is_a_row():
    told = Told()
    told.of(vera())
    [row] = people_of(told)
    assert (row["customer_id"], row["name"], row["language"]) == (customer_id(SHOP, "77"), "Vera", "ru")
    assert (row["messages"], row["last_position"]) == (0, 1)


def test_messages_are_counted_and_replies_are_not():
    told = Told()
    told.of(vera())
    told.of(a_chat(), vera_writes("u1"), vera_writes("u2"), replies(ANNA))
    [row] = people_of(told)
    assert (row["messages"], row["last_position"]) == (2, 4)


def test_a_newer_name_replaces_the_known_one_and_a_missing_one_does_not():
    told = Told()
    told.of(vera())
    told.of(a_chat(), said_by(Author("77", "Vera Smirnova", "vera"), "u1"), said_by(Author("77"), "u2"))
    [row] = people_of(told)
    assert (row["name"], row["username"], row["language"]) == ("Vera Smirnova", "vera", "ru")


def test_people_of_a_group_are_told_apart():
    told = Told()
    told.of(a_chat(), vera_writes("u1"), said_by(Author("78", "Oleg"), "u2"))
    assert [(row["peer"], row["name"], row["messages"]) for row in people_of(told)] == [
        ("77", "Vera", 1),
        ("78", "Oleg", 1),
    ]


def test_whoever_leaves_or_returns_changes_only_their_reach():
    told = Told()
    gone = told.of(vera())
    told.of(gone, lambda c: c.leave(reason="blocked", external_id="l1", raw="{}", now=NOW))
    changes = told.through(customers)
    assert changes.rows("customers.change_reach") == [{"customer_id": gone.id, "reachable": False}]
    told.of(gone, lambda c: c.come_back(reason="allowed", external_id="l2", raw="{}", now=NOW))
    assert told.through(customers).rows("customers.change_reach") == [{"customer_id": gone.id, "reachable": True}]


def test_a_kept_delivery_is_nobody():
    told = Told()
    told.of(kept())
    assert told.through(customers).encoded() == {}


async def test_the_first_and_the_last_contact_are_kept_whatever_the_pages(log, projector, query):
    told = Told()
    person = told.of(vera())
    chat = told.of(a_chat(), said_by(VERA, "u1", after=60))
    await append(log, told)
    await projector.catch_up()
    later = Told()
    later.of(chat, said_by(VERA, "u2", after=120))
    await append(log, later)
    await projector.catch_up()
    [row] = query("select * from read.customers where customer_id = %(customer_id)s", {"customer_id": person.id})
    assert (row["first_at"], row["last_at"]) == (NOW, NOW + timedelta(seconds=120))
    assert (row["messages"], row["reachable"]) == (2, True)


# Profiles


def tells(**told_of):
    return lambda c: c.introduce(**told_of, now=NOW)


def test_a_profile_is_laid_over_what_is_known_in_the_order_of_the_log():
    told = Told()
    person = told.of(vera())
    chat = told.of(a_chat(), said_by(Author("77", "Vera S."), "u1"))
    told.of(person, tells(name="Вера", username="vera", phone="+7 999"))
    [row] = people_of(told)
    assert (row["name"], row["called"], row["phone"], row["messages"]) == ("Вера", "вера", "+7 999", 1)
    told.of(chat, said_by(Author("77", "Vera Smirnova"), "u2"))
    [row] = people_of(told)
    assert (row["name"], row["phone"], row["messages"]) == ("Vera Smirnova", "+7 999", 2)


async def test_a_profile_in_a_page_of_its_own_keeps_who_they_are(log, projector, query):
    told = Told()
    person = told.of(vera())
    await append(log, told)
    await projector.catch_up()
    later = Told()
    later.of(person, tells(phone="+7 999"))
    await append(log, later)
    await projector.catch_up()
    [row] = query("select * from read.customers where customer_id = %(customer_id)s", {"customer_id": person.id})
    assert (row["peer"], row["source_id"], row["name"], row["phone"]) == ("77", SHOP, "Vera", "+7 999")


# Lists


FILL = """
insert into customers (customer_id, source_id, peer, name, called, messages, first_at, last_at, last_position)
select gen_random_uuid(), %(source)s, n::text, 'Vera ' || n, 'vera ' || n, 1, now(), now(), n
from generate_series(1, 50000) as n
"""
THEIR_CHATS = """
insert into inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id,
    opened_at, last_at, last_position, version)
select gen_random_uuid(), source_id, 'telegram', peer, customer_id, name, false,
    case when last_position %% 50 = 0 then %(sales)s when last_position %% 50 = 1 then %(support)s
        else gen_random_uuid() end,
    case when last_position %% 500 = 7 then %(anna)s end, now(), now(), last_position, 1
from customers
"""


async def test_fifty_thousand_customers_are_read_by_their_indexes(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"source": SHOP})
    query(THEIR_CHATS, {"sales": SALES, "support": SUPPORT, "anna": ANNA})
    query("analyze customers, inbox")
    who = {"departments": [SALES, SUPPORT], "holder": ANNA, "limit": 51, "everything": False, "position": 25_000}
    named = {"prefix": "vera 2", "beyond": "vera 2\U0010ffff", "called": "vera 25", "id": UUID(int=0)}
    statements = {
        "older_of_all": "customers_by_activity", "newer_of_all": "customers_by_activity",
        "older_of_mine": "inbox_by_department", "newer_of_mine": "inbox_by_holder",
        "named_after": "customers_by_name", "named_before": "customers_by_name",
    }  # fmt: skip
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for name, index in statements.items():
            rows = connection.execute(f"explain {customers.SQL[name]}", who | named).fetchall()
            plan = "\n".join(line for (line,) in rows)
            assert "Seq Scan" not in plan, plan
            assert index in plan, plan
