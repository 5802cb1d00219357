"""One connection to the log, against a real nats-server."""

import asyncio
import itertools
from pathlib import Path

import orjson
import pytest

from pulse.embedded import Embedded
from pulse.errors import LogDown, TooLarge
from pulse.eventlog import jetstream
from pulse.eventlog.appends import (
    AckLost,
    Append,
    AppendRefused,
    BatchHasDuplicate,
    BatchLost,
    LogFull,
    StillInFlight,
    WrongSequence,
)
from pulse.eventlog.jetstream import PAGE, PAGE_BYTES, Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS
from tests.eventlog.wire import Wire, back

VERA, OLEG = "pulse.ev.chat.00.vera", "pulse.ev.chat.00.oleg"
NUMBERS = itertools.count(1)


@pytest.fixture
async def scratch(log, addresses):
    """Makes streams of their own, on `scratch<n>.>`; returns a log on each."""
    made: list[Log] = []

    async def make(**config: object) -> Log:
        name = f"SCRATCH{next(NUMBERS)}"
        wanted = {"subjects": [f"{name.lower()}.>"], "storage": "memory", "allow_direct": True, "allow_atomic": True}
        await log.api(f"STREAM.CREATE.{name}", {"name": name, **wanted, **config})
        made.append(await Log.connect(addresses.nats_url, name="scratch", stream=name))
        return made[-1]

    yield make
    for each in made:
        await each.api(f"STREAM.DELETE.{each.stream}")
        await each.close()


@pytest.fixture(scope="module")
def own_servers(data_dir: Path):
    """A nats-server that may be killed."""
    with Embedded(data_dir / "jetstream", postgres=False) as running:
        yield running


async def bodies(log: Log, subject: str = ">") -> list[bytes]:
    return [stored.body for stored in await log.read_all(subject)]


# Appending


async def test_a_message_gets_the_next_position(log):
    assert (await log.append(Append(VERA, b"1"))).position == 1
    assert (await log.append(Append(OLEG, b"2"))).position == 2
    assert await log.last_position() == 2


async def test_a_condition_holds_for_its_own_subject_only(log):
    await log.append(Append(VERA, b"1", expect=0))
    await log.append(Append(OLEG, b"2", expect=0))
    assert (await log.append(Append(VERA, b"3", expect=1))).position == 3


async def test_a_writer_who_is_late_is_refused_and_told_so(log):
    await log.append(Append(VERA, b"1"))
    with pytest.raises(WrongSequence) as refused:
        await log.append(Append(VERA, b"2", expect=0))
    assert refused.value.err_code == 10071
    assert await bodies(log) == [b"1"]


async def test_of_many_writers_at_once_one_wins(log):
    answers = await asyncio.gather(
        *(log.append(Append(VERA, b"%d" % n, expect=0)) for n in range(50)), return_exceptions=True
    )
    assert sum(isinstance(answer, WrongSequence) for answer in answers) == 49
    assert len(await bodies(log)) == 1


async def test_a_repeated_message_id_is_answered_with_the_first_position(log):
    first = await log.append(Append(VERA, b"1", msg_id="shop:1"))
    again = await log.append(Append(OLEG, b"2", msg_id="shop:1"))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.position == first.position
    assert await bodies(log) == [b"1"]


async def test_a_full_log_says_so_and_stores_nothing(scratch):
    small = await scratch(max_bytes=1024, discard="new")
    subject = f"{small.stream.lower()}.x"
    await small.append(Append(subject, b"x" * 500))
    with pytest.raises(LogFull):
        await small.append(Append(subject, b"x" * 500))
    with pytest.raises(LogFull):
        await small.append_batch([Append(subject, b"x" * 300), Append(subject, b"x" * 300)])
    assert await small.last_position() == 1


async def test_a_log_full_by_count_says_so_too(scratch):
    small = await scratch(max_msgs=1, discard="new")
    subject = f"{small.stream.lower()}.x"
    await small.append(Append(subject, b"1"))
    with pytest.raises(LogFull):
        await small.append(Append(subject, b"2"))


async def test_a_message_larger_than_the_server_takes_is_too_large_not_trouble(log):
    with pytest.raises(TooLarge):
        await log.append(Append(VERA, b"x" * (3 << 20)))
    assert log.up


async def test_a_message_larger_than_the_stream_takes_is_refused(scratch):
    small = await scratch(max_msg_size=1000)
    with pytest.raises(AppendRefused) as refused:
        await small.append(Append(f"{small.stream.lower()}.x", b"x" * 2000))
    assert refused.value.err_code == 10054


async def test_a_subject_of_no_stream_is_trouble_not_an_answer(log):
    with pytest.raises(LogDown):
        await log.append(Append("nobody.listens", b"1"))


# Batches


async def test_a_batch_lies_together_and_its_ack_names_the_last(log):
    await log.append(Append(OLEG, b"0"))
    ack = await log.append_batch([Append(VERA, b"1", expect=0), Append(VERA, b"2"), Append(OLEG, b"3", expect=1)])
    assert ack.position == 4
    assert [(s.position, s.subject, s.body) for s in await log.read(2)] == [
        (2, VERA, b"1"), (3, VERA, b"2"), (4, OLEG, b"3")
    ]  # fmt: skip


