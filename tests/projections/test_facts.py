"""What reports count: which events are facts, how they lie in the table, and how they are found there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg

from pulse.projections import facts
from pulse.projections.facts import By, Wanted
from pulse.projections.rebuild import make_current, rebuild
from tests.given import (
    ANNA,
    BORIS,
    NOW,
    SALES,
    SUPPORT,
    a_chat,
    closed_by,
    message,
    replies,
    vera_writes,
)
from tests.projections.conftest import append
from tests.projections.running import all_rows
from tests.projections.told import Told, kept, vera


def kinds_after(*acts) -> list[tuple[str, UUID | None]]:
    told = Told()
    told.of(a_chat(), *acts)
    return [(row["kind"], row["moderator_id"]) for row in told.through(facts).rows("facts.insert_facts")]


def later(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def writes_at(seconds: int):
    return lambda chat: chat.receive(message(f"u{seconds}", f"m{seconds}"), raw="{}", now=later(seconds))


def echo(outside_author: str | None, seconds: int = 30):
    return lambda chat: chat.echo(
        text="Hello", attachments=(), message_id=f"e{seconds}", random_id=0, outside_author=outside_author,
        external_id=f"e{seconds}", raw="{}", now=later(seconds),
    )  # fmt: skip


def test_a_conversation_opens_waits_is_answered_and_closed():
    assert kinds_after(vera_writes("u1"), replies(ANNA), closed_by(BORIS)) == [
        ("opened", None), ("waits", None), ("assigned", ANNA), ("replied", ANNA), ("closed", BORIS),
    ]  # fmt: skip


def test_only_the_first_unanswered_word_begins_to_wait():
    assert [kind for kind, _ in kinds_after(writes_at(1), writes_at(2), replies(ANNA), writes_at(3))].count(
        "waits"
    ) == 2


def test_a_person_outside_answers_and_a_program_does_not():
    assert kinds_after(echo("owner"))[1:] == [("replied", None)]
    assert kinds_after(echo(None))[1:] == []


def test_notes_tags_and_what_is_seen_count_nowhere():
    acts = (
        lambda chat: chat.note("In a hurry", moderator_id=ANNA, now=NOW),
        lambda chat: chat.tag("invoice", now=NOW),
        lambda chat: chat.see(ANNA, 1, now=NOW),
    )
    assert kinds_after(*acts) == [("opened", None)]


def test_a_fact_is_of_the_department_that_the_chat_stands_in_after_it():
    told = Told()
    told.of(a_chat(), lambda chat: chat.transfer(SUPPORT, now=NOW), closed_by(ANNA))
    rows = told.through(facts).rows("facts.insert_facts")
    assert [row["department_id"] for row in rows] == [SALES, SUPPORT, SUPPORT]


# In the table


STOOD = "select kind, extract(epoch from until - at)::int as stood from facts order by position"


async def test_what_a_fact_began_stands_until_another_ends_it(log, projector, query):
    told = Told()
    told.of(
        a_chat(), writes_at(10), lambda chat: chat.transfer(SUPPORT, now=later(15)), echo("owner", 30), writes_at(40),
        lambda chat: chat.close(ANNA, now=later(60)), writes_at(100),
    )  # fmt: skip
    await append(log, told)
    await projector.catch_up()
    assert [(row["kind"], row["stood"]) for row in query(STOOD)] == [
        ("opened", 15), ("waits", 20), ("transferred", 45), ("replied", 0), ("waits", 20), ("closed", 0),
        ("opened", None), ("waits", None),
    ]  # fmt: skip


async def test_a_clock_that_runs_behind_ends_nothing_before_it_began(log, projector, query):
    told = Told()
    told.of(a_chat(), writes_at(10), lambda chat: chat.close(ANNA, now=later(5)))
    await append(log, told)
    await projector.catch_up()
    assert [(row["kind"], row["stood"]) for row in query(STOOD)] == [("opened", 5), ("waits", 0), ("closed", 0)]


async def of(reads, metric: str, **more) -> list[tuple[int, int]]:
    wanted = Wanted(NOW - timedelta(days=1), NOW + timedelta(days=1), **more)
    page = await facts.page(reads, wanted, metric, limit=100, cursor=None)
    return [(row["from_version"], row["version"]) for row in page.items]


async def test_the_first_reply_is_the_first_after_the_conversations_first_word(log, projector, reads):
    told = Told()
    chat = told.of(a_chat(), replies(ANNA))  # 2 assigned, 3 replied: nobody had asked
    told.of(chat, writes_at(10), writes_at(11), replies(BORIS), writes_at(12), replies(ANNA))  # 4 5 6 7 8
    told.of(chat, closed_by(ANNA), writes_at(20), closed_by(ANNA))  # 9 closed, 10 opened, 11 word, 12 closed
    told.of(chat, echo("owner", 40))  # 13: the conversation was over
    await append(log, told)
    await projector.catch_up()
    assert await of(reads, "first_reply") == [(4, 6)]
    assert await of(reads, "resolution") == [(10, 12), (1, 9)]
    assert await of(reads, "first_reply", any_moderator=False, moderator=ANNA) == []


# Over and over


async def test_a_rebuild_gives_the_same_numbers_and_a_new_definition_new_ones(
    log, database_url, epoch, projector, reads, monkeypatch
):
    told = Told()
    for number in range(20):
        told.of(a_chat(peer=str(number)), writes_at(10), echo(None, 20), replies(ANNA), closed_by(ANNA))
    await append(log, told)
    await projector.catch_up()
    wanted = Wanted(NOW - timedelta(days=1), NOW + timedelta(days=1))

    async def numbers() -> dict[str, int]:
        return {row["kind"]: row["number"] for row in await facts.counts(reads, wanted, By("source", "UTC", {}))}

    before, rows = await numbers(), all_rows(database_url)["facts"]
    assert before == {"opened": 20, "assigned": 20, "replied": 20, "closed": 20}
    await rebuild(log, database_url, epoch)
    assert (await numbers(), all_rows(database_url)["facts"]) == (before, rows)

    was = facts.fact_of
    monkeypatch.setattr(  # from now on a program's answer is a reply, also every one there ever was
        facts, "fact_of", lambda one: ("replied", None) if type(one.event).__name__ == "ReplyEchoed" else was(one)
    )
    monkeypatch.setattr(facts, "VERSION", facts.VERSION + 1)
    await make_current(log, database_url, epoch)
    assert await numbers() == before | {"replied": 40}


# Plans

FILL = """
insert into read.facts (position, chat_id, version, kind, at, until, moderator_id, department_id, source_id, tags,
    from_version, from_position, from_at)
