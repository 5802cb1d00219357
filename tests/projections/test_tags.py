"""Tags in use: counted as chats are tagged, moved and taken, each for whoever may see the chat, and read by an index."""

from __future__ import annotations

from uuid import uuid4

import psycopg

from pulse.access import Person, Place, may_see, reach_of
from pulse.projections import tags
from tests.given import ANNA, BORIS, NOW, SALES, SUPPORT, a_chat, assigned_to, closed_by
from tests.projections.conftest import append
from tests.projections.told import Told

ADMIN = Person(uuid4(), "Admin", "admin", frozenset())
SELLER = Person(ANNA, "Anna", "moderator", frozenset({SALES}))
HELPER = Person(BORIS, "Boris", "moderator", frozenset({SUPPORT}))

FILL = """
insert into read.tag_counts (department_id, tag, chats)
select department, 'tag ' || n, n from unnest(%(departments)s::uuid[]) as department, generate_series(1, 300) as n;
"""
HELD = """
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id,
    opened_at, last_at, last_position, version, tags)
select gen_random_uuid(), gen_random_uuid(), 'web', n::text, gen_random_uuid(), 'Vera', false, gen_random_uuid(),
    case when n %% 500 = 7 then %(anna)s end, now(), now(), n, 1, '{invoice}'
from generate_series(1, 20000) as n
"""


def tagged(*names):
    return [lambda chat, name=name: chat.tag(name, now=NOW) for name in names]


def untagged(name):
    return lambda chat: chat.untag(name, now=NOW)


async def used(reads, person, begins="", limit=50):
    return [
        (row["tag"], row["chats"]) for row in await tags.most_used(reads, reach_of(person), begins=begins, limit=limit)
    ]


async def test_each_sees_the_tags_of_the_chats_they_may_see_the_most_used_first(log, projector, reads):
    told = Told()
    told.of(a_chat("1"), *tagged("late", "invoice"))
    told.of(a_chat("2"), *tagged("invoice"), closed_by(ANNA))
    told.of(a_chat("3", department=SUPPORT), *tagged("invoice", "vip"), assigned_to(ANNA))
    moved = told.of(a_chat("4"), *tagged("late"))
    gone = told.of(a_chat("5"), *tagged("typo"))
    await append(log, told)
    await projector.catch_up()
    assert await used(reads, SELLER) == [("invoice", 3), ("late", 2), ("typo", 1), ("vip", 1)]
    later = Told()
    later.of(moved, lambda chat: chat.transfer(SUPPORT, now=NOW))
    later.of(gone, untagged("typo"))
    await append(log, later)
    await projector.catch_up()
    assert await used(reads, SELLER) == [("invoice", 3), ("late", 1), ("vip", 1)]
    assert await used(reads, HELPER) == [("invoice", 1), ("late", 1), ("vip", 1)]
    assert await used(reads, ADMIN) == [("invoice", 3), ("late", 2), ("vip", 1)]
    assert await used(reads, ADMIN, "la") == [("late", 2)]
    assert await used(reads, ADMIN, limit=1) == [("invoice", 3)]


async def test_the_counts_are_those_of_the_chats_themselves(log, projector, reads, query):
    told = Told()
    for number in range(12):
        chat = a_chat(str(number), department=(SALES, SUPPORT, None)[number % 3])
        told.of(chat, *tagged("a", "b", "c")[: number % 4], *([assigned_to(ANNA)] if number % 2 else []))
    await append(log, told)
    await projector.catch_up()
    rows = query("select department_id as department, holder_id as holder, tags from inbox")
    for person in (ADMIN, SELLER, HELPER):
        mine = [tag for row in rows if may_see(person, Place(row["department"], row["holder"])) for tag in row["tags"]]
        assert dict(await used(reads, person)) == {tag: mine.count(tag) for tag in set(mine)}, person.name


async def test_they_are_read_by_an_index_and_no_chat_is_counted(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"departments": [SALES, SUPPORT, *(uuid4() for _ in range(50))]})
    query(HELD, {"anna": ANNA})
    query("analyze read.tag_counts, read.inbox")
    for name, person, begins in (
        ("in_reach", SELLER, ""),
        ("in_reach", SELLER, "tag 1"),
        ("everywhere", ADMIN, "tag 1"),
    ):
        values = tags.values(reach_of(person), begins, 50)
        with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
            plan = "\n".join(line for (line,) in connection.execute(f"explain {tags.SQL[name]}", values))
        assert "Seq Scan" not in plan, (name, plan)
        assert ("inbox" in plan) == (name == "in_reach"), plan
