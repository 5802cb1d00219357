"""Reports over a generated history say what a naive fold over the log says, on the clock and in working hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args
from uuid import UUID

import pytest

from pulse.aggregates.department import Department, DepartmentCreated
from pulse.aggregates.department_hours import WEEK, Hours
from pulse.aggregates.source import Source, SourceConnected
from pulse.desk.report_desk import ReportDesk
from pulse.desk.report_rows import AskedBacklog, AskedEvents, AskedReport, By
from pulse.directory import Directory
from pulse.eventlog.envelope import Recorded, open_envelope
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.projections.facts import KINDS, STRETCHES
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from tests.given import ANNA, BORIS, NOW, SALES, SHOP, SUPPORT
from tests.projections.conftest import append
from tests.projections.history import History
from tests.projections.on_paper import Noted, Paper, clock_seconds, summed, worked_seconds
from tests.projections.told import Told

SINCE, UNTIL = NOW + timedelta(hours=20), NOW + timedelta(days=9)
OFFICE = Hours("Europe/Moscow", dict.fromkeys(WEEK[:6], ("09:00-13:00", "14:00-20:30")), ("2026-11-25",))
HOURS = {SALES: OFFICE, SUPPORT: None, None: None}


class Written:
    """What happened, as the desk sums it and as it stands in the log."""

    def __init__(self, desk: ReportDesk, events: list[Recorded]) -> None:
        self.desk = desk
        self.events = events

    def noted(self, metric: str, since: datetime = SINCE, until: datetime = UNTIL) -> list[Noted]:
        found = Paper().read(self.events).noted
        return [one for one in found if one.metric == metric and since <= one.end.at < until]


@pytest.fixture
async def written(
    request: pytest.FixtureRequest, log: Log, store: EventStore, projector: Projector, reads: Reads
) -> AsyncIterator[Written]:
    await append(log, the_company())
    history = History(store, getattr(request, "param", 3))
    for _ in range(35):  # ten days, with nights and a weekend
        await history.tell(16)
        history.now += timedelta(hours=7, minutes=13)
    await projector.catch_up()
    events = [open_envelope(one.position, one.subject, one.body) for one in await log.read_all(">", 1)]
    directory = Directory(log)
    running = asyncio.create_task(directory.run())
    await directory.ready.wait()
    yield Written(ReportDesk(directory, reads, lambda: history.now), events)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def the_company() -> Told:
    told = Told()
    for department, name in ((SALES, "Sales"), (SUPPORT, "Support")):
        made = Department._create(DepartmentCreated, id=department, name=name, timestamp=NOW)
        made.change_hours(HOURS[department], now=NOW)
        told.of(made)
    shop = Source._create(
        SourceConnected, id=SHOP, channel="telegram", identifier="shop_bot", title="Shop", departments=(SALES, SUPPORT), settings={}, secrets={},
        timestamp=NOW,
    )  # fmt: skip
    told.of(shop)
    return told


def seconds_of(one: Noted, hours: str) -> float:
    assert one.start is not None
    office = HOURS[one.department] if hours == "working" else None
    start, end = one.start.at, one.end.at
    return worked_seconds(start, end, office) if office else clock_seconds(start, end)


def keys_of(one: Noted, by: str) -> list[str | None]:
    """A chat with two tags counts in two rows."""
    day = one.end.at.astimezone(UTC).date()
    keys = {"moderator": one.moderator, "department": one.department, "source": SHOP, "channel": "telegram",
            "day": day, "week": day - timedelta(days=day.weekday())}  # fmt: skip
    if by == "tag":
        return list(one.tags) or [None]
    return [None if keys[by] is None else str(keys[by])]


def on_paper(written: Written, by: str, hours: str, *, moderator: UUID | None = None) -> dict[str | None, Any]:
    """Every row, without its name and links."""
    noted = {
        metric: [one for one in written.noted(metric) if moderator in (None, one.moderator)]
        for metric in (*KINDS, *STRETCHES)
    }
    keys = {key for found in noted.values() for one in found for key in keys_of(one, by)}
    found: dict[str | None, Any] = {}
    for key in keys:
        mine = {metric: [one for one in ones if key in keys_of(one, by)] for metric, ones in noted.items()}
        counts = {metric: len(mine[metric]) for metric in KINDS}
        found[key] = counts | {metric: summed([seconds_of(one, hours) for one in mine[metric]]) for metric in STRETCHES}
    return found


def said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in (*KINDS, *STRETCHES)}


def close_to(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert {name: found[name] for name in KINDS} == {name: wanted[name] for name in KINDS}
    for metric in STRETCHES:
        assert found[metric] == pytest.approx(wanted[metric], abs=0.002)


@pytest.mark.parametrize("written", [1, 3], indirect=True)
async def test_every_row_says_what_paper_says(written: Written) -> None:
    assert all(written.noted(metric) for metric in (*KINDS, *STRETCHES))
    for by, hours in product(get_args(By), ("working", "clock")):
        asked = AskedReport.model_validate({"from": SINCE, "to": UNTIL, "by": by, "hours": hours, "zone": "UTC"})
        report = await written.desk.report(asked)
        wanted = on_paper(written, by, hours)
        rows = {row["key"]: row for row in report["items"]}
        assert wanted.keys() <= rows.keys()
        assert by != "tag" or len(wanted) > 1
        nothing = dict.fromkeys(KINDS, 0) | {metric: summed([]) for metric in STRETCHES}
        for key, row in rows.items():
            close_to(said(row), wanted.get(key, nothing))
        everybody = on_paper(written, "channel", hours)["telegram"]
        close_to(said(report["total"]), everybody)


async def test_working_hours_and_the_clock_differ(written: Written) -> None:
    figures = []
    for hours in ("working", "clock"):
        asked = AskedReport.model_validate({"from": SINCE, "to": UNTIL, "hours": hours, "department": SALES})
        figures.append((await written.desk.report(asked))["total"]["resolution"])
    assert figures[0]["n"] == figures[1]["n"]
    assert figures[0]["mean"] < figures[1]["mean"]


async def test_a_filter_leaves_one_persons_numbers(written: Written) -> None:
    for moderator in (ANNA, BORIS):
        asked = AskedReport.model_validate(
            {"from": SINCE, "to": UNTIL, "by": "day", "zone": "UTC", "moderator": moderator}
        )
        wanted = on_paper(written, "day", "working", moderator=moderator)
        rows = {row["key"]: row for row in (await written.desk.report(asked))["items"]}
        assert wanted
        for key, row in wanted.items():
            close_to(said(rows[str(key)]), row)


async def test_a_tag_leaves_what_happened_while_the_chat_had_it(written: Written) -> None:
    for tag, key in (("tag 1", "tag 1"), ("", None)):
        asked = AskedReport.model_validate({"from": SINCE, "to": UNTIL, "by": "channel", "tag": tag})
        close_to(said((await written.desk.report(asked))["total"]), on_paper(written, "tag", "working")[key])
        for metric in (*KINDS, *STRETCHES):
            wanted = [one for one in written.noted(metric) if key in keys_of(one, "tag")]
            are_just_those(metric, wanted, await listed(written, metric, tag=tag))


async def test_the_events_behind_a_number_are_just_those(written: Written) -> None:
    for metric in (*KINDS, *STRETCHES):
        are_just_those(metric, written.noted(metric), await listed(written, metric))


async def listed(written: Written, metric: str, **more: object) -> list[dict[str, Any]]:
    """Every page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = {"from": SINCE, "to": UNTIL, "metric": metric, "limit": 7, "cursor": cursor, **more}
        page = await written.desk.events(AskedEvents.model_validate(asked))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def are_just_those(metric: str, noted: list[Noted], found: list[dict[str, Any]]) -> None:
    wanted = sorted(noted, key=lambda one: (one.end.at, one.end.position), reverse=True)
    places = [(row["chat_id"], row["from"]["version"] if row["from"] else None, row["to"]["version"]) for row in found]
    assert places == [one.place for one in wanted]
    if metric in STRETCHES:
        seconds = [seconds_of(one, "working") for one in wanted]
        assert [row["seconds"] for row in found] == pytest.approx(seconds, abs=0.002)
    for row, one in zip(found, wanted, strict=True):
        after = (one.start or one.end).ver - 1
        assert row["events"] == f"/api/chats/{one.end.aggregate_id}/events?afterId={after}"
        assert row["to"]["position"] == one.end.position


