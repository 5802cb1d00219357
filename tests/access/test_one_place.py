"""Permission is decided in access.py alone: nobody else compares a role, a department or a holder with a person."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pulse

ROOT = Path(pulse.__file__).parent
RULES = ROOT / "access.py"
# What a rule looks like, and where the same words are something else: the list of roles, whether one changes, who is a member.
DECISIONS = {
    r"\.is_admin\b": set(),
    r"""["']admin["']""": {"aggregates/moderator.py", "desk/users.py", "demo.py"},
    r"\brole\s*[!=]=": {"aggregates/moderator.py"},
    r"(?<!for )\b[\w.]+ in \w*person\.departments\b|\.departments\.isdisjoint|\.departments & ": {"directory.py"},
    r"\bholder(_id)? [!=]= person\.id|person\.id [!=]= \w+\.holder": set(),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_nobody_else_decides(decision: str) -> None:
    files = {file for file in ROOT.rglob("*.py") if file != RULES and re.search(decision, file.read_text())}
    assert {str(file.relative_to(ROOT)) for file in files} == DECISIONS[decision]


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_would_be_found(decision: str) -> None:
    written = (
        "person.is_admin", "\"admin\"", "one.role == wanted", "chat.department_id in person.departments",
        "chat.holder_id == person.id",
    )  # fmt: skip
    assert sum(bool(re.search(decision, one)) for one in written) == 1
