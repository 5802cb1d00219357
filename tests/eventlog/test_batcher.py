"""Which way is faster, and who goes together."""

import asyncio
from itertools import pairwise

import pytest

from pulse.errors import TryLater
from pulse.eventlog.batcher import (
    BATCH,
    LARGEST_ALONE,
    LATEST,
    SMALLEST,
    SOONEST,
    TRIAL_SECONDS,
    WAITING,
    WINDOW_COMMANDS,
    WINDOW_SECONDS,
    Batcher,
    Pace,
)


class Day:
    """Feeds a pace with work: so many commands a second, while it goes alone and while it goes in batches."""

    def __init__(self, alone: float, batched: float) -> None:
        self.pace, self.now = Pace(), 100.0
        self.rates = {False: alone, True: batched}
        self.ways: list[bool] = []
        self.pace.begin(self.now)

    def work(self, windows: int) -> list[bool]:
        """The way that each window went."""
        ways = []
        for _ in range(windows):
            ways.append(self.pace.batching)
            for _ in range(10):
                self.now += WINDOW_SECONDS / 9.9
                self.pace.end(int(self.rates[self.pace.batching] * WINDOW_SECONDS / 10), self.now)
                if self.pace.batching is not ways[-1]:
                    break
        return ways


def test_a_pace_begins_alone_and_then_tries_batches():
    assert Day(alone=1000, batched=5000).work(2) == [False, True]


def test_a_pace_picks_batches_where_they_are_faster():
    assert Day(alone=1000, batched=5000).work(20)[2:].count(True) > 14


def test_a_pace_stays_alone_where_batches_are_slower_or_hardly_faster():
    assert Day(alone=5000, batched=1000).work(20)[2:].count(False) > 14
    assert Day(alone=1000, batched=1050).work(20)[2:].count(False) > 14


def test_a_pace_tries_the_other_way_again_and_follows_a_changed_disk():
    day = Day(alone=5000, batched=1000)
    assert True in day.work(2 * LATEST)[2:]
    day.rates = {False: 1000, True: 20000}
    assert day.work(2 * LATEST)[-10:].count(True) >= 8


