"""The read models from a long history: Pulse's projector, the library's, and COPY of the same rows as the limit."""

from __future__ import annotations

import time
from itertools import islice
from typing import LiteralString

import psycopg
import uvloop
from eventsourcing.projection import ProjectionRunner
from psycopg import sql

from bench.chats import history
from bench.child import Child, coming_orders, orders, say
from bench.machine import MEASURED
from bench.peer_application import Chats, ChatsAndThreads, Tables, environment
from bench.report import Figure, Report, Size, Verdict
from bench.world import opened_world
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import new_event_id, open_envelope, seal, subject_of
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER
from pulse.logs import configure_logs
from pulse.projections.changes import Changes
from pulse.projections.models import SEARCH, project_all
from pulse.projections.projector import Projector
from pulse.serving import tune_gc

REACH, REACH_OF_COPY = 15.0, 0.25
BATCH = 900
PEER_EVENTS_A_SECOND = 800  # of each round's seconds; it needs no more for a rate
TABLES: tuple[LiteralString, ...] = ("inbox", "thread", "customers", "deliveries", "marks")


def main(size: Size) -> Report:
    report = Report("projector", f"read models of {size.events:,} events of {size.event_chats:,} chats")
    peer_events = max(int(PEER_EVENTS_A_SECOND * size.seconds), 50)
    with opened_world() as world:
        where = {"nats_url": world.addresses.nats_url, "database_url": world.addresses.database_url}
        with Child("bench.projector:run_pulse", MEASURED, **where, events=size.events, chats=size.event_chats) as pulse:
            ours = [pulse.ask(do="project") for _ in range(min(size.rounds, 2))]
            reading, folding, limit = (pulse.ask(do=what) for what in ("read", "fold", "copy"))
            searching = pulse.ask(do="search")
        where = {"database_url": world.addresses.database_url, "events": peer_events}
        with Child(
            "bench.projector:run_peer", MEASURED, **where, chats=min(size.event_chats, peer_events // 4)
        ) as peer:
            theirs = [peer.ask(do="project")["rate"]]
    busy = " ".join(f"{found['cpu_us']:.0f} µs" for found in ours)
    report.figures = [
        Figure("Pulse", [found["rate"] for found in ours], "events/s", f"{busy} of its core an event"),
        Figure("  of it: reading the log alone", [reading["rate"]], "events/s", f"{reading['cpu_us']:.0f} µs"),
        Figure("  of it: reading and folding", [folding["rate"]], "events/s", f"{folding['cpu_us']:.0f} µs"),
        Figure("what is searched, on its own shelf", [searching["rate"]], "events/s", f"{searching['cpu_us']:.0f} µs"),
        Figure("ProjectionRunner + Postgres tracking", theirs, "events/s", f"{peer_events:,} events, two tables"),
        Figure("COPY of the rows Pulse wrote", [limit["rate"]], "events/s", f"{limit['rows']:,} rows, no index"),
    ]
    rate = report.figures[0].value
    report.verdicts = [
        Verdict("Pulse : ProjectionRunner", rate / report.figures[4].value, REACH),
        Verdict("Pulse : COPY", rate / limit["rate"], REACH_OF_COPY),
    ]
    report.notes.append(f"Pulse writes {', '.join(TABLES)}; commits do not wait for the disk on any side")
    return report


def run_pulse(nats_url: str, database_url: str, events: int, chats: int) -> None:
    """A child's function."""
    configure_logs("warning")
    uvloop.run(_pulse(nats_url, database_url, events, chats))


async def _pulse(nats_url: str, database_url: str, events: int, chats: int) -> None:
    log = await Log.connect(nats_url)
    epoch = await reconcile(log, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=1 << 34)
    coming = history(events, chats)
    while batch := list(islice(coming, BATCH)):
        await log.append_batch([_sealed(event, scope) for event, scope in batch])
    tune_gc()
    say(ready=True)
    schemas = 0
    async for order in coming_orders():
        began, used, rows = time.perf_counter(), time.process_time(), 0
        match order["do"]:
            case "project":
                schemas += 1
                await Projector(log, database_url, epoch, schema=f"bench_{schemas}").catch_up()
            case "search":
                await Projector(log, database_url, epoch, schema="bench_search", shelf=SEARCH).catch_up()
            case "copy":
                began, rows = _copy(database_url, f"bench_{schemas}")
            case what:
                await _read(log, fold=what == "fold")
        took, used = time.perf_counter() - began, time.process_time() - used
        say(rate=events / took, cpu_us=used / events * 1e6, rows=rows)
    await log.close()


def _sealed(event: object, scope: dict[str, object]) -> Append:
    body = seal(event, event_id=new_event_id(), by="customer", scope=scope)  # type: ignore[arg-type]
    return Append(subject_of("chat", event.originator_id), body)  # type: ignore[attr-defined]


async def _read(log: Log, *, fold: bool) -> None:
    """What the projector does before it writes."""
    position, changes = 0, Changes()
    while page := await log.read(position + 1):
        position = page[-1].position
        for stored in page if fold else ():
            project_all(open_envelope(stored.position, stored.subject, stored.body), changes)
        changes = Changes()


def _copy(database_url: str, schema: str) -> tuple[float, int]:
    """Copies what was projected into bare tables; returns when the writing began, and how many rows it was."""
    quiet = "-c synchronous_commit=off"
    with psycopg.connect(database_url, options=quiet) as connection, connection.cursor() as cursor:
        waiting, rows = {}, 0
        for table in TABLES:
            name = sql.Identifier(schema, table)
            with cursor.copy(sql.SQL("copy {} to stdout").format(name)) as out:
                waiting[table] = [bytes(part) for part in out]
            rows += len(waiting[table])
            cursor.execute(sql.SQL("create table {} (like {})").format(sql.Identifier(f"bare_{table}"), name))
        connection.commit()
        began = time.perf_counter()
        for table, parts in waiting.items():
            with cursor.copy(sql.SQL("copy {} from stdin").format(sql.Identifier(f"bare_{table}"))) as into:
                for first in range(0, len(parts), 1000):
                    into.write(b"".join(parts[first : first + 1000]))
        connection.commit()
    return began, rows


def run_peer(database_url: str, events: int, chats: int) -> None:
    """A child's function."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter role current_user set synchronous_commit = off")
    env = environment(database_url)
    writer = Chats(env=env)
    coming = (event for event, _ in history(events, chats))
    while batch := list(islice(coming, 10)):
        writer.events.put(batch)
    last = writer.recorder.max_notification_id()
    writer.close()
    tune_gc()
    say(ready=True)
    for _ in orders():
        with ProjectionRunner(
            application_class=Chats, projection_class=ChatsAndThreads, view_class=Tables, env=env
        ) as runner:
            runner.wait(last, timeout=60)
            taken = runner.projection.view.taken
        say(rate=(len(taken) - 1) / (taken[-1] - taken[0]))
