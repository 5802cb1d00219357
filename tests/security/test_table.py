"""docs/security.md tells what is tested, and nothing else."""

from __future__ import annotations

import re

from tests.security.table import HERE, committed, items, table


def test_the_committed_table_is_what_the_tests_say() -> None:
    assert committed() == table(), "run `python -m tests.security.table`"


def test_every_test_here_is_named_after_an_item_and_says_what_holds() -> None:
    tests = [
        name
        for file in HERE.glob("test_v*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    ]
    assert len(tests) == len(items())
    assert all(re.fullmatch(r"\S.*\.", said) for _, _, said, _ in items())