def test_a_pace_tries_the_losing_way_more_and_more_seldom():
    day = Day(alone=5000, batched=1000)
    tried = [number for number, batching in enumerate(day.work(4 * LATEST)) if batching]
    gaps = [after - before for before, after in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > SOONEST


def test_a_pause_says_nothing_about_the_limit():
    pace = Pace()
    pace.begin(10.0)
    pace.end(WINDOW_COMMANDS, 10.0 + TRIAL_SECONDS / 2)
    pace.begin(19.0)  # nine seconds of nobody asking
    pace.end(WINDOW_COMMANDS, 19.0 + TRIAL_SECONDS / 2)
    assert not pace.batching
    pace.end(WINDOW_COMMANDS, 19.01 + TRIAL_SECONDS)
    assert pace.batching


def test_a_moment_between_two_commands_is_no_pause():
    pace = Pace()
    pace.begin(10.0)
    pace.end(WINDOW_COMMANDS, 10.0 + TRIAL_SECONDS / 2)
    pace.begin(10.04 + TRIAL_SECONDS / 2)
    pace.end(1, 10.05 + TRIAL_SECONDS)
    assert pace.batching


def test_a_few_commands_say_nothing_about_the_limit():
    pace = Pace()
    pace.begin(10.0)
    for number in range(1, WINDOW_COMMANDS):
        pace.end(1, 10.0 + number)
    assert not pace.batching
    pace.end(1, 10.0 + WINDOW_COMMANDS)
    assert pace.batching


def test_after_a_much_larger_load_begins_the_other_way_is_tried_soon():
    day = Day(alone=500, batched=600)
    day.work(LATEST * 4)
    assert day.pace.batching
    day.rates = {False: 8000, True: 3000}
    assert False in day.work(SOONEST + 1)


class Slow:
    """Work that ends when the test says so. A piece is (chat, number)."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[str, int]]] = []
        self.busy: set[str] = set()
        self.gates: list[asyncio.Event] = []
        self.started: asyncio.Queue[int] = asyncio.Queue()
        self.batcher: Batcher[tuple[str, int]] = Batcher(self.run, lambda work: work[0] not in self.busy)
        self.batcher.pace.batching = True
        self.batcher.smallest = 2

    async def run(self, group: list[tuple[str, int]]) -> None:
        self.groups.append(group)
        self.gates.append(asyncio.Event())
        self.started.put_nowait(len(self.groups))
        await self.gates[-1].wait()


@pytest.fixture
async def slow():
    made = Slow()
    yield made
    for gate in made.gates:
        gate.set()


async def test_what_waits_at_the_same_moment_goes_together_in_its_order(slow):
    for number in range(5):
        slow.batcher.join(("vera", number))
    await slow.started.get()
    assert slow.groups == [[("vera", number) for number in range(5)]]


async def test_what_is_not_ready_waits_until_something_ends(slow):
    slow.busy.add("vera")
    slow.batcher.join(("vera", 1))
    slow.batcher.join(("oleg", 1))
    await slow.started.get()
    assert slow.groups == [[("oleg", 1)]]
    slow.busy.clear()
    slow.gates[0].set()
    await slow.started.get()
    assert slow.groups[1] == [("vera", 1)]


async def test_what_comes_while_a_batch_is_under_way_waits_for_it_and_goes_together(slow):
    for number in range(3):
        slow.batcher.join((f"chat {number}", 1))
        if number == 0:
            await slow.started.get()
    assert len(slow.groups) == 1
    slow.gates[0].set()
    await slow.started.get()
    assert slow.groups[1] == [("chat 1", 1), ("chat 2", 1)]


async def test_a_few_go_alone_side_by_side(slow):
    slow.batcher.smallest = 4
    for number in range(3):
        slow.batcher.join((f"chat {number}", 1))
    for _ in range(3):
        await slow.started.get()
    assert slow.groups == [[(f"chat {number}", 1)] for number in range(3)]


async def test_where_batches_are_slower_what_waits_goes_alone_and_waits_for_nobody(slow):
    slow.batcher.pace.batching = False
    for number in range(LARGEST_ALONE - 1):
        slow.batcher.join((f"chat {number}", 1))
    for _ in range(LARGEST_ALONE - 1):
        await slow.started.get()
    slow.batcher.join(("late", 1))
    await slow.started.get()
    assert {len(group) for group in slow.groups} == {1}


async def test_of_those_who_need_the_same_one_starts(slow):
    slow.batcher.smallest = 4
    slow.batcher = Batcher(lambda group: slow.busy.add(group[0][0]) or slow.run(group), slow.batcher._ready)
    for number in range(3):
        slow.batcher.join(("vera", number))
    await slow.started.get()
    assert slow.groups == [[("vera", 0)]]
    assert list(slow.batcher.waiting) == [("vera", 1), ("vera", 2)]


async def test_after_a_large_batch_the_next_waits_for_as_many_or_a_moment(slow):
    for number in range(SMALLEST):
        slow.batcher.join(("vera", number))
    await slow.started.get()
    slow.gates[0].set()
    while slow.batcher._groups:
        await asyncio.sleep(0)
    for number in range(SMALLEST):
        slow.batcher.join(("oleg", number))
    await slow.started.get()
    assert slow.groups[1] == [("oleg", number) for number in range(SMALLEST)]
    slow.gates[1].set()
    slow.batcher.join(("kira", 1))  # nobody else comes
    await slow.started.get()
    assert slow.groups[2] == [("kira", 1)]


async def test_a_group_has_a_limit_and_the_rest_comes_next(slow):
    for number in range(BATCH + 3):
        slow.batcher.join(("vera", number))
    await slow.started.get()
    slow.gates[0].set()
    await slow.started.get()
    assert [len(group) for group in slow.groups] == [BATCH, 3]
    assert [number for group in slow.groups for _, number in group] == list(range(BATCH + 3))


async def test_only_so_many_wait_and_the_next_is_told_to_try_later(slow):
    slow.busy.add("vera")
    for number in range(WAITING):
        slow.batcher.join(("vera", number))
    for late in ("vera", "oleg"):
        with pytest.raises(TryLater):
            slow.batcher.join((late, WAITING))
    slow.busy.clear()
    slow.batcher.kick()
    await slow.started.get()
    slow.batcher.join(("oleg", 1))
    assert len(slow.batcher._waiting) == WAITING - BATCH + 1
    slow.busy = {"vera", "oleg"}  # nobody starts on the others


async def test_who_waits_is_known_in_order(slow):
    slow.busy.add("vera")
    slow.batcher.join(("vera", 1))
    slow.batcher.join(("vera", 2))
    assert list(slow.batcher.waiting) == [("vera", 1), ("vera", 2)]


async def test_a_group_that_fails_does_not_stop_the_next():
    ran: asyncio.Queue[str] = asyncio.Queue()

    async def run(group: list[str]) -> None:
        ran.put_nowait(group[0])
        if group[0] == "bad":
            raise RuntimeError

    batcher = Batcher(run, lambda _: True)
    batcher.join("bad")
    assert await ran.get() == "bad"
    (failed,) = batcher._tasks
    with pytest.raises(RuntimeError):
        await failed
    batcher.join("good")
    assert await ran.get() == "good"


async def test_what_a_group_needs_is_taken_in_the_same_tick():
    taken: list[str] = []

    async def done() -> None:
        pass

    def run(group: list[str]):
        taken.extend(group)
        return done()

    batcher = Batcher(run, lambda _: True)
    batcher.join("vera")
    seen: list[list[str]] = []
    asyncio.get_running_loop().call_soon(lambda: seen.append(list(taken)))  # runs right after the dispatch
    while not seen:
        await asyncio.sleep(0)
    assert seen == [["vera"]]