@pytest.mark.parametrize("written", [1, 2], indirect=True)
async def test_the_backlog_of_each_day_is_what_paper_says(written: Written) -> None:
    for department in (None, SALES, SUPPORT):
        asked = {"from": SINCE, "to": UNTIL, "department": department, "zone": "Asia/Tokyo"}
        backlog = await written.desk.backlog(AskedBacklog.model_validate(asked))
        assert len(backlog["items"]) == 9
        assert any(row["waiting"] for row in backlog["items"])
        for row in backlog["items"]:
            before = Paper().read(event for event in written.events if event.at < row["at"])
            assert (row["open"], row["waiting"]) == before.standing(department)
            for metric in ("open", "waiting"):
                behind = AskedEvents.model_validate(asked | {"to": row["at"], "metric": metric, "limit": 200})
                assert len((await written.desk.events(behind))["items"]) == row[metric]


async def test_who_waits_now_is_who_waits_on_paper(written: Written) -> None:
    now = Paper().read(written.events)
    for by in ("moderator", "department", "source", "day"):
        asked = AskedReport.model_validate({"from": SINCE, "to": UNTIL, "by": by})
        report = await written.desk.report(asked)
        assert report["total"]["waiting"] == now.standing()[1]
        if by == "department":
            for row in report["items"]:
                if row["key"]:
                    assert row["waiting"] == now.standing(UUID(row["key"]))[1]
