"""Working hours of a department, and how many of them lie between two moments. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pulse.errors import BadInput
from pulse.values import value

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d:[0-5]\d|2[0-3]:[0-5]\d|24:00)", re.ASCII)
SPANS, CLOSED_DAYS = 6, 400


class NotWorkingHours(BadInput):
    """Working hours name a time zone, days (`mon` to `sun`) with spans such as `09:00-18:00`, and closed dates."""


@value
class Hours:
    """`days` has the spans of each weekday, in order, in the zone's own time; on `closed` dates nobody works."""

    zone: str
    days: dict[str, tuple[str, ...]]
    closed: tuple[str, ...] = ()


class Calendar:
    """Working hours from one day to another, laid out, so that many stretches are measured quickly."""

    def __init__(self, hours: Hours, first: datetime, last: datetime) -> None:
        zone, closed = ZoneInfo(hours.zone), frozenset(map(date.fromisoformat, hours.closed))
        day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
        self._starts: list[float] = []
        lengths: list[float] = []
        while day <= end:
            for span in () if day in closed else hours.days.get(WEEK[day.weekday()], ()):
                start, stop = (_moment(day, at, zone) for at in span.split("-"))
                if stop > start:  # clocks that are put forward may swallow a span
                    self._starts.append(start)
                    lengths.append(stop - start)
            day += timedelta(days=1)
        self._lengths = lengths
        self._before = [0.0, *accumulate(lengths)]

    def seconds(self, start: datetime, end: datetime) -> float:
        """Working seconds between two moments."""
        return max(0.0, self._worked(end.timestamp()) - self._worked(start.timestamp()))

    def columns(self) -> dict[str, list[float]]:
        """Where each span starts, how long it is, and what was worked before it: for measuring elsewhere."""
        return {"starts": self._starts, "lengths": self._lengths, "before": self._before[:-1]}

    def _worked(self, at: float) -> float:
        index = bisect_right(self._starts, at) - 1
        return 0.0 if index < 0 else self._before[index] + min(at - self._starts[index], self._lengths[index])


def require_hours(hours: Hours) -> None:
    """Raises NotWorkingHours, which says what is wrong."""
    try:
        ZoneInfo(hours.zone)
        closed = [date.fromisoformat(day) for day in hours.closed]
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotWorkingHours(
            "The zone must be one such as Europe/Moscow, closed days dates such as 2027-01-01."
        ) from None
    if unknown := set(hours.days) - set(WEEK):
        raise NotWorkingHours(f"{min(unknown)!r} is no day; days are mon to sun.")
    if len(closed) > CLOSED_DAYS:
        raise NotWorkingHours("At most 400 days can be closed.")
    for day, spans in hours.days.items():
        _require_spans(day, spans)


def _require_spans(day: str, spans: tuple[str, ...]) -> None:
    ends = [end for span in spans for end in span.split("-")]
    in_order = all(earlier < later for earlier, later in pairwise(ends))
    if len(spans) > SPANS or not in_order or not all(SPAN.fullmatch(span) for span in spans):
        raise NotWorkingHours(f"The spans of {day} must be such as 09:00-13:00, in order, without touching; at most 6.")


def _moment(day: date, at: str, zone: ZoneInfo) -> float:
    if at == "24:00":
        day, at = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC).timestamp()
