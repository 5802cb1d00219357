"""Stretches as numbers, ranges as days, rows as tables."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from pulse.aggregates.department_hours import WEEK, Hours
from pulse.errors import BadInput
from pulse.reports import Measure, Stretch, as_csv, days, harmless, require_range

SALES, SUPPORT = UUID(int=1), UUID(int=2)
NIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)
OFFICE = Hours("UTC", dict.fromkeys(WEEK, ("09:00-17:00",)))


def test_a_night_counts_only_where_nobody_has_working_hours() -> None:
    nights = [Stretch(place, NIGHT, NIGHT + timedelta(hours=18)) for place in (SALES, SUPPORT, None)]
    measure = Measure({SALES: OFFICE}.get, nights)
    assert [measure.seconds(night) for night in nights] == [2 * 3600, 18 * 3600, 18 * 3600]
    assert Measure(None, nights).seconds(nights[0]) == 18 * 3600


def test_no_stretch_is_shorter_than_nothing() -> None:
    assert Measure(None, ()).seconds(Stretch(None, NIGHT, NIGHT - timedelta(seconds=2))) == 0


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


def test_weeks_begin_on_mondays() -> None:
    found = list(days(NIGHT, NIGHT + timedelta(days=9), ZoneInfo("Europe/Moscow"), each=7))
    assert [(str(day), start.isoformat(), end.isoformat()) for day, start, end in found] == [
        ("2026-11-16", "2026-11-20T16:00:00+00:00", "2026-11-22T21:00:00+00:00"),
        ("2026-11-23", "2026-11-22T21:00:00+00:00", "2026-11-29T16:00:00+00:00"),
    ]


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


def test_figures_are_columns_that_name_their_unit_in_what_excel_takes_for_utf8() -> None:
    rows = [{"name": 'Отдел, "север"; 1', "first_reply": {"n": 1, "median": 2.5}, "waiting": None}]
    names, mark = "name,first_reply_n,first_reply_median_seconds,waiting", "\ufeff"
    assert as_csv(rows) == f'{mark}{names}\r\n"Отдел, ""север""; 1",1,2.5,\r\n'
    assert as_csv(rows, separator=";").splitlines()[1] == '"Отдел, ""север""; 1";1;2.5;'
