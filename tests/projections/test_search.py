"""What is searched: words in all their forms, names, phones, ids and files, as far as somebody may see them."""

from __future__ import annotations

from random import Random
from uuid import UUID

import psycopg
import pytest

from pulse.access import Person, Place, may_see, reach_of
from pulse.errors import BadInput
from pulse.eventlog.store import EventStore
from pulse.message import Attachment, Author, Incoming
from pulse.projections import batch, searching
from pulse.projections.models import SEARCH
from pulse.projections.paging import END
from pulse.projections.projector import Projector
from pulse.projections.rebuild import outdated, rebuild
from pulse.projections.searching import Filters, Found, find
from tests.given import ANNA, BORIS, NOW, SALES, SUPPORT, a_chat, assigned_to, replies, vera_edits, vera_writes
from tests.projections.conftest import append
from tests.projections.history import History
from tests.projections.told import Told, vera

ADMIN = Person(UUID(int=1), "Admin", "admin", frozenset())
SELLER = Person(ANNA, "Anna", "moderator", frozenset({SALES}))
NOBODY = Person(UUID(int=2), "Nobody", "moderator", frozenset())
ROWS = "select t::text from search.search t order by chat_id, version"


@pytest.fixture
def shelves(log, database_url, epoch) -> list[Projector]:
    """Whoever projects the lists, and whoever projects what is searched."""
    return [Projector(log, database_url, epoch), Projector(log, database_url, epoch, shelf=SEARCH)]


@pytest.fixture
def search(log, reads, shelves):
    """Tells a history, and returns what somebody finds in it."""

    async def run(told: Told, text: str, person: Person = ADMIN, **more) -> list[tuple]:
        if told.appends:
            await append(log, told)
            told.appends.clear()
        for projector in shelves:
            await projector.catch_up()
        return hits(await look(reads, text, person, **more))

    return run


async def look(reads, text: str, person: Person = ADMIN, *, limit: int = 20, cursor=None, **filters) -> Found:
    return await find(reads, text, Filters(**filters), reach_of(person), limit=limit, cursor=cursor)


def hits(found: Found) -> list[tuple]:
    return [(item["kind"], item["message_id"]) for item in found.page.items]


def says(text: str, external_id: str = "u1", *, author: Author | None = None, files: tuple[Attachment, ...] = ()):
    incoming = Incoming(external_id, author or Author("77", "Vera"), text, external_id, attachments=files)
    return lambda chat: chat.receive(incoming, raw="{}", now=NOW)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Где мои заказы?", "заказ "),
        ("Верните деньги за заказ", "заказами"),
        ("Ждём доставку", "доставкой "),
        ("My orders are late", "order "),
        ("It was running", "run "),
        ("Ещё раз", "еще"),
        ("еще раз", "ЕЩЁ"),
        ("ПРИВЕТ", "привет"),
        ("Ремонт iPhone", "iphone ремонты"),
        ("Universities", "universit"),
        ("Перезвоните", "пере"),
        ("и что теперь", "что"),
        ("the end", "the "),
        ("Позвоните +7 (999) 555-01-42", "89995550142"),
        ("Позвоните 89995550142", "+7 999 555"),
        ("Позвоните 8-999-555-01-42", "9995550142"),
    ],
)  # fmt: skip
async def test_a_message_is_found(search, said, asked):
    told = Told()
    told.of(a_chat(), says(said))
    assert await search(told, asked) == [("message", 2)]


@pytest.mark.parametrize("asked", ["деньги", "зак азы", "order", "89995550143", "заказы деньги"])
async def test_what_was_not_said_is_not_found(search, asked):
    told = Told()
    told.of(a_chat(), says("Где мои заказы? +7 999 555-01-42"))
    assert await search(told, asked) == []


async def test_replies_notes_and_files_are_found(search):
    told = Told()
    invoice = Attachment("document", name="Счёт_2026.pdf", mime="application/pdf", size=5)
    told.of(
        a_chat(), says("Вот счёт", files=(invoice,)), replies(ANNA, "Спасибо за счёт"),
        lambda c: c.note("Проверить счета!", moderator_id=ANNA, now=NOW),
    )  # fmt: skip
    found = await search(told, "счет ")
    assert [kind for kind, _ in found] == ["note", "reply", "message"]
    assert await search(told, "2026 pdf") == [("message", 2)]


async def test_a_chat_is_found_by_names_phones_and_ids(search):
    told = Told()
    known = told.of(vera("vera-77", "Вера Смирнова"))
    chat = told.of(a_chat(peer="vera-77", customer=known.id), says("!", author=Author("vera-77", "Вера", "vera_s")))
    told.of(known, lambda c: c.introduce(name="Вера Орлова", phone="+7 (999) 555-01-42", now=NOW))
    for asked in ("Орлова", "орлов", "vera_s", "8 999 555 01", str(chat.id), chat.id.hex.upper(), "vera-77"):
        assert ("chat", None) in await search(told, asked), asked


