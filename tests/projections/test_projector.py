"""Folding the log into tables: once each, in order, through crashes of everything around."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import orjson
import psycopg
import pytest

from pulse.errors import ReadsDown
from pulse.eventlog.appends import Append
from pulse.eventlog.follow import LogHole
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.projections import batch
from pulse.projections.models import LISTS
from pulse.projections.projector import Projector
from pulse.projections.reads import PROJECTED, Reads
from tests.given import NOW, a_chat, message, vera_edits, vera_writes
from tests.projections.conftest import append, epoch_of, own_log
from tests.projections.running import all_rows, live, until, until_row
from tests.projections.told import Told, kept
from tests.projections.writers import beside, writing

DEAD = "select position, subject, kind, error from projection_dead_letter order by position"


def chatter(peers: int = 3, messages: int = 5, prefix: str = "u") -> Told:
    told = Told()
    chats = [told.of(a_chat(peer=str(peer))) for peer in range(peers)]
    for number in range(messages):
        for chat in chats:
            told.of(chat, vera_writes(f"{prefix}{number}", text=f"{prefix}{number}"))
    return told


# The ordinary run


async def test_an_empty_log_gives_empty_tables(projector, database_url):
    assert await projector.catch_up() == 0
    assert all_rows(database_url)["inbox"] == []


async def test_catching_up_tells_how_far_it_is(log, projector):
    last = await append(log, chatter(peers=40, messages=60))
    told: list[tuple[int, int]] = []
    assert await projector.catch_up(lambda at, of: told.append((at, of))) == last
    assert told[0] == (0, last)
    assert told[-1] == (last, last)
    assert [at for at, _ in told] == sorted(at for at, _ in told)


async def test_what_follows_a_message_closely_is_written_together(log, database_url, epoch):
    projector = Projector(log, database_url, epoch, shelf=replace(LISTS, gather_seconds=1))
    written: asyncio.Queue[int] = asyncio.Queue()

    async def heard(body: bytes) -> None:
        await written.put(orjson.loads(body)["position"])

    story = chatter(peers=1, messages=6).appends
    async with live(projector):
        await projector.ready.wait()
        await log.listen(PROJECTED, heard)
        first = (await log.append(story[0])).position
        while await written.get() != first:  # what was said at the beginning may still be on its way
            pass
        for each in story[1:]:
            last = (await log.append(each)).position
        assert await written.get() == last


async def test_a_live_projector_is_ready_when_it_has_caught_up_and_then_goes_on(log, projector, reads):
    last = await append(log, chatter())
    async with live(projector):
        await projector.ready.wait()
        assert projector.position == last
        more = chatter(prefix="v", messages=1)
        last = await append(log, more)
        await until(reads, last)


async def test_tables_get_their_indexes_once_they_have_caught_up(log, projector, query):
    await append(log, chatter())
    await projector.catch_up()
    names = {row["indexname"] for row in query("select indexname from pg_indexes where schemaname = 'read'")}
    assert {"inbox_by_place", "inbox_by_department", "inbox_by_holder", "deliveries_by_source"} <= names
    await projector.catch_up()


async def test_a_hole_in_the_log_stops_the_projector(log, addresses, database_url, epoch):
    name = "HOLE"
    config = {"name": name, "subjects": ["hole.>"], "storage": "memory", "allow_direct": True, "allow_atomic": True}
    await log.api(f"STREAM.CREATE.{name}", config)
    holed = await Log.connect(addresses.nats_url, stream=name)
    for number in range(3):
        await holed.append(Append(f"hole.{number}", b"{}"))
    await log.api(f"STREAM.MSG.DELETE.{name}", {"seq": 2})
    projector = Projector(holed, database_url, epoch)
    try:
        with pytest.raises(LogHole):
            await projector.catch_up()
        with pytest.raises(LogHole):
            await projector.run()
    finally:
        await holed.close()
        await log.api(f"STREAM.DELETE.{name}")


# Poison


def poisons() -> dict[str, Told]:
    """Histories whose third event is poison, for a chat that goes on afterwards."""

    def changed(old: bytes, new: bytes, *acts) -> Told:
        told = Told()
        chat = told.of(a_chat(), vera_writes("u1", "m1", "before"), *(acts or (vera_writes("u2", text="POISON"),)))
        third = told.appends[2]
        assert old in third.body
        told.appends[2] = Append(third.subject, third.body.replace(old, new))
        told.of(chat, vera_writes("u3", text="after"))
        return told

    edited = vera_edits("u2", "m1", "edited")
    return {
        "unreadable": changed(b"{", b"[", vera_writes("u2")),
        "unknown type": changed(b"chat.message-received", b"chat.message-dreamt"),
        "unknown version": changed(b'"v":1', b'"v":99'),
        "lone surrogate": changed(b"POISON", b"\\ud800"),
        "nul": changed(b"POISON", b"\\u0000"),
        "nul in an entry's names": changed(b'"name":"Vera"', b'"name":"\\u0000"'),
        "number too large for the table": changed(b'"of":2', b'"of":99999999999', edited),
        "number too large for json": changed(
            b'"attachments":[]', b'"attachments":[{"kind":"photo","size":1000000000000000000000000000000}]'
        ),
        "a version that was there before": changed(b'"ver":3', b'"ver":2'),
    }


@pytest.mark.parametrize("what", poisons())
async def test_poison_is_set_aside_with_its_chat_and_the_rest_flows_on(log, projector, query, what):
    told = Told()
    others = [told.of(a_chat(peer=str(peer)), vera_writes("u1", text="before")) for peer in range(3)]
    first = len(told.appends)
    told.appends += poisons()[what].appends
    for chat in others:
        told.of(chat, vera_writes("u2", text="after"))
    last = await append(log, told)
    assert await projector.catch_up() == last
    rows = query(DEAD)
    assert [row["position"] for row in rows] == [first + 3, first + 4]
    assert {row["subject"] for row in rows} == {told.appends[first].subject}
    assert rows[0]["error"] != "parked"
    assert rows[1]["error"] == "parked"
    shown = query("select peer, last_text, version from inbox order by peer")
    assert [(row["peer"], row["last_text"]) for row in shown] == [
        ("0", "after"), ("1", "after"), ("2", "after"), ("77", "before"),
    ]  # fmt: skip


async def test_a_value_beyond_a_limit_of_postgres_is_poison_too(log, projector, query):
    """An index row has a largest size; that error looks like trouble of the server."""
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(5000))
    told = Told()
    told.of(kept("u1"))
    last = await append(log, told)
    await projector.catch_up()
    told = Told()
    told.of(kept("u2", outcome=noise))
    told.of(kept("u3"))
    last = await append(log, told)
    assert await projector.catch_up() == last
    assert [row["position"] for row in query(DEAD)] == [2]
    assert [row["external_id"] for row in query("select external_id from deliveries order by position")] == ["u1", "u3"]


async def test_much_poison_on_one_page_parks_each_of_its_chats(log, projector, query):
    told = Told()
    for number in range(60):
        chat = told.of(a_chat(peer=str(number)), vera_writes("u1", text="\0" if number % 3 == 0 else "fine"))
        told.of(chat, vera_writes("u2", text="after"))
    last = await append(log, told)
    assert await projector.catch_up() == last
    assert len(query(DEAD)) == 40
    shown = query("select count(*) filter (where last_text = 'after') as fine, count(*) as all from inbox")
    assert shown == [{"fine": 40, "all": 60}]


async def test_a_live_projector_goes_on_behind_poison_of_every_kind(log, projector, reads, query):
    """The next page is folded while the last is written; it must know what the last one parked."""
    async with live(projector):
        await projector.ready.wait()
        last = 0
        for told in poisons().values():
            last = await append(log, told)
        await until(reads, last)
    assert [row["position"] for row in query(DEAD)] == list(range(3, last + 1))


async def test_parked_chats_are_known_after_a_restart(log, database_url, epoch, projector, query):
    told = poisons()["nul"]
    await append(log, told)
    await projector.catch_up()
    again = Told()
    again.raw(told.appends[0].subject, told.appends[3].body.replace(b'"ver":4', b'"ver":5'))
    last = await append(log, again)
    assert await Projector(log, database_url, epoch).catch_up() == last
    assert [row["error"] for row in query(DEAD)][1:] == ["parked", "parked"]


async def test_pages_larger_than_a_transaction_may_be_are_written_in_parts(log, projector, query, monkeypatch):
    monkeypatch.setattr(batch, "BATCH_BYTES", 64 * 1024)
    told = Told()
    chat = told.of(a_chat())
    for number in range(40):
        chat.receive(message(f"u{number}"), raw="x" * 20_000, now=NOW)
        told.of(chat)
    last = await append(log, told)
    steps: list[int] = []
    await projector.catch_up(lambda at, _: steps.append(at))
    assert steps[-1] == last
    assert len(steps) > 10
    assert query("select count(*) as n from thread") == [{"n": 40}]


# Rivals


async def test_a_second_projector_waits_and_takes_over(log, database_url, epoch, reads):
    first, second = (Projector(log, database_url, epoch) for _ in range(2))
    async with live(first):
        await first.ready.wait()
        waiting = asyncio.create_task(second.run())
        try:
            last = await append(log, chatter())
            await until(reads, last)
            assert not second.ready.is_set()
            waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
            await until_row(database_url, waits)
        except BaseException:
            waiting.cancel()
            raise
    await second.ready.wait()
    last = await append(log, chatter(prefix="v", messages=1, peers=1))
    await until(reads, last)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def test_rivals_without_a_lock_count_nothing_twice(log, database_url, epoch, monkeypatch):
    monkeypatch.setattr(batch, "BATCH_BYTES", 2000)
    last = await append(log, chatter(peers=10, messages=30))
    rivals = [Projector(log, database_url, epoch) for _ in range(3)]
    assert await asyncio.gather(*(rival.catch_up() for rival in rivals)) == [last] * 3
    await Projector(log, database_url, epoch, schema="alone").catch_up()
    assert all_rows(database_url) == all_rows(database_url, "alone")


async def test_a_live_projector_goes_on_from_where_a_rival_moved_the_checkpoint(log, database_url, epoch, reads):
    live_one, rival = (Projector(log, database_url, epoch) for _ in range(2))
    async with live(live_one):
        await live_one.ready.wait()
        for number in range(20):
            last = await append(
                log, chatter(peers=2, messages=3, prefix=f"{number}-") if number == 0 else _more(number)
            )
            await rival.catch_up()
        await until(reads, last)
    await Projector(log, database_url, epoch, schema="alone").catch_up()
    assert all_rows(database_url) == all_rows(database_url, "alone")


def _more(number: int) -> Told:
    told = Told()
    told.of(a_chat(peer=f"more {number}"), vera_writes("u1"), vera_writes("u2"))
    return told


# Servers that come and go


@pytest.fixture
async def world(own_servers):
    """A log and an empty database on servers that may be killed."""
    async with own_log(own_servers) as log, Reads.open(own_servers.addresses.database_url, log) as reads:
        yield own_servers, log, reads, own_servers.addresses.database_url, await epoch_of(log)


async def same_as_from_zero(log: Log, database_url: str, epoch: str) -> None:
    await Projector(log, database_url, epoch, schema="alone").catch_up()
    assert all_rows(database_url) == all_rows(database_url, "alone")


async def test_postgres_is_killed_and_comes_back_in_the_middle(world):
    servers, log, reads, database_url, epoch = world
    projector, stop = Projector(log, database_url, epoch), asyncio.Event()
    async with live(projector), beside(writing(EventStore(log), stop)) as [writer]:
        await projector.ready.wait()
        for _ in range(2):
            await until(reads, await log.last_position() + 20)
            servers.kill_postgres()
            with pytest.raises(ReadsDown):
                await reads.fetch("select 1 from checkpoint")
            servers.restart_postgres()
        stop.set()
        await until(reads, await writer)
    await same_as_from_zero(log, database_url, epoch)


async def test_postgres_ends_the_projectors_connection_in_the_middle_of_a_batch(world):
    _, log, reads, database_url, epoch = world
    projector, stop = Projector(log, database_url, epoch), asyncio.Event()
    async with live(projector), beside(writing(EventStore(log), stop)) as [writer]:
        await projector.ready.wait()
        end = (
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and state = 'active'"
        )
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            for _ in range(5):
                await until(reads, await log.last_position() + 10)
                while not (await (await connection.execute(end)).fetchall()):
                    await asyncio.sleep(0)
        stop.set()
        await until(reads, await writer)
    await same_as_from_zero(log, database_url, epoch)


async def test_nats_is_killed_and_comes_back_in_the_middle(world):
    servers, log, reads, database_url, epoch = world
    projector, stop = Projector(log, database_url, epoch), asyncio.Event()
    async with live(projector), beside(writing(EventStore(log), stop)) as [writer]:
        await projector.ready.wait()
        for _ in range(3):
            await until(reads, projector.position + 20)
            servers.kill_nats()
            servers.restart_nats()
        stop.set()
        await until(reads, await writer)
    await same_as_from_zero(log, database_url, epoch)


async def test_both_are_down_at_the_same_time(world):
    servers, log, reads, database_url, epoch = world
    projector = Projector(log, database_url, epoch)
    async with live(projector):
        await projector.ready.wait()
        await until(reads, await append(log, chatter()))
        servers.kill_postgres()
        servers.kill_nats()
        with pytest.raises(ReadsDown):
            await reads.fetch("select 1 from checkpoint")
        servers.restart_postgres()
        servers.restart_nats()
        while not log.up:
            await asyncio.sleep(0)
        await until(reads, await append(log, _more(1)))
    await same_as_from_zero(log, database_url, epoch)


async def test_a_projector_starts_while_postgres_is_still_away(world):
    servers, log, reads, database_url, epoch = world
    last = await append(log, chatter())
    servers.kill_postgres()
    async with live(Projector(log, database_url, epoch)):
        with pytest.raises(ReadsDown):
            await reads.fetch("select 1 from checkpoint")
        servers.restart_postgres()
        await until(reads, last)


# Announcements


async def test_each_batch_is_announced_and_tables_that_nobody_reads_are_not(log, database_url, epoch):
    heard: asyncio.Queue[int] = asyncio.Queue()

    async def on_projected(body: bytes) -> None:
        await heard.put(orjson.loads(body)["position"])

    await log.listen("pulse.live.projected", on_projected)
    last = await append(log, chatter())
    await Projector(log, database_url, epoch, schema="aside").catch_up()
    await Projector(log, database_url, epoch).catch_up()
    assert [await heard.get() for _ in range(2)] == [0, last]
    assert heard.empty()
