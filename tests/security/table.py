"""The table of docs/security.md, made of the tests: `python -m tests.security.table` writes it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- made by tests/security/table.py -->\n", "<!-- until here -->"
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
