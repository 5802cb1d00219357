"""Who wrote: a row per person and source."""

from __future__ import annotations

from datetime import timedelta

from pulse.aggregates.customer import customer_id
from pulse.message import Author, Incoming
from pulse.projections import customers
from tests.given import ANNA, NOW, SHOP, VERA, a_chat, replies, vera_writes
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
    [row] = query(customers.SQL["one"], {"customer_id": person.id})
    assert (row["first_at"], row["last_at"]) == (NOW, NOW + timedelta(seconds=120))
    assert (row["messages"], row["reachable"]) == (2, True)