async def test_a_batch_of_one_is_a_batch(log):
    assert (await log.append_batch([Append(VERA, b"1", expect=0)])).position == 1


@pytest.mark.parametrize("wrong", [0, 1, 2])
async def test_a_batch_with_one_wrong_condition_stores_nothing(log, wrong):
    appends = [Append(f"{VERA}{n}", b"x", expect=5 if n == wrong else 0) for n in range(3)]
    with pytest.raises(WrongSequence):
        await log.append_batch(appends)
    assert await log.last_position() == 0


async def test_a_batch_with_a_known_message_id_stores_nothing(log):
    await log.append(Append(VERA, b"1", msg_id="shop:1"))
    with pytest.raises(BatchHasDuplicate) as refused:
        await log.append_batch([Append(OLEG, b"2"), Append(OLEG, b"3", msg_id="shop:1")])
    assert refused.value.err_code == 10201
    assert await bodies(log) == [b"1"]


async def test_a_second_condition_on_a_subject_of_the_same_batch_is_refused(log):
    with pytest.raises(StillInFlight) as refused:
        await log.append_batch([Append(VERA, b"1", expect=0), Append(VERA, b"2", expect=1)])
    assert refused.value.err_code == 10164
    assert await log.last_position() == 0


async def test_a_batch_that_the_server_has_no_beginning_of_is_lost(log, scratch):
    other = await scratch()
    with pytest.raises(BatchLost) as refused:
        await log.append_batch([Append(f"{other.stream.lower()}.x", b"1"), Append(VERA, b"2")])
    assert refused.value.err_code == 10176
    assert await log.last_position() == 0
    assert await other.last_position() == 0


async def test_a_batch_over_the_servers_limit_stores_nothing(log):
    with pytest.raises(AppendRefused):
        await log.append_batch([Append(VERA, b"x") for _ in range(1001)])
    assert await log.last_position() == 0


async def test_a_batch_of_a_thousand_is_stored(log):
    assert (await log.append_batch([Append(VERA, b"x") for _ in range(1000)])).position == 1000


async def test_many_batches_at_once_do_not_mix(log):
    acks = await asyncio.gather(
        *(log.append_batch([Append(f"{VERA}{n}", b"%d" % n) for _ in range(5)]) for n in range(20))
    )
    found = await bodies(log)
    for number, ack in enumerate(acks):
        assert found[ack.position - 5 : ack.position] == [b"%d" % number] * 5


async def test_two_connections_never_use_the_same_batch_id(log, addresses):
    other = await Log.connect(addresses.nats_url)
    await asyncio.gather(
        *(each.append_batch([Append(f"{VERA}{n}", b"x"), Append(f"{VERA}{n}", b"y")])
          for n, each in enumerate([log, other] * 10))
    )  # fmt: skip
    assert await log.last_position() == 40
    await other.close()


# Reading


async def test_an_empty_log_reads_as_nothing(log):
    assert await log.read(1) == []
    assert await log.read_all(VERA) == []
    assert await log.last_position() == 0


async def test_reading_begins_at_a_position_and_may_be_narrowed(log):
    for subject in (VERA, OLEG, VERA):
        await log.append(Append(subject, subject[-4:].encode()))
    assert [stored.position for stored in await log.read(2)] == [2, 3]
    assert [stored.position for stored in await log.read(1, subject=VERA)] == [1, 3]
    assert [stored.position for stored in await log.read_all(VERA, start=2)] == [3]
    assert [stored.position for stored in await log.read(1, limit=2)] == [1, 2]
    assert await log.read(4) == []
    assert [stored.position for stored in await log.read(0)] == [1, 2, 3]


async def test_reading_all_goes_on_over_many_pages(log):
    for first in range(0, 2 * PAGE + 500, 500):
        await log.append_batch([Append((VERA, OLEG)[n % 2], b"%d" % n) for n in range(first, first + 500)])
    assert await bodies(log, VERA) == [b"%d" % n for n in range(0, 2 * PAGE + 500, 2)]
    assert await bodies(log) == [b"%d" % n for n in range(2 * PAGE + 500)]
    assert len(await log.read(1)) == PAGE


async def test_a_page_is_bounded_in_bytes_and_reading_all_goes_on(log):
    big = b"x" * (1 << 20)
    for number in range(20):
        await log.append(Append(VERA, big + b"%d" % number))
    page = await log.read(1)
    assert 0 < sum(len(stored.body) for stored in page) <= PAGE_BYTES + len(big) + 10
    assert len(page) < 20
    assert [body[len(big) :] for body in await bodies(log, VERA)] == [b"%d" % n for n in range(20)]


async def test_many_readers_at_once_get_what_they_asked_for(log):
    await log.append_batch([Append(f"{VERA}{n}", b"%d" % n) for n in range(100)])
    found = await asyncio.gather(*(bodies(log, f"{VERA}{n}") for n in range(100)))
    assert found == [[b"%d" % n] for n in range(100)]


