"""Working hours: what is refused, and how many lie between two moments, across nights, weekends and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse.aggregates.department_hours import WEEK, Calendar, Hours, NotWorkingHours, require_hours

OFFICE = Hours("Europe/Moscow", dict.fromkeys(WEEK[:5], ("09:00-13:00", "14:00-18:00")), ("2026-11-04",))
HOUR = 3600


def moscow(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=3)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (moscow(2, 10), moscow(2, 11), 1),
        (moscow(2, 12), moscow(2, 15), 2),  # lunch
        (moscow(2, 17), moscow(3, 10), 2),  # a night
        (moscow(6, 17), moscow(9, 10), 2),  # a weekend
        (moscow(3, 17), moscow(5, 10), 2),  # a closed day
        (moscow(7, 0), moscow(8, 23), 0),
        (moscow(2, 11), moscow(2, 10), 0),
    ],
)
def test_only_working_hours_count(start: datetime, end: datetime, hours: float) -> None:
    assert Calendar(OFFICE, min(start, end), max(start, end)).seconds(start, end) == hours * HOUR


def test_a_day_whose_clock_changes_is_as_long_as_it_is() -> None:
    around = Hours("Europe/Berlin", {"sun": ("00:00-24:00",)})
    start, end = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (28, 30))
    assert Calendar(around, start, end).seconds(start, end) == 23 * HOUR


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 365 * 86_400), min_size=3, max_size=3))
def test_stretches_add_up_and_are_never_longer_than_the_clock(moments: list[int]) -> None:
    one, two, three = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=moment) for moment in sorted(moments))
    calendar = Calendar(OFFICE, one, three)
    assert calendar.seconds(one, two) + calendar.seconds(two, three) == pytest.approx(calendar.seconds(one, three))
    assert 0 <= calendar.seconds(one, three) <= (three - one).total_seconds()


@pytest.mark.parametrize(
    "hours",
    [
        Hours("Mars/Base", {}),
        Hours("../etc/passwd", {}),
        Hours("Europe/Moscow", {"monday": ("09:00-18:00",)}),
        Hours("Europe/Moscow", {"mon": ("9-18",)}),
        Hours("Europe/Moscow", {"mon": ("18:00-09:00",)}),
        Hours("Europe/Moscow", {"mon": ("09:00-13:00", "12:00-18:00")}),
        Hours("Europe/Moscow", {"mon": ("09:00-24:30",)}),
        Hours("Europe/Moscow", {"mon": ("0٩:00-10:00",)}),
        Hours("Europe/Moscow", {}, ("31.12.2026",)),
    ],
    ids=lambda hours: f"{hours.zone} {hours.days} {hours.closed}",
)
def test_what_are_no_working_hours_is_refused(hours: Hours) -> None:
    with pytest.raises(NotWorkingHours):
        require_hours(hours)