select n, md5((n / 10)::text)::uuid, n %% 10 + 1,
    (array['opened', 'waits', 'assigned', 'replied', 'waits', 'replied', 'transferred', 'waits', 'replied', 'closed'])[n %% 10 + 1],
    now() - interval '400 days' + n * interval '2 minutes',
    case when n %% 10 in (0, 1, 4, 6, 7) and n > 199900 then null
        else now() - interval '400 days' + (n + 3) * interval '2 minutes' end,
    %(anna)s, case when n %% 3 = 0 then %(sales)s end, %(source)s, '{}',
    case when n %% 10 in (3, 9) then 1 end, case when n %% 10 in (3, 9) then n - n %% 10 end,
    case when n %% 10 in (3, 9) then now() - interval '400 days' + (n - n %% 10) * interval '2 minutes' end
from generate_series(1, 200000) as n
"""


def plan(database_url: str, statement: str, parameters: dict) -> str:
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        return "\n".join(line for (line,) in connection.execute(f"explain {statement}", parameters).fetchall())


async def test_a_week_in_a_big_table_is_read_by_indexes(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"source": uuid4(), "sales": SALES, "anna": ANNA})
    query("analyze read.facts")
    now = datetime.now(UTC)
    week = Wanted(now - timedelta(days=207), now - timedelta(days=200)).values() | {"limit": 51, "position": 2**62}
    asked = {
        "counts": {}, "figures": {"calendars": "[]"}, "bounds": {}, "single": {"kind": "replied", "measured": True},
        "standing": {"waiting": True}, "backlog": {}, "waiting_now": {},
    }  # fmt: skip
    week |= By("week", "UTC", {}).values()
    indexes = {"standing": "facts_by_stretch", "backlog": "facts_by_stretch", "waiting_now": "facts_standing"}
    filters_ = ({"any_department": False, "department": SALES}, {"any_moderator": False, "moderator": ANNA})
    for whose in ({}, *filters_, {"any_tag": False, "tag": "invoice"}):
        for name, more in asked.items():
            found = plan(database_url, facts.statement(name), week | whose | more)
            assert "Seq Scan on facts" not in found, (name, found)
            assert indexes.get(name, "facts_by_time") in found, (name, found)


async def test_a_late_page_costs_no_more_than_the_first(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"source": uuid4(), "sales": SALES, "anna": ANNA})
    query("analyze read.facts")
    now = datetime.now(UTC)
    year = Wanted(now - timedelta(days=366), now).values() | {"limit": 51}

    def touched(name: str, position: int, **more: object) -> int:
        explain = f"explain (analyze, buffers, format json) {facts.statement(name)}"
        with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
            [found] = connection.execute(explain, year | {"position": position, **more}).fetchone()[0]
        assert found["Plan"]["Actual Rows"] == 51
        return found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"]

    for kind, measured in (("closed", False), ("closed", True), ("replied", True)):
        more = {"kind": kind, "measured": measured}
        late = query("select position from facts where kind in ('closed', 'replied') and position > 60000 limit 1")
        assert touched("single", late[0]["position"], **more) < 2 * touched("single", 2**62, **more) + 50, kind


async def test_a_chats_own_facts_are_looked_up_and_what_ends_them_too(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"source": uuid4(), "sales": SALES, "anna": ANNA})
    query("analyze read.facts")
    ends = f'[{{"chat_id": "{uuid4()}", "version": 9, "at": "2026-11-21T09:30:00Z", "ends": ["waits"]}}]'
    found = plan(database_url, facts.SQL["end_facts"], {"rows": ends})
    assert "facts_standing" in found, found
    assert "Seq Scan on facts" not in found, found


def test_nothing_of_other_aggregates_is_a_fact():
    told = Told()
    told.of(vera())
    told.of(kept())
    assert told.through(facts).encoded() == {}