async def test_a_log_that_is_not_there_is_refused_by_its_code(addresses):
    nowhere = await Log.connect(addresses.nats_url, stream="NOWHERE")
    with pytest.raises(AppendRefused) as refused:
        await nowhere.last_position()
    assert refused.value.err_code == 10059
    with pytest.raises(LogDown):
        await nowhere.read(1)
    await nowhere.close()


# Live words


async def test_what_is_told_is_heard(log, addresses):
    other = await Log.connect(addresses.nats_url)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await other.listen("pulse.sys.test", heard.put)
    await other.client.flush()
    await log.tell("pulse.sys.test", b"hello")
    assert await heard.get() == b"hello"
    await other.close()


# Losing the server


async def test_without_a_server_the_log_is_down_at_once():
    with pytest.raises(LogDown, match="does not answer"):
        await Log.connect("nats://127.0.0.1:1")


async def test_an_append_that_gets_no_answer_is_lost_and_lies_in_the_log(log, addresses, monkeypatch):
    monkeypatch.setattr(jetstream, "ACK_SECONDS", 0.05)
    async with Wire(addresses.nats_url) as wire:
        deaf = await Log.connect(wire.url)
        wire.lose_next("reply")
        with pytest.raises(AckLost):
            await deaf.append(Append(VERA, b"1", msg_id="shop:1"))
        assert (await deaf.append(Append(VERA, b"1", msg_id="shop:1"))).duplicate
        assert await bodies(log) == [b"1"]
        await deaf.close()


async def test_an_append_whose_connection_breaks_is_lost_at_once(log, addresses):
    async with Wire(addresses.nats_url) as wire:
        cut = await Log.connect(wire.url)
        wire.lose_next("cut")
        with pytest.raises(AckLost):
            await cut.append(Append(VERA, b"1"))
        assert await bodies(log) == [b"1"]
        await cut.close()


@pytest.mark.parametrize("how", ["forget_waiting", "_sweep"])
async def test_a_read_without_an_answer_means_a_log_that_is_down_and_nothing_doubtful(log, monkeypatch, how):
    monkeypatch.setattr(jetstream, "ACK_SECONDS", -1)
    calls = (log.read(1), log.read_all(VERA), log.last_position(), log.append(Append(VERA, b"1")))
    asked = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    getattr(log, how)()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [LogDown, LogDown, LogDown, AckLost]
    assert str(answers[0]) == "The event log did not answer."


async def test_closing_a_log_tells_whoever_still_waits(log, addresses):
    async with Wire(addresses.nats_url) as wire:
        deaf = await Log.connect(wire.url)
        wire.lose_next("reply")
        waiting = asyncio.ensure_future(deaf.append(Append(VERA, b"1")))
        await wire.lost.wait()
        await deaf.close()
        with pytest.raises(AckLost):
            await waiting


async def test_a_killed_server_is_down_at_once_and_comes_back_with_everything(own_servers):
    log = await Log.connect(own_servers.addresses.nats_url)
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await log.listen("pulse.sys.test", heard.put)
    before = await log.append(Append(VERA, b"before", msg_id="shop:1"))
    own_servers.kill_nats()
    with pytest.raises(LogDown):
        await log.append(Append(VERA, b"during"))
    with pytest.raises(LogDown):
        await log.read(1)
    await log.tell("pulse.sys.test", b"nobody hears")
    own_servers.restart_nats()
    await back(log)
    assert (await log.append(Append(VERA, b"before", msg_id="shop:1"))).position == before.position
    assert (await log.append(Append(VERA, b"after", expect=before.position))).position == before.position + 1
    assert await bodies(log) == [b"before", b"after"]
    await log.tell("pulse.sys.test", b"hello again")
    assert await heard.get() == b"hello again"
    await log.close()


async def test_everything_under_way_when_the_server_is_killed_gets_an_answer(own_servers):
    log = await Log.connect(own_servers.addresses.nats_url)
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    appends = [asyncio.ensure_future(log.append(Append(OLEG, b"%d" % n))) for n in range(300)]
    await appends[0]
    own_servers.kill_nats()
    answers = await asyncio.gather(*appends, return_exceptions=True)
    assert all(isinstance(answer, LogDown | jetstream.Ack) for answer in answers)
    own_servers.restart_nats()
    await back(log)
    stored = [int(body) for body in await bodies(log, OLEG)]
    acked = {n for n, answer in enumerate(answers) if isinstance(answer, jetstream.Ack)}
    assert acked <= set(stored)
    assert len(stored) == len(set(stored))
    await log.close()


async def test_a_wrong_password_is_down_not_a_crash(addresses):
    with pytest.raises(LogDown):
        await Log.connect(addresses.nats_url.replace("pulse:", "pulse:wrong"))


def test_refusals_keep_their_code():
    refused = AppendRefused(10071, "wrong last sequence: 5")
    assert refused.err_code == 10071
    assert orjson.dumps(str(refused)) == b'"wrong last sequence: 5 (10071)"'
