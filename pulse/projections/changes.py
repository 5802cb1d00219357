"""What a batch of events changes, statement by statement, before any of it is written."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

import orjson

from pulse.eventlog.envelope import Recorded
from pulse.projections.sql import Statements

Row = dict[str, Any]


class Changes:
    """Rows by statement. Each statement runs once a batch, with all its rows as one JSON parameter."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {}
        self._by_key: dict[tuple[str, Hashable], Row] = {}

    def add(self, statement: str, row: Row) -> None:
        self._rows.setdefault(statement, []).append(row)

    def fold(self, statement: str, key: Hashable) -> Row:
        """The one row of a key in this batch; later events write over what earlier ones put there."""
        row = self._by_key.get((statement, key))
        if row is None:
            row = self._by_key[statement, key] = {}
            self.add(statement, row)
        return row

    def rows(self, statement: str) -> list[Row]:
        return self._rows.get(statement, [])

    def encoded(self) -> dict[str, bytes]:
        """Raises orjson.JSONEncodeError for a value that JSON has no word for."""
        return {statement: orjson.dumps(rows) for statement, rows in self._rows.items()}


class ReadModel(Protocol):
    """A module of this package: `create` makes its tables, `index` what only reading needs."""

    VERSION: int
    SQL: Statements

    @property
    def WRITES(self) -> tuple[str, ...]:  # noqa: N802  a constant of each module
        """The statements that take rows."""

    def project(self, recorded: Recorded, changes: Changes, /) -> None:
        """Turns one event into rows. Pure; raises for an event it can't make sense of."""
