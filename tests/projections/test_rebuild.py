"""Making the read models anew, beside the ones in use and under writers and readers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
import pytest

from pulse.access import Reach
from pulse.aggregates import EVENTS
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import MessageReceived
from pulse.errors import ReadsDown
from pulse.eventlog.store import EventStore
from pulse.projections import chat_list, inbox, rebuild, thread
from pulse.projections.chat_filters import Filters
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.projections.rebuild import make_current, outdated
from tests.given import ANNA, a_chat, vera_writes
from tests.projections.conftest import append, epoch_of, own_log
from tests.projections.running import all_rows, live, until, until_row
from tests.projections.told import Told
from tests.projections.writers import beside, one_more, writing

DEAD = "select position, error from projection_dead_letter order by position"


def words(*texts: str, peer: str = "77") -> Told:
    told = Told()
    told.of(a_chat(peer=peer), *(vera_writes(text, text=text) for text in texts))
    return told


def schemas(query) -> set[str]:
    return {row["nspname"] for row in query("select nspname from pg_namespace where nspname like 'read%%'")}


async def test_a_rebuild_gives_the_same_rows_and_leaves_nothing_behind(log, database_url, epoch, projector, query):
    last = await append(log, words("one", "two"))
    await projector.catch_up()
    before = all_rows(database_url)
    told: list[tuple[int, int]] = []
    assert await rebuild.rebuild(log, database_url, epoch, lambda at, of: told.append((at, of))) == last
    assert all_rows(database_url) == before
    assert told[-1] == (last, last)
    assert schemas(query) == {"read"}


async def test_a_rebuild_makes_the_first_tables_too(log, database_url, epoch, reads, query):
    last = await append(log, words("one"))
    assert await rebuild.rebuild(log, database_url, epoch) == last
    assert await reads.wait_for(last)
    assert schemas(query) == {"read"}


async def test_what_an_interrupted_rebuild_left_is_cleared(log, database_url, epoch, query):
    await append(log, words("one"))

    def interrupt(at: int, of: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await rebuild.rebuild(log, database_url, epoch, interrupt)
    assert schemas(query) == {"read_next"}
    await rebuild.rebuild(log, database_url, epoch)
    assert schemas(query) == {"read"}


async def test_two_rebuilds_take_turns(log, database_url, epoch, query):
    last = await append(log, words("one", "two"))
    both = [rebuild.rebuild(log, database_url, epoch) for _ in range(2)]
    assert await asyncio.gather(*both) == [last, last]
    assert schemas(query) == {"read"}


async def test_beside_a_live_projector_writers_and_readers_nothing_is_lost_doubled_or_refused(
    log, database_url, epoch, reads
):
    store, stop = EventStore(log), asyncio.Event()
    mine = a_chat(peer="mine")
    projector = Projector(log, database_url, epoch)

    async def read_own_writes() -> None:
        """Writes, waits, reads: what was written must be there, at every moment of every swap."""
        await projector.ready.wait()
        seen = 0
        while not stop.is_set():
            seen += 1
            decided = await store.decide(Chat, mine.id, one_more("mine", f"own {seen}"), by="customer")
            while not await reads.wait_for(decided.position):
                pass
            row = await inbox.one(reads, mine.id)
            assert row is not None
            assert row["version"] >= decided.version
            page = await thread.page(reads, mine.id, limit=1, before=None, after=None)
            assert page.items[0]["id"] >= decided.version
            await chat_list.page(
                reads, Reach(everything=False, departments=[], holder=ANNA), Filters(), limit=10, cursor=None
            )

    own = (read_own_writes(), read_own_writes())
    async with live(projector), beside(writing(store, stop), *own) as tasks:
        await projector.ready.wait()
        for _ in range(6):
            await rebuild.rebuild(log, database_url, epoch)
            await until(reads, await log.last_position())
        stop.set()
        await asyncio.gather(*tasks)
        decided = await store.decide(Chat, mine.id, one_more("mine", "the last"), by="customer")
        await until(reads, decided.position)
    assert (await inbox.one(reads, mine.id))["version"] == decided.version
    await Projector(log, database_url, epoch, schema="alone").catch_up()
    assert all_rows(database_url) == all_rows(database_url, "alone")


async def test_a_swap_waits_for_a_batch_that_is_being_written(log, database_url, epoch, projector, reads):
    waits = "select 1 from pg_locks where not granted and mode = %(mode)s"
    async with live(projector):
        await projector.ready.wait()
        async with await psycopg.AsyncConnection.connect(database_url) as stranger:
            await stranger.execute("lock table read.thread in share mode")
            last = await append(log, words("one", "two"))
            await until_row(database_url, waits, mode="RowExclusiveLock")  # the batch has its checkpoint by now
            async with beside(rebuild.rebuild(log, database_url, epoch)) as [rebuilding]:
                await until_row(database_url, waits, mode="ShareRowExclusiveLock")
                await stranger.rollback()
                await rebuilding
        await until(reads, last)
        await until(reads, await append(log, words("three", peer="78")))
    await Projector(log, database_url, epoch, schema="alone").catch_up()
    assert all_rows(database_url) == all_rows(database_url, "alone")


# Versions


async def test_missing_tables_and_those_of_another_version_are_outdated(log, database_url, epoch, monkeypatch):
    assert await outdated(database_url)
    await Projector(log, database_url, epoch).catch_up()
    assert not await outdated(database_url)
    monkeypatch.setattr(thread, "VERSION", thread.VERSION + 1)
    assert await outdated(database_url)


async def test_a_new_version_is_built_at_start_and_an_equal_one_is_not(log, database_url, epoch, query, monkeypatch):
    await append(log, words("one"))
    await make_current(log, database_url, epoch)
    builds = {query("select build from checkpoint")[0]["build"]}
    await make_current(log, database_url, epoch)
    builds.add(query("select build from checkpoint")[0]["build"])
    assert len(builds) == 1
    monkeypatch.setattr(inbox, "VERSION", inbox.VERSION + 1)
    await make_current(log, database_url, epoch)
    [row] = query("select build, versions from checkpoint")
    assert row["build"] not in builds
    assert row["versions"]["inbox"] == inbox.VERSION
    assert query("select last_text from inbox") == [{"last_text": "one"}]


# Dead letters


async def test_a_rebuild_clears_dead_letters_once_the_code_can_read_them(
    log, database_url, epoch, projector, reads, query, monkeypatch
):
    told = words("one", "two", "three")
    mended = told.appends[2]
    mended.body = mended.body.replace(b"chat.message-received", b"chat.message-dreamt")
    last = await append(log, told)
    async with live(projector):
        await until(reads, last)
        assert [row["position"] for row in query(DEAD)] == [3, 4]
        await rebuild.rebuild(log, database_url, epoch)
        assert [row["position"] for row in query(DEAD)] == [3, 4]
        monkeypatch.setitem(EVENTS, ("chat.message-dreamt", 1), MessageReceived)
        await rebuild.rebuild(log, database_url, epoch)
        assert query(DEAD) == []
        assert query("select last_text from inbox") == [{"last_text": "three"}]
        later = Told()
        later.raw(mended.subject, told.appends[3].body.replace(b'"ver":4', b'"ver":5').replace(b"three", b"four"))
        await until(reads, await append(log, later))
        assert query("select last_text from inbox") == [{"last_text": "four"}]
        assert query(DEAD) == []


# Servers that go


async def test_postgres_goes_in_the_middle_and_nothing_was_changed(own_servers):
    database_url = own_servers.addresses.database_url
    async with own_log(own_servers) as log:
        epoch = await epoch_of(log)
        await append(log, words("one"))
        await Projector(log, database_url, epoch).catch_up()

        def kill(at: int, of: int) -> None:
            own_servers.kill_postgres()

        with pytest.raises(ReadsDown, match="Nothing was changed"):
            await rebuild.rebuild(log, database_url, epoch, kill)
        coming = asyncio.create_task(make_current(log, database_url, epoch))
        await asyncio.wait([coming], timeout=0)
        own_servers.restart_postgres()
        await coming
        # What was committed just before the kill may be gone, with its checkpoint: it is read again.
        await Projector(log, database_url, epoch).catch_up()
        assert len(all_rows(database_url)["thread"]) == 1
        await rebuild.rebuild(log, database_url, epoch)
        assert len(all_rows(database_url)["thread"]) == 1


async def test_nats_goes_in_the_middle_and_the_rebuild_goes_on(own_servers):
    database_url = own_servers.addresses.database_url
    async with own_log(own_servers) as log:
        epoch = await epoch_of(log)
        last = await append(log, words(*(str(number) for number in range(1500))))
        restarts = iter([own_servers.restart_nats])

        def restart(at: int, of: int) -> None:
            with suppress(StopIteration):
                next(restarts)()

        assert await rebuild.rebuild(log, database_url, epoch, restart) == last
        async with Reads.open(database_url, log) as reads:
            assert await reads.wait_for(last)
        assert len(all_rows(database_url)["thread"]) == 1500
