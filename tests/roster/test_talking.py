"""Two rosters on two connections to a nats-server that is killed in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pulse.embedded import Embedded
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import ROSTER
from pulse.roster import GRACE_SECONDS, Roster
from pulse.roster.changes import Change, MemberRemoved, Vacated
from pulse.roster.others import BEAT_SECONDS, LIFE_SECONDS
from pulse.roster.words import Beat, News, Word, read
from tests.roster.talkers import becomes, talking
from tests.roster.wires import Clock

CHAT = "presence-chat.1"
ANNA, BORIS = {"name": "Anna"}, {"name": "Boris"}


@pytest.fixture(scope="module")
def nats(data_dir: Path) -> Iterator[Embedded]:
    """A nats-server that may be killed."""
    with Embedded(data_dir / "roster-nats", postgres=False) as running:
        yield running


@pytest.fixture
async def logs(nats: Embedded) -> AsyncIterator[list[Log]]:
    """Connections of three processes."""
    async with AsyncExitStack() as stack:
        opened = []
        for number in range(3):
            opened.append(await Log.connect(nats.addresses.nats_url, name=f"process {number}"))
            stack.push_async_callback(opened[-1].close)
        yield opened


async def test_processes_know_of_each_others_people_while_they_are_there(logs: list[Log]) -> None:
    async with talking(logs[0]) as one, talking(logs[1]) as two:
        one.join(CHAT, "anna", ANNA)
        await becomes(lambda: two.members(CHAT) == {"anna": ANNA})
        two.join(CHAT, "boris", BORIS)
        two.join("news")
        two.sign_in("boris")
        await becomes(lambda: one.members(CHAT) == {"anna": ANNA, "boris": BORIS})
        await becomes(lambda: one.is_online("boris") and one.subscription_count("news") == 1)
        async with talking(logs[2]) as late:
            await becomes(lambda: late.members(CHAT) == {"anna": ANNA, "boris": BORIS} and late.is_online("boris"))
        two.leave(CHAT, "boris")
        await becomes(lambda: one.here(CHAT) == ["anna"])


async def test_a_process_that_ends_says_good_bye(logs: list[Log]) -> None:
    clock = Clock()  # nobody falls silent: it stands still
    async with talking(logs[0], Roster(clock)) as one:
        async with talking(logs[1]) as two:
            two.join(CHAT, "boris", BORIS)
            await becomes(lambda: one.here(CHAT) == ["boris"])
        await becomes(lambda: one.here(CHAT) == [])
        assert one.members(CHAT) == {"boris": BORIS}
        clock.now += GRACE_SECONDS
        one.wake.set()
        await becomes(lambda: one.members(CHAT) == {})


async def test_nothing_flaps_while_nats_is_away_and_what_changed_meanwhile_is_known_afterwards(
    logs: list[Log], nats: Embedded
) -> None:
    clock = Clock()
    one, two = Roster(clock), Roster(clock)
    changes: list[Change] = []
    one.when_changed.add(changes.append)
    async with talking(logs[0], one), talking(logs[1], two):
        two.join(CHAT, "boris", BORIS)
        two.join("left")
        await becomes(lambda: one.here(CHAT) == ["boris"] and "left" in one.channels())
        lost = when_lost(logs[0])
        nats.kill_nats()
        await lost.wait()
        for _ in range(5):
            clock.now += LIFE_SECONDS
            one.pass_time()
        two.join("new")
        two.leave("left")
        assert one.here(CHAT) == ["boris"]
        nats.restart_nats()
        await becomes(lambda: "new" in one.channels() and one.subscription_count("left") == 0, clock, one, two)
        await becomes(lambda: Vacated("left") in changes, clock, one, two)
        assert one.here(CHAT) == ["boris"]
    assert not [change for change in changes if isinstance(change, MemberRemoved) or change == Vacated(CHAT)]


async def test_a_process_that_died_while_nats_was_away_is_dropped_when_the_others_had_time_to_speak(
    logs: list[Log], nats: Embedded
) -> None:
    clock = Clock()
    one, two = Roster(clock), Roster(clock)
    async with talking(logs[0], one):
        async with talking(logs[1], two):
            two.join(CHAT, "boris", BORIS)
            await becomes(lambda: one.here(CHAT) == ["boris"])
            lost = [when_lost(log) for log in logs[:2]]
            nats.kill_nats()
            for event in lost:
                await event.wait()
        clock.now += BEAT_SECONDS + 0.5  # so short that it could be taken for nobody's speaking
        nats.restart_nats()
        await becomes(lambda: logs[0].up)
        before = clock.now
        await becomes(lambda: one.here(CHAT) == [], clock, one)
        assert clock.now - before >= LIFE_SECONDS


async def test_nothing_of_it_enters_the_log(log: Log) -> None:
    before = await log.api("STREAM.LIST")
    async with talking(log) as one, talking(log) as two:
        one.join(CHAT, "anna", ANNA)
        one.sign_in("anna")
        await becomes(lambda: two.is_online("anna"))
        one.leave(CHAT, "anna")
        await becomes(lambda: two.here(CHAT) == [])
    after = await log.api("STREAM.LIST")
    assert [stream["state"]["last_seq"] for stream in after["streams"]] == [
        stream["state"]["last_seq"] for stream in before["streams"]
    ]
    assert before["streams"]


async def test_thousands_of_channels_are_told_in_few_words_and_then_in_none(logs: list[Log]) -> None:
    heard: list[Word | None] = []

    async def hear(body: bytes) -> None:
        heard.append(read(body))

    await logs[2].listen(f"{ROSTER}.>", hear)
    await logs[2].listen(ROSTER, hear)
    await logs[2].client.flush()
    clock = Clock()
    async with talking(logs[0], Roster(clock)) as one, talking(logs[1], Roster(clock)) as two:
        await becomes(lambda: len(heard) >= 2)
        for number in range(5000):
            one.join(f"private-chat.{number}")
        await becomes(lambda: len(two.channels()) == 5000, clock, one, two)
        told = [word for word in heard if isinstance(word, News)]
        assert len(told) <= 3
        before = len(heard)
        await becomes(lambda: len(heard) >= before + 6, clock, one, two)
        assert {type(word) for word in heard[before:]} == {Beat}


def when_lost(log: Log) -> asyncio.Event:
    """Set as soon as the connection notices that its server is gone."""
    lost = asyncio.Event()
    log.when_lost.add(lost.set)
    return lost
