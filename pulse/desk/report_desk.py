"""What the routes of reports share: facts, summed by Postgres, each number with a link to the events behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.aggregates.chat_work import clean_tag
from pulse.aggregates.department_hours import Calendar, Hours
from pulse.desk.report_keys import NUMBERS, Keys, filters_of, links_to
from pulse.desk.report_rows import Asked, AskedEvents, AskedReport
from pulse.desk.report_times import moment, zone_of
from pulse.directory import Directory
from pulse.projections import facts
from pulse.projections.changes import Row
from pulse.projections.facts import KINDS, STOOD, STRETCHES, By, Wanted
from pulse.projections.reads import Reads
from pulse.reports import HoursOf, Measure, Stretch, days, require_range

USUAL = timedelta(days=7)
REPORTS_AT_ONCE = 2  # the others of this process take turns
NOTHING: Row = {"n": 0, "median": None, "p90": None, "mean": None}
METRICS = {kind: metric for metric, kind in STRETCHES.items()}

Counted = dict[str | None, dict[str, int]]
Figures = dict[str | None, dict[str, Row]]


class ReportDesk:
    def __init__(self, directory: Directory, reads: Reads, clock: Callable[[], datetime]) -> None:
        self.directory = directory
        self.reads = reads
        self.clock = clock
        self.turns = asyncio.Semaphore(REPORTS_AT_ONCE)

    async def report(self, asked: AskedReport) -> Row:
        """Raises BadInput, TooMuch, ReadsDown."""
        zone = self._zone(asked)
        wanted = self._wanted(asked, zone, asked.moderator, asked.tag)
        keys = Keys(self.directory, asked, wanted, zone, self.clock())
        by = By(asked.by, zone.key, {str(source.id): source.channel for source in self.directory.sources()})
        async with self.turns:
            counted, all_counted = await self._counted(wanted, by, keys)
            waiting, all_waiting = await self._waiting(wanted, by)
            figured, all_figured = await self._figured(asked, wanted, by)
        said = {"by": asked.by, "hours": asked.hours, "zone": zone.key}
        total = {"key": None, "name": "Total"} | _row(all_counted, all_waiting, all_figured) | {"events": keys.total()}
        return _times(wanted) | said | {"items": _rows(counted, waiting, figured, keys), "total": total}

    async def backlog(self, asked: Asked) -> Row:
        """Of a day that is not over: as it stands now. Raises BadInput, ReadsDown."""
        zone = self._zone(asked)
        wanted = self._wanted(asked, zone)
        until = min(wanted.until, max(self.clock(), wanted.since))
        filters, items = filters_of(asked, wanted), list[Row]()
        async with self.turns:
            for day, _, end in days(wanted.since, until, zone):
                links = links_to(STOOD, filters | {"to": end.isoformat()})
                stood = await facts.backlog(self.reads, replace(wanted, until=end))
                items.append({"day": day, "at": end, **stood, "events": links})
        return _times(wanted) | {"zone": zone.key, "items": items}

    async def events(self, asked: AskedEvents) -> Row:
        """What one number counts, the newest first. Raises BadInput, ReadsDown."""
        wanted = self._wanted(asked, self._zone(asked), asked.moderator, asked.tag)
        async with self.turns:
            page = await facts.page(self.reads, wanted, asked.metric, limit=asked.limit, cursor=asked.cursor)
        ends = [_ends(fact, asked.metric) for fact in page.items]
        stretches = [
            Stretch(fact["department_id"], start["at"], end["at"] if end else wanted.until) if start else None
            for fact, (start, end) in zip(page.items, ends, strict=True)
        ]
        measure = Measure(self._hours(asked), [stretch for stretch in stretches if stretch is not None])
        items = [
            self._shown(fact, start, end) | {"seconds": measure.seconds(stretch) if stretch else None}
            for fact, (start, end), stretch in zip(page.items, ends, stretches, strict=True)
        ]
        return page.body() | {"items": items}

    def _zone(self, asked: Asked) -> ZoneInfo:
        return zone_of(self.directory, asked.zone, asked.department)

    def _wanted(
        self, asked: Asked, zone: ZoneInfo, moderator: UUID | str | None = None, tag: str | None = None
    ) -> Wanted:
        until = moment(asked.to, zone, ends=True) or self.clock()
        since = moment(asked.since, zone) or until - USUAL
        require_range(since, until)
        sources = self.directory.sources_on(asked.channel, asked.source)
        return Wanted(
            since, until,
            any_moderator=moderator is None, moderator=_named(moderator),
            any_department=asked.department is None, department=_named(asked.department),
            any_source=sources is None, sources=sources or (),
            any_tag=tag is None, tag=clean_tag(tag) if tag else None,
        )  # fmt: skip

    async def _counted(self, wanted: Wanted, by: By, keys: Keys) -> tuple[Counted, dict[str, int]]:
        """By key, and of all. Every day of the time has its numbers, if all are zero. Raises TooMuch."""
        found: Counted = {key: {} for key in keys.spans}
        rows = await facts.counts(self.reads, wanted, by)
        for row in rows:
            found.setdefault(row["key"], {})[NUMBERS[row["kind"]]] = row["number"]
        once = await facts.counts(self.reads, wanted, together(by)) if by.name == "tag" else rows
        return found, {name: sum(row["number"] for row in once if row["kind"] == kind) for name, kind in KINDS.items()}

    async def _waiting(self, wanted: Wanted, by: By) -> tuple[dict[str | None, int], int]:
        """By key, and of all; days and weeks have none."""
        rows = await facts.waiting_now(self.reads, wanted, by)
        once = await facts.waiting_now(self.reads, wanted, together(by)) if by.name == "tag" else rows
        return {row["key"]: row["number"] for row in rows}, sum(row["number"] for row in once)

    async def _figured(self, asked: AskedReport, wanted: Wanted, by: By) -> tuple[Figures, dict[str, Row]]:
        """By key, and of all. Raises TooMuch."""
        found: Figures = {}
        everything: dict[str, Row] = {}
        for row in await facts.figures(self.reads, wanted, by, await self._calendars(asked, wanted)):
            of_all = everything if row["together"] else found.setdefault(row["key"], {})
            of_all[METRICS[row["kind"]]] = {name: round(row[name], 3) for name in NOTHING}
        return found, everything

    async def _calendars(self, asked: AskedReport, wanted: Wanted) -> list[Row]:
        """Those of the departments whose working hours count, as long as they are needed."""
        hours_of = self._hours(asked)
        if hours_of is None or not any(department.hours for department in self.directory.departments()):
            return []
        found = await facts.bounds(self.reads, wanted)
        return await asyncio.to_thread(_laid_out, found, hours_of)

    def _hours(self, asked: AskedReport | AskedEvents) -> HoursOf | None:
        """The departments' hours as they are now, also for what is long past; None for the clock."""

        def hours_of(department: UUID) -> Hours | None:
            found = self.directory.department(department)
            return found.hours if found else None

        return hours_of if asked.hours == "working" else None

    def _shown(self, fact: Row, start: Row | None, end: Row | None) -> Row:
        chat, after = f"/api/chats/{fact['chat_id']}", (start or end or fact)["version"] - 1
        department = self.directory.department(fact["department_id"])
        moderator = fact["moderator_id"] if end else None
        return {
            "chat_id": fact["chat_id"],
            "moderator": {"id": moderator, "name": self.directory.name_of(moderator)} if moderator else None,
            "department": {"id": department.id, "name": department.name} if department else None,
            "from": start,
            "to": end,
            "events": f"{chat}/events?afterId={after}",
            "messages": f"{chat}/messages?afterId={after}",
        }


