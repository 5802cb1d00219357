"""Reports: stretches of time, measured on the clock or in working hours, and tables. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.aggregates.department_hours import Calendar, Hours
from pulse.errors import BadInput
from pulse.values import value

LONGEST = timedelta(days=366)
# What a spreadsheet takes for a formula. OWASP ASVS 5.0, 1.2.10
FORMULAS = tuple("=+-@\t\r\n\0") + tuple("＝＋－＠")

# What a table says of the unit of these figures, in their columns' names.
SECONDS = {"median", "p90", "mean"}

HoursOf = Callable[[UUID], Hours | None]


@value
class Stretch:
    """From one moment to another, and the department whose working hours count; None has none."""

    department: UUID | None
    start: datetime
    end: datetime


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


def require_range(since: datetime, until: datetime) -> None:
    """Raises BadInput."""
    if not since < until <= since + LONGEST:
        raise BadInput("`from` must be before `to`, and at most 366 days before it.")


def days(
    since: datetime, until: datetime, zone: ZoneInfo, *, each: int = 1
) -> Iterator[tuple[date, datetime, datetime]]:
    """The days of a range as they are in a zone, each with its part of the range; with `each=7` weeks, by their Mondays."""
    day = since.astimezone(zone).date()
    day -= timedelta(days=day.weekday() % each)
    while (start := midnight(day, zone)) < until:
        end = midnight(day + timedelta(days=each), zone)
        yield day, max(start, since), min(end, until)
        day += timedelta(days=each)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def as_csv(rows: Iterable[Mapping[str, object]], *, separator: str = ",") -> str:
    """A table with a line of names above it (RFC 4180); figures are columns such as `first_reply_median_seconds`.

    It begins with a byte order mark, without which Excel would not take it for UTF-8.
    """
    flat = [dict(_columns(row)) for row in rows]
    written = io.StringIO()
    written.write("\ufeff")
    table = csv.writer(written, delimiter=separator)
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
            yield prefix + name + ("_seconds" if prefix and name in SECONDS else ""), cell
