"""What was said in rooms is found by its words, by those who were there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from pulse.aggregates.room import Room
from pulse.eventlog.jetstream import Log
from pulse.projections import room_words
from pulse.projections.models import SEARCH
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.projections.rebuild import rebuild
from tests.given import ANNA, BORIS, NOW
from tests.projections.conftest import append
from tests.projections.told import Told

OLGA = UUID(int=3)
ROWS = "select t::text from search.room_words t order by position"


def says(text: str, who: UUID = ANNA):
    return lambda room: room.write(
        text, moderator_id=who, client_msg_id=None, mentions=(), now=NOW + timedelta(hours=1)
    )


@pytest.fixture
async def said(log: Log, database_url: str, epoch: str) -> Told:
    """Three words for all, and three between Boris and Anna."""
    told = Told()
    told.of(
        Room.open_general(now=NOW), says("Где лежат коробки?"), says("The boxes arrived", BORIS), says("Обед в час")
    )
    told.of(Room.open_direct(BORIS, ANNA, now=NOW), says("Коробку нашли"), says("Keep this box", BORIS), says("Ёлка"))
    await append(log, told)
    for more in ({}, {"shelf": SEARCH}):
        await Projector(log, database_url, epoch, **more).catch_up()
    return told


async def find(reads: Reads, text: str, who: UUID = ANNA, **more: Any) -> Any:
    asked = {"room": None, "limit": 20, "cursor": None} | more
    return await room_words.find(reads, text, who, lambda one: "Anna" if one == ANNA else "Boris", **asked)


@pytest.mark.usefixtures("said")
async def test_words_are_found_in_their_forms_and_only_by_those_who_were_there(reads: Reads) -> None:
    found = [("direct", 1), ("general", 1)]
    for who, wanted in ((ANNA, found), (BORIS, found), (OLGA, found[1:])):
        page = await find(reads, "коробка ", who)
        assert [(hit["kind"], hit["message_id"]) for hit in page.items] == wanted
    assert [hit["message_id"] for hit in (await find(reads, "box ")).items] == [2, 2]
    assert [hit["message_id"] for hit in (await find(reads, "елк")).items] == [3]
    [hit] = (await find(reads, "box ", OLGA)).items
    assert (hit["with"], hit["sender"]["name"]) == (None, "Boris")
    assert [part["text"] for part in hit["snippet"] if part["hit"]] == ["boxes"]
    direct = (await find(reads, "keep")).items[0]
    assert direct["with"] == {"id": BORIS, "name": "Boris"}


@pytest.mark.usefixtures("said")
async def test_pages_go_both_ways_and_a_room_narrows_them(reads: Reads) -> None:
    first = await find(reads, "box ", limit=1)
    second = await find(reads, "box ", limit=1, cursor=first.next)
    assert [page.items[0]["kind"] for page in (first, second)] == ["direct", "general"]
    assert (first.prev, second.next) == (None, None)
    assert (await find(reads, "box ", limit=1, cursor=second.prev)).items == first.items
    for hit in (*first.items, *second.items):
        assert (await find(reads, "box ", room=hit["room_id"])).items == [hit]


@pytest.mark.usefixtures("said")
async def test_a_rebuild_gives_the_same_words(log: Log, database_url: str, epoch: str, query) -> None:
    before = query(ROWS)
    assert len(before) == 6
    await rebuild(log, database_url, epoch, shelf=SEARCH)
    assert query(ROWS) == before


FILL = """
insert into search.room_words (position, room_id, number, words)
select 100 + n, md5((n %% 50)::text)::uuid, n, array_to_tsvector(array['w' || n %% 5000, 'common'])
from generate_series(1, %(rows)s) as n
"""


@pytest.mark.usefixtures("said")
async def test_words_are_looked_up_in_their_index(database_url: str, query) -> None:
    query(FILL, {"rows": 60_000})
    query("analyze search.room_words")
    values = {"me": ANNA, "room": None, "limit": 21, "position": 2**62}
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for way in ("older", "newer"):
            for words in ("'w7'", "'w':*", "'common'"):
                explain = f"explain {room_words.statement(way)}"
                rows = connection.execute(explain, values | {"lexemes": words}).fetchall()
                plan = "\n".join(line for (line,) in rows)
                assert "room_words_by_words" in plan, plan
                assert "Seq Scan on room_words" not in plan, plan