def _laid_out(bounds: list[Row], hours_of: HoursOf) -> list[Row]:
    return [
        {"department_id": bound["department_id"]} | Calendar(hours, bound["first"], bound["last"]).columns()
        for bound in bounds
        if bound["department_id"] and (hours := hours_of(bound["department_id"]))
    ]


def together(by: By) -> By:
    """All under one key: a chat with two tags counts in two rows, and once here."""
    return replace(by, name="all")


def _rows(counted: Counted, waiting: dict[str | None, int], figured: Figures, keys: Keys) -> list[Row]:
    found = set(keys.spans) if keys.spans else {*counted, *waiting}
    rows = []
    for key in sorted(found, key=lambda key: (key is None, keys.name(key).casefold(), key)):
        now = None if keys.spans else waiting.get(key, 0)
        numbers = _row(counted.get(key, {}), now, figured.get(key, {}))
        rows.append({"key": key, "name": keys.name(key)} | numbers | {"events": keys.links(key)})
    return rows


def _row(numbers: Mapping[str, int], waiting: int | None, figured: Mapping[str, Row]) -> Row:
    stretches = {metric: figured.get(metric, NOTHING) for metric in STRETCHES}
    return {name: numbers.get(name, 0) for name in KINDS} | {"waiting": waiting, **stretches}


def _ends(fact: Row, metric: str) -> tuple[Row | None, Row | None]:
    """The events that a stretch begins and ends with. What stands has no end, what is only counted no beginning."""
    itself = {"version": fact["version"], "position": fact["position"], "at": fact["at"]}
    if metric == "open":
        return itself, None
    if metric in KINDS:
        return None, itself
    start = {name: fact[f"from_{name}"] for name in itself}
    return start, None if metric == "waiting" else itself


def _named(one: UUID | str | None) -> UUID | None:
    return one if isinstance(one, UUID) else None


def _times(wanted: Wanted) -> Row:
    return {"from": wanted.since, "to": wanted.until}