async def test_a_chat_that_was_renamed_is_found_by_its_new_name(search):
    told = Told()
    told.of(a_chat(peer="5"), lambda c: c.rename("Зоя", now=NOW))
    assert await search(told, "зоя") == [("chat", None)]
    assert await search(told, "vera") == []


async def test_a_hit_says_where_who_and_when_and_what_it_is_about(search, reads):
    told = Told()
    chat = told.of(a_chat(), says("Где мой заказ?"))
    await search(told, "заказы")
    [hit] = (await look(reads, "заказы")).page.items
    assert hit == {
        "chat_id": chat.id, "chat_name": "Vera", "channel": "telegram", "message_id": 2, "kind": "message",
        "sender_type": "customer", "sender": {"id": "77", "name": "Vera", "username": None}, "created_at": NOW,
        "snippet": [
            {"text": "Где мой ", "hit": False}, {"text": "заказ", "hit": True}, {"text": "?", "hit": False},
        ],
    }  # fmt: skip


async def test_an_edit_is_found_by_its_new_words_only(search):
    told = Told()
    told.of(a_chat(), vera_writes("u1", "m1", text="red"), vera_edits("u2", "m1", text="blue"))
    assert await search(told, "red") == []
    assert await search(told, "blue") == [("message", 2)]


async def test_a_deleted_message_is_gone(search):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1", "m1", text="red"), vera_writes("u2", "m2", text="red"))
    assert len(await search(told, "red")) == 2
    told.of(chat, lambda c: c.delete(("m1",), external_id="d1", raw="{}", now=NOW))
    assert await search(told, "red") == [("message", 3)]


async def test_what_was_deleted_is_not_shown_even_before_the_index_knows(search, log, reads, shelves):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1", "m1", text="red"))
    await search(told, "red")
    told.of(chat, lambda c: c.delete(("m1",), external_id="d1", raw="{}", now=NOW))
    await append(log, told)
    await shelves[0].catch_up()
    assert hits(await look(reads, "red")) == []


async def test_filters_keep_to_a_chat_a_customer_a_channel_and_a_time(search, reads):
    told = Told()
    one = told.of(a_chat(peer="1"), says("red"))
    told.of(a_chat(peer="2"), says("red"))
    assert len(await search(told, "red")) == 2
    assert [hit["chat_id"] for hit in (await look(reads, "red", chat=one.id)).page.items] == [one.id]
    assert len((await look(reads, "red", customer=UUID(int=77))).page.items) == 2
    assert hits(await look(reads, "red", customer=UUID(int=78))) == []
    assert hits(await look(reads, "red", channel="vk")) == []
    assert len(hits(await look(reads, "red", since=NOW))) == 2
    assert hits(await look(reads, "red", until=NOW)) == []


def crowd(chats: int = 6, each: int = 10) -> tuple[Told, dict[UUID, Place]]:
    """Chats of both departments and of none; some are held, and some were moved after all was said."""
    told, places, chance = Told(), {}, Random(7)
    for peer in range(chats):
        chat = told.of(a_chat(peer=f"p{peer}", department=chance.choice((SALES, SUPPORT, None))))
        for number in range(each):
            told.of(chat, says(f"red {number}", f"u{number}"))
        if chance.random() < 0.4:
            told.of(chat, lambda c: c.transfer(chance.choice((SALES, SUPPORT)), now=NOW))
        if chance.random() < 0.5:
            told.of(chat, assigned_to(chance.choice((ANNA, BORIS))))
        places[chat.id] = Place(chat.department_id, chat.holder_id)
    return told, places


PEOPLE = [
    ADMIN, SELLER, NOBODY, Person(ANNA, "Anna", "moderator", frozenset()),
    Person(BORIS, "Boris", "moderator", frozenset({SUPPORT})),
    Person(BORIS, "Boris", "moderator", frozenset({SALES, SUPPORT})),
]  # fmt: skip


STEPS = ["at once", "chat by chat", "one by one", "by the index", "out of time"]


@pytest.mark.parametrize("steps", STEPS)
async def test_search_shows_what_may_be_seen_and_nothing_else(search, reads, monkeypatch, steps):
    told, places = crowd()
    await search(told, "red")
    hurry(monkeypatch, steps)
    for person in PEOPLE:
        wanted = sorted(chat for chat, place in places.items() if may_see(person, place) for _ in range(10))
        found = [hit async for hit in all_hits(reads, "red", person)]
        assert sorted(hit["chat_id"] for hit in found) == wanted, person


@pytest.mark.parametrize("steps", STEPS)
async def test_pages_meet_in_both_directions(search, reads, monkeypatch, steps):
    told, _ = crowd()
    await search(told, "red")
    hurry(monkeypatch, steps)
    there = [place(hit) async for hit in all_hits(reads, "red", SELLER)]
    oldest = (await reads.fetch("select min(position) as first from search.search"))[0]["first"]
    back = [place(hit) async for hit in all_hits(reads, "red", SELLER, cursor=f"after-{oldest - 1}")]
    assert len(there) == len(set(there)) > 5
    assert sorted(back) == sorted(there)


