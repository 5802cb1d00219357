"""Stretches as numbers, ranges as days, rows as tables."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from pulse import reports
from pulse.aggregates.department_hours import WEEK, Hours
from pulse.errors import BadInput
from pulse.reports import Keyed, Stretch, Sums, TooMuch, as_csv, days, figures, harmless, require_range

SALES, SUPPORT = UUID(int=1), UUID(int=2)
NIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)
OFFICE = Hours("UTC", dict.fromkeys(WEEK, ("09:00-17:00",)))


def test_nine_in_ten_do_not_exceed_p90() -> None:
    assert figures([float(number) for number in range(1, 11)]) == {"n": 10, "median": 5.5, "p90": 9, "mean": 5.5}
    for n in range(1, 300):
        p90 = figures([float(number) for number in range(1, n + 1)])["p90"]
        assert p90 == next(number for number in range(1, n + 1) if 10 * number >= 9 * n)
    assert figures([7.0]) == {"n": 1, "median": 7, "p90": 7, "mean": 7}
    assert figures([]) == {"n": 0, "median": None, "p90": None, "mean": None}


def a_night_of(*places: UUID | None) -> Keyed:
    return [(str(place), Stretch(place, NIGHT, NIGHT + timedelta(hours=18))) for place in places]


def test_a_night_counts_only_where_nobody_has_working_hours() -> None:
    sums = Sums({SALES: OFFICE}.get)
    sums.take(a_night_of(SALES, SUPPORT))
    sums.take(a_night_of(None))
    found, everything = sums.figures()
    assert [found[str(place)]["median"] for place in (SALES, SUPPORT, None)] == [2 * 3600, 18 * 3600, 18 * 3600]
    assert everything["n"] == 3
    by_the_clock = Sums(None)
    by_the_clock.take(a_night_of(SALES))
    assert by_the_clock.figures()[1]["median"] == 18 * 3600


def test_no_stretch_is_shorter_than_nothing() -> None:
    sums = Sums(None)
    sums.take([(None, Stretch(None, NIGHT, NIGHT - timedelta(seconds=2)))])
    assert sums.figures()[1]["mean"] == 0


def test_a_sum_of_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_STRETCHES", 3)
    sums = Sums(None)
    sums.take(a_night_of(SALES, SALES, SUPPORT))
    with pytest.raises(TooMuch):
        sums.take(a_night_of(SALES))


def test_days_are_those_of_a_zone_and_cut_to_the_range() -> None:
    found = list(days(NIGHT, NIGHT + timedelta(days=1), ZoneInfo("Asia/Tokyo")))
    assert [(str(day), start.isoformat(), end.isoformat()) for day, start, end in found] == [
        ("2026-11-21", "2026-11-20T16:00:00+00:00", "2026-11-21T15:00:00+00:00"),
        ("2026-11-22", "2026-11-21T15:00:00+00:00", "2026-11-21T16:00:00+00:00"),
    ]


def test_a_day_whose_clock_changes_is_one_day() -> None:
    since = datetime(2026, 3, 28, 23, tzinfo=UTC)
    [(day, start, end)] = days(since, since + timedelta(hours=23), ZoneInfo("Europe/Berlin"))
    assert (str(day), end - start) == ("2026-03-29", timedelta(hours=23))


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=-1), timedelta(days=366, seconds=1)])
def test_a_range_is_at_most_a_year_and_forwards(length: timedelta) -> None:
    require_range(NIGHT, NIGHT + timedelta(days=366))
    with pytest.raises(BadInput):
        require_range(NIGHT, NIGHT + length)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＠A1"])
def test_no_text_is_a_formula(cell: str) -> None:
    """OWASP ASVS 5.0, 1.2.10"""
    assert harmless(cell) == f"'{cell}"
    assert list(csv.reader(StringIO(as_csv([{"name": cell}]), newline="")))[1] == [f"'{cell}"]


def test_figures_are_columns() -> None:
    rows = [{"name": 'Sales, "north"', "first_reply": {"n": 1, "median": 2.5}, "waiting": None}]
    assert as_csv(rows) == 'name,first_reply_n,first_reply_median,waiting\r\n"Sales, ""north""",1,2.5,\r\n'
