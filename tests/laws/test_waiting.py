"""Tests wait for what happens, never for time to pass; where they must ask again, `tests/insisting.py` does it."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
SLEEP = re.compile(r"\bsleep\((?!0\))")  # sleep(0) lets others run


def test_only_one_file_sleeps() -> None:
    files = [file for file in TESTS.rglob("*.py") if file != Path(__file__)]
    assert [file.name for file in files if SLEEP.search(file.read_text())] == ["insisting.py"]