def place(hit: dict) -> tuple[UUID, int]:
    return hit["chat_id"], hit["message_id"]


SLOW = "select chat_id, version, position, at from search.search, pg_sleep(1)"


def hurry(monkeypatch: pytest.MonkeyPatch, steps: str) -> None:
    """Lets a small history be searched like a large one."""
    if steps != "at once":
        monkeypatch.setattr(searching, "RARE_ROWS", 0 if steps == "by the index" else -1)
    if steps not in ("at once", "chat by chat"):
        monkeypatch.setattr(searching, "FEW_CHATS", -1)  # even none are too many
    if steps in ("by the index", "out of time"):
        monkeypatch.setattr(searching, "NEAR_ROWS", 3)
    if steps == "out of time":
        monkeypatch.setattr(searching, "STEP_ROWS", 4)
        monkeypatch.setattr(searching, "SECONDS", 0)

        monkeypatch.setitem(searching.SQL._by_name, "everywhere", SLOW)


async def all_hits(reads, text: str, person: Person, cursor: str | None = None):
    """Every page, one after the other, in the direction of the cursor."""
    way = "prev" if cursor else "next"
    while True:
        found = await look(reads, text, person, limit=4, cursor=cursor)
        for hit in found.page.items:
            yield hit
        cursor = getattr(found.page, way)
        if cursor is None:
            assert not found.partial
            return


async def test_a_search_that_runs_out_of_time_says_so_and_goes_on(search, reads, monkeypatch):
    told, _ = crowd()
    await search(told, "red")
    hurry(monkeypatch, "out of time")
    found = await look(reads, "red", NOBODY)
    assert (found.partial, list(found.page.items), found.page.next is not None) == (True, [], True)


@pytest.mark.parametrize("cursor", ["x", "before-", "after--1", "before-" + "9" * 30])
async def test_a_cursor_is_an_earlier_pages(search, reads, cursor):
    await search(Told(), "red")
    with pytest.raises(BadInput):
        await look(reads, "red", cursor=cursor)


# The shelf


@pytest.mark.parametrize("seed", [1, 2])
async def test_pieces_and_rebuilds_give_the_same_rows(log, database_url, epoch, query, monkeypatch, seed):
    await History(EventStore(log), seed).tell(400)
    one = Projector(log, database_url, epoch, shelf=SEARCH)
    await one.catch_up()
    wanted = query(ROWS)
    assert len(wanted) > 50
    for largest in (1, 1500):
        monkeypatch.setattr(batch, "BATCH_BYTES", largest)
        await Projector(log, database_url, epoch, schema=f"s{largest}", shelf=SEARCH).catch_up()
        assert query(ROWS.replace("search.search", f"s{largest}.search")) == wanted, largest
    await rebuild(log, database_url, epoch, shelf=SEARCH)
    assert query(ROWS) == wanted
    assert not await outdated(database_url, SEARCH)
    assert await outdated(database_url), "the lists are another shelf"


FILL = """
insert into search.search (chat_id, version, position, at, words)
select %(chat)s, n, n, now(), array_to_tsvector(array['w' || n %% 500, case when n %% 2 = 0 then 'even' else 'odd' end])
from generate_series(2, 60000) as n;
"""


OTHERS = """
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, opened_at, last_at, last_position, version)
select gen_random_uuid(), gen_random_uuid(), 'telegram', n, gen_random_uuid(), 'Vera', false, now(), now(), n, 1
from generate_series(100000, 103000) as n;
"""
INDEXES = {"near": "search_by_position", "everywhere": "search_by_words", "in_chats": "search_pkey"}


async def test_sixty_thousand_rows_are_read_by_their_indexes(search, database_url, query):
    told = Told()
    chat = told.of(a_chat())
    await search(told, "red")
    query(FILL, {"chat": chat.id})
    query(OTHERS)
    query("analyze search.search, read.inbox")
    wanted = {
        "chats": None, "channel": None, "since": searching.EVER, "until": searching.NEVER, "limit": 21, "rows": 2000,
        **reach_of(SELLER),
    }  # fmt: skip
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for words in ("'w7'", "'even'", "'w':*"):
            for where, index in INDEXES.items():
                values = wanted | {"lexemes": words, "bottom": -1, "top": END}
                values |= {"bottom": 30_000, "top": 34_000} if where == "near" else {}
                values |= {"chats": [UUID(int=5)]} if where == "in_chats" else {}
                for way in searching.DOWN:
                    rows = connection.execute(f"explain {searching.statement(where, way)}", values).fetchall()
                    plan = "\n".join(line for (line,) in rows)
                    assert "Seq Scan on search" not in plan, plan
                    assert index in plan, (where, plan)
                    assert "Index Only Scan using inbox_pkey" in plan, plan
    for name, index in (("reach", "search_by_position"), ("span", "search_by_time")):
        with psycopg.connect(database_url, autocommit=True) as connection:
            statement = searching.SQL[name].replace("{down}", "desc")
            rows = connection.execute(f"explain {statement}", wanted | {"bottom": -1, "top": END}).fetchall()
            assert index in str(rows), rows
