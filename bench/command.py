"""Load, decide, append on chats of twelve events, one command after the other: both on disk before the answer, and both not.

Where both wait for it, the disk decides; without it one sees what the software costs.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psycopg
import uvloop

from bench.chats import answer, chat_of_twelve, id_of
from bench.child import Child, coming_orders, orders, say
from bench.machine import MEASURED
from bench.peer_application import Chats, environment
from bench.report import Figure, Report, Size, Verdict
from bench.world import opened_world
from pulse import wiring
from pulse.aggregates.chat import Chat
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER
from pulse.logs import configure_logs

REACH = 5.0
COLD, CACHED = "read from the store", "in memory"


def main(size: Size) -> Report:
    report = Report("command", "load, decide and append one event on a chat of 12 events, one after the other")
    for durable in (True, False):
        _measure(report, size, durable=durable)
    report.notes.append("one command at a time: a round trip for the reading, one for the append, and its fsync")
    return report


def _measure(report: Report, size: Size, *, durable: bool) -> None:
    each = max(int(100 * size.seconds), 10)
    chats = each * (size.rounds + 1) * 2
    with opened_world(sync_always=durable) as world:
        pulse = Child("bench.command:run_pulse", MEASURED, nats_url=world.addresses.nats_url, chats=chats)
        database_url = world.addresses.database_url
        peer = Child("bench.command:run_peer", MEASURED, database_url=database_url, chats=chats, durable=durable)
        with pulse, peer:
            found = _rounds({"Pulse": pulse, "eventsourcing + Postgres": peer}, each, size.rounds)
    disk = "on disk" if durable else "not waiting for the disk"
    figures = [Figure(f"{name}, chat {state}, {disk}", rates, "/s") for (name, state), rates in found.items()]
    report.figures += figures
    for ours, peers, state in ((figures[0], figures[1], COLD), (figures[2], figures[3], CACHED)):
        report.verdicts.append(Verdict(f"Pulse : peer, chat {state}, {disk}", ours.value / peers.value, REACH))


def _rounds(sides: dict[str, Child], each: int, rounds: int) -> dict[tuple[str, str], list[float]]:
    """The first round of each is for warming up. Every command gets a chat that nothing was done to."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range((rounds + 1) * 2):
        state = CACHED if number > rounds else COLD
        for name, side in sides.items():
            took = side.ask(first=number * each, last=(number + 1) * each, cached=state == CACHED)["seconds"]
            if number not in (0, rounds + 1):
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
    wiring.tune_gc()
    say(ready=True)
    async for order in coming_orders():
        numbers = range(order["first"], order["last"])
        store = cached if order["cached"] else cold
        for number in numbers if order["cached"] else ():
            await store.decide(Chat, id_of(number), lambda chat: chat, by="moderator")
        began = time.perf_counter()
        for number in numbers:
            await store.decide(Chat, id_of(number), answer, by="moderator")
        say(seconds=time.perf_counter() - began)
    await log.close()


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
    wiring.tune_gc()
    say(ready=True)
    for order in orders():
        say(seconds=_peer_commands(cached if order["cached"] else cold, range(order["first"], order["last"]), order))
    cold.close()
    cached.close()


def _peer_commands(application: Chats, numbers: range, order: dict[str, Any]) -> float:
    for number in numbers if order["cached"] else ():
        application.repository.get(id_of(number))
    began = time.perf_counter()
    for number in numbers:
        chat: Chat = application.repository.get(id_of(number))
        application.save(answer(chat))
    return time.perf_counter() - began
