"""Reading the log in order, for ever."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pulse.embedded import Embedded
from pulse.errors import LogDown
from pulse.eventlog import follow
from pulse.eventlog.appends import Append, Stored
from pulse.eventlog.follow import Follow, LogHole
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS
from tests.eventlog.wire import back

CHAT, CUSTOMER = "pulse.ev.chat.00.vera", "pulse.ev.customer.00.vera"
CHATS = ("pulse.ev.chat.>",)


@pytest.fixture(scope="module")
def own_servers(data_dir: Path):
    """A nats-server that may be killed."""
    with Embedded(data_dir / "follow", postgres=False) as running:
        yield running


@pytest.fixture
async def broken(log, addresses):
    """A stream that lets messages be deleted, and a log on it."""
    config = {"name": "BROKEN", "subjects": ["broken.>"], "storage": "memory", "allow_direct": True}
    await log.api("STREAM.CREATE.BROKEN", {**config, "allow_atomic": True})
    opened = await Log.connect(addresses.nats_url, stream="BROKEN")
    yield opened
    await log.api("STREAM.DELETE.BROKEN")
    await opened.close()


async def write(log: Log, count: int, subject: str = CHAT, first: int = 0) -> None:
    for start in range(first, first + count, 500):
        end = min(start + 500, first + count)
        await log.append_batch([Append(subject, b"%d" % n) for n in range(start, end)])


async def take(follow: Follow, until: int) -> list[Stored]:
    """Everything up to a position."""
    found: list[Stored] = []
    async with aclosing(aiter(follow)) as pages:
        async for page in pages:
            found += page
            if found and found[-1].position >= until:
                return found
    return found


class Reader:
    """A reader of its own that goes on until the test ends."""

    def __init__(self, follow: Follow) -> None:
        self.follow, self.found = follow, list[Stored]()
        self._changed = asyncio.Condition()
        self.task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async with aclosing(aiter(self.follow)) as pages:
            async for page in pages:
                async with self._changed:
                    self.found += page
                    self._changed.notify_all()

    async def has(self, count: int) -> None:
        async with self._changed:
            reached = asyncio.ensure_future(self._changed.wait_for(lambda: len(self.found) >= count))
            await asyncio.wait({reached, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            reached.cancel()
            await self.task

    @property
    def positions(self) -> list[int]:
        return [stored.position for stored in self.found]


@pytest.fixture
async def reading():
    readers: list[Reader] = []

    def begin(follow: Follow) -> Reader:
        readers.append(Reader(follow))
        return readers[-1]

    yield begin
    for reader in readers:
        reader.task.cancel()
    await asyncio.gather(*(reader.task for reader in readers), return_exceptions=True)


async def test_pages_come_first_and_then_what_is_new(log, reading):
    await write(log, 2300)
    reader = reading(Follow(log, 0))
    await reader.has(2300)
    await reader.follow.caught_up.wait()
    await log.append(Append(CUSTOMER, b"new"))
    await reader.has(2301)
    assert reader.positions == list(range(1, 2302))
    assert reader.found[-1] == Stored(2301, CUSTOMER, b"new")
    assert reader.follow.position == 2301


async def test_reading_goes_on_after_a_position(log):
    await write(log, 20)
    assert [stored.position for stored in await take(Follow(log, 15), 20)] == [16, 17, 18, 19, 20]


async def test_an_empty_log_is_caught_up_at_once(log, reading):
    reader = reading(Follow(log, 0))
    await reader.follow.caught_up.wait()
    await log.append(Append(CHAT, b"1"))
    await reader.has(1)


async def test_while_many_write_nothing_is_missed_and_everything_is_in_order(log, addresses, reading):
    others = [await Log.connect(addresses.nats_url) for _ in range(3)]
    readers = [reading(Follow(each, 0)) for each in (log, others[0])]

    async def writer(number: int) -> None:
        for n in range(400):
            await others[number].append(Append(f"{CHAT}{number}", b"%d" % n))

    await asyncio.gather(*(writer(number) for number in range(3)))
    for reader in readers:
        await reader.has(1200)
        assert reader.positions == list(range(1, 1201))
        for number in range(3):
            assert [int(s.body) for s in reader.found if s.subject == f"{CHAT}{number}"] == list(range(400))
    for each in others:
        await each.close()


async def test_what_is_more_than_a_pull_may_bring_in_bytes_comes_with_the_next(log, reading, monkeypatch):
    monkeypatch.setattr(follow, "PULL_BYTES", 10_000)
    reader = reading(Follow(log, 0))
    await reader.follow.caught_up.wait()
    await log.append_batch([Append(CHAT, b"x" * 4000) for _ in range(100)])
    await reader.has(100)
    assert reader.positions == list(range(1, 101))


def unanswered(log, monkeypatch):
    """From now on whoever reads is told that the log is away; the semaphore counts them."""
    tries = asyncio.Semaphore(0)

    async def read(*_, **__):
        tries.release()
        raise LogDown

    monkeypatch.setattr(follow, "RETRY_SECONDS", 0)
    monkeypatch.setattr(log, "read", read)
    return tries


async def test_an_outage_is_told_once(log, monkeypatch):
    tries = unanswered(log, monkeypatch)
    with capture_logs() as told:
        reading = asyncio.ensure_future(take(Follow(log, 0), 1))
        for _ in range(5):
            await tries.acquire()
        monkeypatch.undo()
        await log.append(Append(CHAT, b"1"))
        assert [stored.position for stored in await reading] == [1]
    assert [line["event"] for line in told] == ["follow.away", "follow.back"]


async def test_an_outage_of_many_readers_is_told_once_and_a_reader_who_left_is_not_waited_for(log, monkeypatch):
    tries = unanswered(log, monkeypatch)
    with capture_logs() as told:
        readers = [asyncio.ensure_future(take(Follow(log, 0), 1)) for _ in range(3)]
        for _ in range(9):
            await tries.acquire()
        assert log.following.is_on
        readers.pop().cancel()
        monkeypatch.undo()
        await log.append(Append(CHAT, b"1"))
        assert [len(found) for found in await asyncio.gather(*readers)] == [1, 1]
    assert [line["event"] for line in told] == ["follow.away", "follow.back"]
    assert not log.following.is_on


async def test_a_slow_reader_gets_everything(log):
    """More than one pull asks for, while nothing is taken."""
    follow = Follow(log, 0)
    found: list[int] = []
    async with aclosing(aiter(follow)) as pages:
        writing = asyncio.ensure_future(follow.caught_up.wait())
        first = asyncio.ensure_future(anext(pages))
        await writing
        await write(log, 3000)
        found += [stored.position for stored in await first]
        async for page in pages:
            found += [stored.position for stored in page]
            await log.last_position()
            if found[-1] == 3000:
                break
    assert found == list(range(1, 3001))


async def test_a_reader_may_be_left_and_taken_up_again(log):
    await write(log, 2500)
    follow = Follow(log, 0)
    first = await take(follow, 1)
    rest = await take(follow, 2500)
    assert [stored.position for stored in first + rest] == list(range(1, 2501))


# Some kinds only


async def test_only_the_wanted_kinds_are_read(log, reading):
    for subject in (CHAT, CUSTOMER, CHAT):
        await log.append(Append(subject, b"x"))
    reader = reading(Follow(log, 0, subjects=CHATS))
    await reader.has(2)
    await log.append(Append(CUSTOMER, b"x"))
    await log.append(Append(CHAT, b"x"))
    await reader.has(3)
    assert reader.positions == [1, 3, 5]


async def test_a_kind_that_never_happened_is_caught_up_at_once(log, reading):
    await write(log, 10, CUSTOMER)
    reader = reading(Follow(log, 0, subjects=CHATS))
    await reader.follow.caught_up.wait()
    assert reader.found == []


@pytest.mark.parametrize("count", [400, 1200])
async def test_a_kind_is_caught_up_when_all_that_existed_was_handed_out_and_not_before(log, count):
    for _ in range(0, count, 200):
        await log.append_batch([Append(CHAT, b"x" * 1000) for _ in range(200)])
        await write(log, 200, CUSTOMER)
    follow, handed_out = Follow(log, 0, subjects=CHATS), 0
    async with aclosing(aiter(follow)) as pages:
        while handed_out < count:
            handed_out += len(await anext(pages))
            assert not follow.caught_up.is_set()
            await log.read(1)  # the rest arrives meanwhile
        more = asyncio.ensure_future(anext(pages))
        await follow.caught_up.wait()
        await log.append(Append(CHAT, b"new"))
        assert [stored.body for stored in await more] == [b"new"]


async def test_several_kinds_keep_their_common_order(log, reading):
    await log.append(Append("pulse.ev.source.00.shop", b"x"))
    for n in range(20):
        await log.append(Append((CHAT, CUSTOMER)[n % 2], b"x"))
    reader = reading(Follow(log, 0, subjects=(*CHATS, "pulse.ev.customer.>")))
    await reader.has(20)
    assert reader.positions == list(range(2, 22))


# Trouble


async def test_a_hole_stops_the_reader_where_it_is(broken):
    await write(broken, 10, "broken.x")
    await broken.api("STREAM.MSG.DELETE.BROKEN", {"seq": 5, "no_erase": True})
    follow = Follow(broken, 0)
    with pytest.raises(LogHole, match=r"After position 4 the log goes on with 6\."):
        await take(follow, 10)
    assert follow.position == 4


async def test_a_hole_in_what_is_new_stops_the_reader_too(broken, reading):
    reader = reading(Follow(broken, 0))
    await reader.follow.caught_up.wait()
    await write(broken, 3, "broken.x")
    await reader.has(3)
    reader.task.cancel()
    await write(broken, 3, "broken.x")
    await broken.api("STREAM.MSG.DELETE.BROKEN", {"seq": 4, "no_erase": True})
    with pytest.raises(LogHole, match="After position 3"):
        await take(Follow(broken, 3), 6)


async def test_a_log_that_ends_before_our_position_is_a_hole(log):
    await write(log, 5)
    with pytest.raises(LogHole, match=r"ends at position 5, but 9"):
        await take(Follow(log, 9), 10)


async def test_a_consumer_that_somebody_deleted_is_made_again(log, reading):
    reader = reading(Follow(log, 0))
    await reader.follow.caught_up.wait()
    await write(log, 5)
    await reader.has(5)
    names = (await log.api("CONSUMER.NAMES.PULSE"))["consumers"]
    for name in names:
        await log.api(f"CONSUMER.DELETE.PULSE.{name}")
    await write(log, 5, first=5)
    await reader.has(10)
    assert reader.positions == list(range(1, 11))


@pytest.mark.parametrize("subjects", [(), CHATS], ids=["everything", "chats"])
async def test_a_killed_server_is_waited_for_and_nothing_is_missed_or_repeated(own_servers, reading, subjects):
    log = await Log.connect(own_servers.addresses.nats_url)
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    before = await log.last_position()
    reader = reading(Follow(log, before, subjects=subjects))
    await write(log, 700)
    await reader.has(700)
    own_servers.kill_nats()
    own_servers.restart_nats()
    await back(log)
    await write(log, 700, first=700)
    await reader.has(1400)
    assert [int(stored.body) for stored in reader.found] == list(range(1400))
    await log.close()
