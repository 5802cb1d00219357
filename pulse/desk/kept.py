"""Tables of the desk's own: state, not read models, so no projector makes them. Postgres may be empty at any time."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg.errors import UndefinedColumn, UndefinedTable
from psycopg.rows import DictRow

from pulse.errors import ReadsDown
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements


class Kept:
    """The statements of a .sql file; the one named `create` makes its table where it is missing or older.

    Each process runs it once: an older table that only lacks an index refuses nothing.
    """

    def __init__(self, reads: Reads, sql: Statements) -> None:
        self._reads = reads
        self._sql = sql
        self._made = False

    async def fetch(self, name: LiteralString, **parameters: Any) -> list[DictRow]:
        """Raises ReadsDown while Postgres is away."""
        try:
            if self._made:
                return await self._reads.fetch(self._sql[name], **parameters)
        except ReadsDown as trouble:
            if not isinstance(trouble.__cause__, UndefinedTable | UndefinedColumn):
                raise
        await self._reads.fetch(self._sql["create"])
        self._made = True
        return await self._reads.fetch(self._sql[name], **parameters)
