"""Load, decide, append on chats of twelve events: one command after the other, and as a server gets them, many at once.

Both sides have it on disk before the answer, and then neither: where both wait for the disk, it decides; without it one
sees what the software costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import uvloop

from bench.chats import answer, chat_of_twelve, id_of
from bench.child import Child, coming_orders, orders, say
from bench.machine import MEASURED
from bench.peer_application import Chats, environment
from bench.report import Figure, Report, Size, Verdict
from bench.world import opened_world
from pulse.aggregates.chat import Chat
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER
from pulse.logs import configure_logs
from pulse.serving import tune_gc

REACH = 5.0
PULSE, PEER = "Pulse", "eventsourcing + Postgres"
AT_ONCE = 64
PEER_THREADS = 16  # more make it slower: they share one interpreter
COLD, CACHED, TOGETHER = "chat read from the store", "chat in memory", f"chat in memory, {AT_ONCE} at once"
STATES = (COLD, CACHED, TOGETHER)


def main(size: Size) -> Report:
    report = Report("command", "load, decide and append one event on a chat of 12 events")
    for durable in (True, False):
        _measure(report, size, durable=durable)
    report.notes.append("one at a time: a round trip for the reading, one for the append, and its fsync")
    return report


def _measure(report: Report, size: Size, *, durable: bool) -> None:
    each = max(int(100 * size.seconds), 10)
    chats = each * (size.rounds + 1) * len(STATES)
    with opened_world(sync_always=durable) as world:
        pulse = Child("bench.command:run_pulse", MEASURED, nats_url=world.addresses.nats_url, chats=chats)
        database_url = world.addresses.database_url
        peer = Child("bench.command:run_peer", MEASURED, database_url=database_url, chats=chats, durable=durable)
        with pulse, peer:
            found = _rounds({PULSE: pulse, PEER: peer}, each, size.rounds)
    disk = "on disk" if durable else "not waiting for the disk"
    for state in STATES:
        ours, peers = (Figure(f"{name}, {state}, {disk}", found[name, state], "/s") for name in (PULSE, PEER))
        report.figures += [ours, peers]
        report.verdicts.append(Verdict(f"Pulse : peer, {state}, {disk}", ours.value / peers.value, REACH))


def _rounds(sides: dict[str, Child], each: int, rounds: int) -> dict[tuple[str, str], list[float]]:
    """The first round of each is for warming up. Every command gets a chat that nothing was done to."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range((rounds + 1) * len(STATES)):
        state = STATES[number // (rounds + 1)]
        for name, side in sides.items():
            took = side.ask(first=number * each, last=(number + 1) * each, state=state)["seconds"]
            if number % (rounds + 1):
                found.setdefault((name, state), []).append(each / took)
    return found


def run_pulse(nats_url: str, chats: int) -> None:
    """A child's function."""
    configure_logs("warning")
    uvloop.run(_pulse(nats_url, chats))


async def _pulse(nats_url: str, chats: int) -> None:
    log = await Log.connect(nats_url)
    await reconcile(log, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=1 << 33)
    makers = EventStore(log)
    for first in range(0, chats, 100):
        await asyncio.gather(*(_make(makers, number) for number in range(first, min(first + 100, chats))))
    cold, cached = EventStore(log, cached=0), EventStore(log)
    tune_gc()
    say(ready=True)
    async for order in coming_orders():
        numbers = range(order["first"], order["last"])
        store = cold if order["state"] == COLD else cached
        for number in numbers if store is cached else ():
            await store.decide(Chat, id_of(number), lambda chat: chat, by="moderator")
        coming = iter(numbers)
        began = time.perf_counter()
        await asyncio.gather(*(_answer(store, coming) for _ in range(AT_ONCE if order["state"] == TOGETHER else 1)))
        say(seconds=time.perf_counter() - began)
    await log.close()


async def _answer(store: EventStore, numbers: Iterator[int]) -> None:
    """One caller: the next command when the last is answered."""
    for number in numbers:
        await store.decide(Chat, id_of(number), answer, by="moderator")


async def _make(store: EventStore, number: int) -> None:
    await store.decide(Chat, id_of(number), lambda chat: chat or chat_of_twelve(number), by="customer")


def run_peer(database_url: str, chats: int, durable: bool) -> None:
    """A child's function."""
    if not durable:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("alter role current_user set synchronous_commit = off")
    cold = Chats(env=environment(database_url))
    cached = Chats(env=environment(database_url, cached=True))
    for number in range(chats):
        cold.save(chat_of_twelve(number))
    tune_gc()
    say(ready=True)
    for order in orders():
        numbers = range(order["first"], order["last"])
        say(seconds=_peer_commands(cold if order["state"] == COLD else cached, numbers, order["state"]))
    cold.close()
    cached.close()


def _peer_commands(application: Chats, numbers: range, state: str) -> float:
    for number in numbers if state != COLD else ():
        application.repository.get(id_of(number))

    def command(number: int) -> None:
        chat: Chat = application.repository.get(id_of(number))
        application.save(answer(chat))

    with ThreadPoolExecutor(PEER_THREADS if state == TOGETHER else 1) as threads:
        began = time.perf_counter()
        if state == TOGETHER:
            list(threads.map(command, numbers))
        else:
            for number in numbers:
                command(number)
        return time.perf_counter() - began
