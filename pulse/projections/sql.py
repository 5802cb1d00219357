"""SQL statements kept in .sql files: `-- name: a_name` starts one, the comment after it says what it does."""

import re
from pathlib import Path
from typing import LiteralString, cast

NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Statements:
    """The statements of the .sql file beside a module, by name, in the file's order."""

    def __init__(self, module_file: str) -> None:
        parts = NAME.split(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))
        names, bodies = parts[1::2], parts[2::2]
        # They are ours, from the package: as good as literals.
        self._by_name = {name: cast("LiteralString", body.strip()) for name, body in zip(names, bodies, strict=True)}

    def __getitem__(self, name: str) -> LiteralString:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name
