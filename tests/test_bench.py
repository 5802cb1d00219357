"""Every bench runs from end to end, tiny. Nothing is said about time here."""

import importlib
import json

import pytest

from bench.__main__ import SCRIPTS
from bench.machine import describe
from bench.report import TINY, Report


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_bench_measures_both_sides(name: str) -> None:
    report: Report = importlib.import_module(f"bench.{name}").main(TINY)
    skipped = any(note.startswith("skipped") for note in report.notes)
    assert skipped or (len(report.figures) >= 2 and report.verdicts)
    assert all(figure.value > 0 for figure in report.figures if not figure.what.startswith(" "))
    assert json.loads(json.dumps(report.as_json()))["name"] == name
    assert report.text().startswith(name)


def test_the_machine_is_described() -> None:
    machine = describe()
    assert machine["python"]
    assert machine["fsync_p50_us"]
