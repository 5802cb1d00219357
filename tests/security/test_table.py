"""docs/security.md tells what is tested, and nothing else."""

from __future__ import annotations

import re

from tests.security.table import HERE, asked, committed, covered, explained, items, spread, table


def test_the_committed_table_is_what_the_tests_say() -> None:
    assert committed() == table(), "run `python -m tests.security.table`"


def test_every_item_of_the_list_is_shown_or_the_reason_is_told() -> None:
    assert asked() - covered() == explained()
    assert spread("3.3.1–4") == {"3.3.1", "3.3.2", "3.3.3", "3.3.4"}
    assert spread("3.4.3, 6") == {"3.4.3", "3.4.6"}


def test_every_test_here_is_named_after_an_item_and_says_what_holds() -> None:
    tests = [
        name
        for file in HERE.glob("test_v*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    ]
    assert len(tests) == len(items())
    assert all(re.fullmatch(r"\S.*\.", said) for _, _, said, _ in items())
