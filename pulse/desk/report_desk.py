"""What the routes of reports share: facts, summed by `pulse/reports.py`, each number with a link to the events behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.aggregates.department_hours import Hours
from pulse.desk.deliveries import sources_of
from pulse.desk.report_keys import NUMBERS, Keys, filters_of, links_to
from pulse.desk.report_rows import Asked, AskedEvents, AskedReport
from pulse.directory import Directory
from pulse.projections import facts
from pulse.projections.changes import Row
from pulse.projections.facts import KINDS, STOOD, STRETCHES, Wanted
from pulse.projections.reads import Reads
from pulse.reports import (
    Figures,
    HoursOf,
    Measure,
    Stretch,
    Sums,
    days,
    figures,
    require_range,
)

USUAL = timedelta(days=7)
AT_ONCE = 2_000  # rows of one statement: while they are read, others wait
REPORTS_AT_ONCE = 2  # the others of this process take turns
IN_PASSING = 2_000  # stretches that are summed without a thread

Counted = dict[str | None, dict[str, int]]
Figured = Mapping[str, tuple[dict[str | None, Figures], Figures]]


class ReportDesk:
    def __init__(self, directory: Directory, reads: Reads, clock: Callable[[], datetime]) -> None:
        self.directory = directory
        self.reads = reads
        self.clock = clock
        self.turns = asyncio.Semaphore(REPORTS_AT_ONCE)

    async def report(self, asked: AskedReport) -> Row:
        """Raises BadInput, TooMuch, ReadsDown."""
        wanted = self._wanted(asked, asked.moderator)
        keys = Keys(self.directory, asked, wanted, self.clock())
        async with self.turns:
            counted = await self._counted(asked, wanted, keys)
            waiting = await self._waiting(asked, wanted, keys)
            figured = {metric: await self._figured(asked, wanted, metric, keys) for metric in STRETCHES}
        said = {"by": asked.by, "hours": asked.hours, "zone": asked.zone}
        rows = _rows(counted, waiting, figured, keys)
        return _times(wanted) | said | {"items": rows, "total": _total(counted, waiting, figured, keys)}

    async def backlog(self, asked: Asked) -> Row:
        """Of a day that is not over: as it stands now. Raises BadInput, ReadsDown."""
        wanted = self._wanted(asked, None)
        until = min(wanted.until, max(self.clock(), wanted.since))
        filters, items = filters_of(asked, wanted), list[Row]()
        async with self.turns:
            for day, _, end in days(wanted.since, until, ZoneInfo(asked.zone)):
                links = links_to(STOOD, filters | {"to": end.isoformat()})
                stood = await facts.backlog(self.reads, replace(wanted, until=end))
                items.append({"day": day, "at": end, **stood, "events": links})
        return _times(wanted) | {"zone": asked.zone, "items": items}

    async def events(self, asked: AskedEvents) -> Row:
        """What one number counts, the newest first. Raises BadInput, ReadsDown."""
        wanted = self._wanted(asked, asked.moderator)
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

    def _wanted(self, asked: Asked, moderator: UUID | str | None) -> Wanted:
        until = asked.to or self.clock()
        since = asked.since or until - USUAL
        require_range(since, until)
        sources = sources_of(self.directory, asked.channel, asked.source)
        return Wanted(
            since, until,
            any_moderator=moderator is None, moderator=_named(moderator),
            any_department=asked.department is None, department=_named(asked.department),
            any_source=sources is None, sources=sources or (),
        )  # fmt: skip

    async def _counted(self, asked: AskedReport, wanted: Wanted, keys: Keys) -> Counted:
        """Every day of the time has its numbers, if all are zero."""
        found: Counted = {day: {} for day in keys.days} if asked.by == "day" else {}
        for row in await facts.counts(self.reads, wanted, by=asked.by, zone=asked.zone):
            _add(found, keys.of_count(row["key"]), NUMBERS[row["kind"]], row["number"])
        return found

    async def _waiting(self, asked: AskedReport, wanted: Wanted, keys: Keys) -> Counted:
        """Who waits now waits on no day: that comes to a total only."""
        found: Counted = {}
        for row in await facts.waiting_now(self.reads, wanted, by=asked.by):
            _add(found, None if asked.by == "day" else keys.of_count(row["key"]), "waiting", row["number"])
        return found

    async def _figured(
        self, asked: AskedReport, wanted: Wanted, metric: str, keys: Keys
    ) -> tuple[dict[str | None, Figures], Figures]:
        """Raises TooMuch."""
        sums, cursor, more = Sums(self._hours(asked)), None, True
        while more:
            page = await facts.page(self.reads, wanted, metric, limit=AT_ONCE, cursor=cursor)
            sums.take([(keys.of_fact(one), _whole(one)) for one in page.items])
            cursor, more = page.next, page.next is not None
        return sums.figures() if sums.n < IN_PASSING else await asyncio.to_thread(sums.figures)

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


def _rows(counted: Counted, waiting: Counted, figured: Figured, keys: Keys) -> list[Row]:
    found = set(counted) if keys.by == "day" else {*counted, *waiting}
    rows = []
    for key in sorted(found, key=lambda key: (key is None, keys.name(key).casefold(), key)):
        of_all = {metric: of_keys.get(key, figures(())) for metric, (of_keys, _) in figured.items()}
        now = None if keys.by == "day" else waiting.get(key, {}).get("waiting", 0)
        numbers = counted.get(key, {})
        rows.append({"key": key, "name": keys.name(key)} | _row(numbers, now, of_all) | {"events": keys.links(key)})
    return rows


def _total(counted: Counted, waiting: Counted, figured: Figured, keys: Keys) -> Row:
    numbers: Counted = {}
    for row in [*counted.values(), *waiting.values()]:
        for name, number in row.items():
            _add(numbers, None, name, number)
    added = numbers.get(None, {})
    of_all = {metric: total for metric, (_, total) in figured.items()}
    return {"key": None, "name": "Total"} | _row(added, added.get("waiting", 0), of_all) | {"events": keys.total()}


def _row(numbers: Mapping[str, int], waiting: int | None, figured: Mapping[str, Figures]) -> Row:
    return {name: numbers.get(name, 0) for name in KINDS} | {"waiting": waiting, **figured}


def _add(counted: Counted, key: str | None, name: str, number: int) -> None:
    row = counted.setdefault(key, {})
    row[name] = row.get(name, 0) + number


def _ends(fact: Row, metric: str) -> tuple[Row | None, Row | None]:
    """The events that a stretch begins and ends with. What stands has no end, what is only counted no beginning."""
    itself = {"version": fact["version"], "position": fact["position"], "at": fact["at"]}
    if metric == "open":
        return itself, None
    if metric in KINDS:
        return None, itself
    start = {name: fact[f"from_{name}"] for name in itself}
    return start, None if metric == "waiting" else itself


def _whole(fact: Row) -> Stretch:
    return Stretch(fact["department_id"], fact["from_at"], fact["at"])


def _named(one: UUID | str | None) -> UUID | None:
    return one if isinstance(one, UUID) else None


def _times(wanted: Wanted) -> Row:
    return {"from": wanted.since, "to": wanted.until}
