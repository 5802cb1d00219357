"""Webhooks of what all processes know: one tells, and whoever takes over leaves nothing out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.metrics import Metrics
from pulse.push import hooks as hooks_module
from pulse.push import shared_hooks as module
from pulse.push.hooks import HookEvent, Hooks
from pulse.push.shared_hooks import APART_SECONDS, SharedHooks
from tests.given import NOW
from tests.insisting import insist
from tests.push.test_hooks import occupied, working

PATIENCE = 20


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Receiver:
    """Whoever the posts go to. `away`: takes nothing; `stuck`: does not answer until it is `free`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked, self.free = asyncio.Event(), asyncio.Event()
        self.away = self.stuck = False

    async def __call__(self, body: bytes) -> bool:
        self.asked.set()
        if self.stuck:
            await self.free.wait()
        if not self.away:
            self.taken += [event["channel"] for event in orjson.loads(body)["events"]]
        return not self.away

    async def until(self, *channels: str) -> None:
        async def taken() -> bool:
            return len(self.taken) >= len(channels)

        async with asyncio.timeout(PATIENCE):
            await insist(taken, bool)
        assert self.taken == [*channels]


class Process:
    """One of several, each with a connection of its own, that hear the same."""

    def __init__(self, log: Log, post: Receiver, clock: Clock) -> None:
        self.log = log
        self.lease = Lease(Notes(log), "app-hooks")
        self.hooks = SharedHooks(Hooks(post, Metrics().hooks_dropped, clock, (3600.0,)), self.lease, log, clock)

    async def knows(self, *channels: str) -> None:
        """Until just these are what it would have to tell."""

        async def waiting() -> list[str]:
            return [event.channel for event in self.hooks.waiting]

        async with asyncio.timeout(PATIENCE):
            await insist(waiting, [*channels].__eq__)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def both(log: Log, addresses: Addresses, receiver: Receiver, clock: Clock) -> AsyncIterator[list[Process]]:
    """The second waits for its turn."""
    other = await Log.connect(addresses.nats_url, name="other")
    yield [Process(log, receiver, clock), Process(other, receiver, clock)]
    await other.close()


@asynccontextmanager
async def taking_turns(one: Process, other: Process) -> AsyncIterator[Any]:
    """The first tells, until it is killed by what this yields."""
    first = asyncio.ensure_future(one.hooks.run())
    await one.lease.held.wait()

    async def kill() -> None:
        first.cancel()
        await asyncio.wait([first])

    async with working(other.hooks.run):
        await other.log.client.flush()
        yield kill
        await kill()


def say(to: list[Process], *channels: str) -> None:
    for channel in channels:
        for process in to:
            process.hooks.say(occupied(channel))


async def test_of_two_processes_one_tells(both: list[Process], receiver: Receiver) -> None:
    async with taking_turns(*both):
        say(both, "a", "b")
        await receiver.until("a", "b")
        say(both, "last")
        await receiver.until("a", "b", "last")


async def test_what_the_one_before_brought_is_not_told_again(both: list[Process], receiver: Receiver) -> None:
    async with taking_turns(*both) as kill:
        say(both, "a", "b")
        await receiver.until("a", "b")
        await both[1].knows()
        await kill()
        say(both[1:], "c")
        await receiver.until("a", "b", "c")


async def test_nothing_is_lost_however_long_the_receiver_was_away(
    both: list[Process], receiver: Receiver, clock: Clock
) -> None:
    receiver.away = True
    async with taking_turns(*both) as kill:
        for channel in "abc":
            say(both, channel)
            clock.now += timedelta(minutes=2)
        await receiver.asked.wait()
        await kill()
        receiver.away = False
        await both[1].lease.held.wait()
        say(both[1:], "d")
        await receiver.until("a", "b", "c", "d")


async def test_what_was_on_its_way_comes_once_more(both: list[Process], receiver: Receiver) -> None:
    receiver.stuck = True
    async with taking_turns(*both) as kill:
        say(both, "a")
        await receiver.asked.wait()
        say(both, "b")
        await kill()
        receiver.stuck = False
        await receiver.until("a", "b")


async def test_who_loses_its_turn_and_has_it_again_goes_on(log: Log, receiver: Receiver, clock: Clock) -> None:
    """As when NATS was away for longer than a turn lasts."""
    only = Process(log, receiver, clock)
    receiver.stuck = True
    async with working(only.hooks.run):
        await only.lease.held.wait()
        say([only], "a")
        await receiver.asked.wait()
        say([only], "b")
        note = await Notes(log).read("lease.app-hooks")
        await Notes(log).forget("lease.app-hooks", note.revision)
        receiver.stuck = False
        await receiver.until("a", "b")


async def test_what_is_said_before_anybody_tells_is_told_in_order(log: Log, receiver: Receiver, clock: Clock) -> None:
    only = Process(log, receiver, clock)
    say([only], "long ago")
    clock.now += timedelta(minutes=5)
    say([only], "just")
    async with working(only.hooks.run):
        await only.lease.held.wait()
        say([only], "after")
        await receiver.until("long ago", "just", "after")


async def test_what_one_hears_alone_or_late_is_not_kept_for_ever(
    both: list[Process], receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that begins learns of every channel that is occupied; those were told."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    async with taking_turns(*both):
        say(both[1:], "of old")
        clock.now += timedelta(seconds=APART_SECONDS - 1)
        say(both[1:], "new")
        await both[1].knows("of old", "new")
        clock.now += timedelta(seconds=2)
        await both[1].knows("new")
    assert receiver.taken == []


async def test_what_was_before_the_one_who_tells_began_is_kept_by_who_heard_it(
    both: list[Process], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    kept, tells = both
    say([kept], "before")
    clock.now += timedelta(minutes=1)
    async with working(tells.hooks.run):
        await tells.lease.held.wait()
        async with working(kept.hooks.run):
            say([kept], "since")
            await kept.knows("before", "since")
            clock.now += timedelta(seconds=APART_SECONDS + 1)
            await kept.knows("before")


async def test_of_one_thing_the_newest_is_the_last_word(both: list[Process], receiver: Receiver) -> None:
    """Whoever heard something after it was brought forgets it with what came then."""
    vacated = HookEvent("channel_vacated", "a")
    async with taking_turns(*both):
        both[1].hooks.say(vacated)  # which the first told before
        say(both, "a", "b")
        await receiver.until("a", "b")
        await both[1].knows()


async def test_what_had_to_make_room_is_waited_for_by_nobody(
    both: list[Process], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks_module, "QUEUED", 2)
    receiver.stuck = True
    async with taking_turns(*both):
        say(both, "a")
        await receiver.asked.wait()
        say(both, "b", "c", "d")  # of which there is no room for the first
        receiver.free.set()
        await receiver.until("a", "c", "d")
        await both[0].knows()
