"""The table of docs/security.md, made of the tests: `python -m tests.security.table` writes it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- made by tests/security/table.py -->\n", "<!-- until here -->"
# Items of ASVS 5.0 that a program can show of itself, levels 1 and 2 and a few of level 3 that matter to a chat.
ASKED = """
1.2.1 1.2.2 1.2.4 1.2.10 1.3.1 1.3.4 1.3.6 1.5.3 2.2.1 2.3.3 2.4.1 3.2.1-2 3.3.1-4 3.4.1-6 3.5.1-5 3.5.8
4.1.1 4.1.3-5 4.2.1 4.4.1-4 5.2.1-2 5.2.4 5.2.6 5.3.1-2 5.4.1-2
6.2.1-9 6.2.12 6.3.1-3 6.3.8 6.4.1 6.4.3 6.5.1-5 7.2.1-4 7.3.1-2 7.4.1-2 7.4.5 7.5.1-2
8.2.1-3 8.3.1-2 8.4.1 9.1.1-3 9.2.1-4 11.2.4 11.3.2-4 11.4.2 11.5.1 12.2.1 12.3.2 13.2.1-4 13.3.1 13.4.2 13.4.5
14.2.1 14.2.7 14.3.1-2 15.2.1-2 15.3.1-4 15.4.2 16.2.5 16.3.1-4 16.4.1-2 16.5.1-4
"""
NOT_HERE = re.compile(r"^\| (\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*) \| [^|]{30,} \|$", re.MULTILINE)
ITEM = re.compile(r"test_v(?P<chapter>\d+)_(?P<section>\d+)_(?P<number>\d+)(?P<more>(_(and|to)_\d+)*)_[a-z]")


def items() -> list[tuple[tuple[int, int, int], str, str, str]]:
    """Each test: where it sorts, the items it is named after, its sentence, its file."""
    found = []
    for file in HERE.glob("test_v*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (named := ITEM.match(node.name)):
                at = (int(named["chapter"]), int(named["section"]), int(named["number"]))
                more = re.sub(r"_(and|to)_(\d+)", lambda one: {"and": ", ", "to": "–"}[one[1]] + one[2], named["more"])
                said = " ".join((ast.get_docstring(node) or "").split())
                found.append((at, ".".join(map(str, at)) + more, said, file.name))
    return sorted(found)


def spread(names: str) -> set[str]:
    """`3.3.1–4` and `3.4.3, 6` are the items 3.3.1 to 3.3.4, and 3.4.3 and 3.4.6."""
    chapter, section, numbers = re.split(r"\.", names, maxsplit=2)
    found: set[str] = set()
    for part in numbers.split(", "):
        first, _, last = part.replace("–", "-").partition("-")
        found |= {f"{chapter}.{section}.{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def asked() -> set[str]:
    return set().union(*map(spread, ASKED.split()))


def covered() -> set[str]:
    return set().union(*(spread(names) for _, names, _, _ in items()))


def explained() -> set[str]:
    """Those that docs/security.md says a reason for."""
    return {item for names in NOT_HERE.findall(DOCUMENT.read_text(encoding="utf-8")) for item in names.split(", ")}


def table() -> str:
    lines = ["| ASVS 5.0 | what holds | test |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {names} | {said} | `{file}` |" for _, names, said, file in items())]) + "\n"


def committed() -> str:
    return DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
