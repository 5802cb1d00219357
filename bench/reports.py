"""Reports of a year and of a week, by everything they can be by, in working hours; beside them first replies asked plainly."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import psycopg
import uvloop
from psycopg.rows import dict_row

from bench.report import Figure, Report, Size, Verdict, percentile
from bench.world import World, opened_world
from pulse.aggregates.department import Department, DepartmentCreated
from pulse.aggregates.department_hours import WEEK, Hours
from pulse.desk.report_desk import ReportDesk
from pulse.desk.report_rows import AskedReport, By
from pulse.directory import Directory
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER
from pulse.projections.reads import SCHEMA, Reads
from pulse.projections.sql import Statements
from pulse.projections.tables import index_read_models, make_read_models

SQL = Statements(__file__)
REACH_YEAR = 2.0
SINCE = datetime(2025, 11, 21, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=366)
ROUNDS = 3
OFFICE = Hours("Europe/Moscow", dict.fromkeys(WEEK[:5], ("09:00-13:00", "14:00-18:00")))
DEPARTMENTS = [UUID(int=53248 + number) for number in range(20)]


def main(size: Size) -> Report:
    report = Report(
        "reports", f"a year of {size.events:,} replies, half of them first ones, and half as many resolutions"
    )
    with opened_world() as world:
        uvloop.run(_measure(report, world, size.events // 2))
    return report


async def _measure(report: Report, world: World, conversations: int) -> None:
    await _fill(world.addresses.database_url, conversations)
    async with _desk(world) as desk:
        slowest = 0.0
        for by in get_args(By):
            year = [await _ask(desk, by, SINCE, UNTIL) for _ in range(ROUNDS)]
            week = [await _ask(desk, by, UNTIL - timedelta(days=9), UNTIL - timedelta(days=2)) for _ in range(ROUNDS)]
            report.figures.append(Figure(f"a year by {by}", year, "s", f"a week {percentile(week, 0.5) * 1e3:.0f} ms"))
            slowest = max(slowest, percentile(year, 0.5))
    plain = _plainly(world.addresses.database_url)
    report.figures.append(Figure("first replies alone, plainly, on the clock", [plain], "s"))
    report.verdicts.append(Verdict("the slowest year", slowest, REACH_YEAR, "s", at_most=True))


async def _ask(desk: ReportDesk, by: str, since: datetime, until: datetime) -> float:
    began = time.perf_counter()
    await desk.report(AskedReport.model_validate({"from": since, "to": until, "by": by}))
    return time.perf_counter() - began


@contextlib.asynccontextmanager
async def _desk(world: World) -> AsyncIterator[ReportDesk]:
    """Reports of a company whose departments have working hours."""
    log = await Log.connect(world.addresses.nats_url)
    await reconcile(log, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=1 << 33)
    store, directory = EventStore(log), Directory(log)
    for number in DEPARTMENTS:
        await store.decide(Department, number, lambda _: _with_hours(number), by="system")  # noqa: B023  awaited at once
    running = asyncio.create_task(directory.run())
    await directory.ready.wait()
    async with Reads.open(world.addresses.database_url, log) as reads:
        yield ReportDesk(directory, reads, lambda: UNTIL)
    running.cancel()
    await log.close()


def _with_hours(number: UUID) -> Department:
    made = Department._create(DepartmentCreated, id=number, name=f"Department {number.int}", timestamp=SINCE)
    made.change_hours(OFFICE, now=SINCE)
    return made


async def _fill(database_url: str, conversations: int) -> None:
    async with await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, row_factory=dict_row, options=f"-c search_path={SCHEMA}"
    ) as connection:
        await make_read_models(connection, SCHEMA, "bench")
        values = {"since": SINCE, "conversations": conversations}
        await connection.execute(SQL["fill"], values, prepare=False)
        await index_read_models(connection, SCHEMA)
        await connection.execute("vacuum analyze")


def _plainly(database_url: str) -> float:
    with psycopg.connect(database_url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
        began = time.perf_counter()
        connection.execute(SQL["plain"], {"since": SINCE, "until": UNTIL}).fetchall()
        return time.perf_counter() - began
