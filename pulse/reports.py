"""Reports: stretches of time, measured on the clock or in working hours, as counts, means and percentiles. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from statistics import fmean, median
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.aggregates.department_hours import Calendar, Hours
from pulse.errors import BadInput
from pulse.values import value

MOST_STRETCHES = 200_000
LONGEST = timedelta(days=366)
# What a spreadsheet takes for a formula. OWASP ASVS 5.0, 1.2.10
FORMULAS = tuple("=+-@\t\r\n\0") + tuple("＝＋－＠")

HoursOf = Callable[[UUID], Hours | None]
Figures = dict[str, float | None]


class TooMuch(BadInput):
    """There is more behind this report than can be summed at once. Ask for a shorter time or for less of it."""


@value
class Stretch:
    """From one moment to another, and the department whose working hours count; None has none."""

    department: UUID | None
    start: datetime
    end: datetime


Keyed = list[tuple[str | None, Stretch]]


class Measure:
    """Seconds of stretches: in working hours where a department has some, else on the clock."""

    def __init__(self, hours_of: HoursOf | None, stretches: Iterable[Stretch]) -> None:
        """Without `hours_of` the clock counts everywhere."""
        bounds: dict[UUID, tuple[datetime, datetime]] = {}
        for one in stretches if hours_of else ():
            if one.department is not None:
                first, last = bounds.get(one.department, (one.start, one.end))
                bounds[one.department] = (min(first, one.start), max(last, one.end))
        self._calendars: dict[UUID | None, Calendar] = {}
        for department, (first, last) in bounds.items():
            if hours_of and (hours := hours_of(department)) is not None:
                self._calendars[department] = Calendar(hours, first, last)

    def seconds(self, stretch: Stretch) -> float:
        """Never below zero: the clocks of two processes may differ."""
        calendar = self._calendars.get(stretch.department)
        if calendar is not None:
            return calendar.seconds(stretch.start, stretch.end)
        return max(0.0, (stretch.end - stretch.start).total_seconds())


class Sums:
    """Many stretches, taken in piece by piece; of each only its seconds are kept."""

    def __init__(self, hours_of: HoursOf | None) -> None:
        self.hours_of = hours_of
        self.n = 0
        self._seconds: dict[str | None, list[float]] = {}

    def take(self, keyed: Keyed) -> None:
        """Raises TooMuch."""
        self.n += len(keyed)
        if self.n > MOST_STRETCHES:
            raise TooMuch
        measure = Measure(self.hours_of, (stretch for _, stretch in keyed))
        for key, stretch in keyed:
            self._seconds.setdefault(key, []).append(measure.seconds(stretch))

    def figures(self) -> tuple[dict[str | None, Figures], Figures]:
        """Of each key, and of all together."""
        everything = list(chain.from_iterable(self._seconds.values()))
        return {key: figures(seconds) for key, seconds in self._seconds.items()}, figures(everything)


def figures(seconds: Sequence[float]) -> Figures:
    """`p90` is the smallest of them that nine in ten do not exceed. Of nothing all but `n` are None."""
    if not seconds:
        return {"n": 0, "median": None, "p90": None, "mean": None}
    ordered = sorted(seconds)
    p90 = ordered[(9 * len(ordered) + 9) // 10 - 1]
    found = {"n": len(ordered), "median": median(ordered), "p90": p90, "mean": fmean(ordered)}
    return {name: round(one, 3) for name, one in found.items()}


def require_range(since: datetime, until: datetime) -> None:
    """Raises BadInput."""
    if not since < until <= since + LONGEST:
        raise BadInput("`from` must be before `to`, and at most 366 days before it.")


def days(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[tuple[date, datetime, datetime]]:
    """The days of a range as they are in a zone, each with its part of the range."""
    day = since.astimezone(zone).date()
    while (start := datetime.combine(day, time(), zone).astimezone(UTC)) < until:
        end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        yield day, max(start, since), min(end, until)
        day += timedelta(days=1)


def as_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """A table with a line of names above it (RFC 4180); figures are columns such as `first_reply_median`."""
    flat = [dict(_columns(row)) for row in rows]
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(flat[0] if flat else ())
    table.writerows([map(harmless, row.values()) for row in flat])
    return written.getvalue()


def harmless(cell: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets don't show."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def _columns(row: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, cell in row.items():
        if isinstance(cell, Mapping):
            yield from _columns(cell, f"{prefix}{name}_")
        else:
            yield prefix + name, cell
