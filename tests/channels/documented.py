"""The driver that docs/channels.md shows, and its case: taken from the page."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from tests.channels import conformance
from tests.channels.conformance import Case

TEXT = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()


def shown() -> Case:
    driver, case = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    pigeon = ModuleType("pigeon")
    exec(compile(driver, "docs/channels.md", "exec"), vars(pigeon))
    known = {**vars(pigeon), **vars(conformance)}
    exec(case, known)
    found: Case = known["PIGEON"]
    return found


PIGEON = shown()
