"""What counts once, remembered by all processes and over restarts until it would not be taken anyway."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, LiteralString

from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from pulse.errors import ReadsDown
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)


class UsedOnce:
    """In Postgres. Raises ReadsDown while it is away: then nothing is taken."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def take(self, what: str, *, now: datetime, life: timedelta) -> bool:
        """Is this its first time? It is forgotten after its life; only its hash is kept."""
        used = sha256(what.encode("utf-8", "replace")).digest()
        taken = await self._fetch(SQL["take"], used=used, expires_at=now + life)
        await self._fetch(SQL["prune"], now=now)
        return bool(taken)

    async def _fetch(self, statement: LiteralString, **parameters: Any) -> list[DictRow]:
        """Makes the table where it is missing: it holds state, so no projector does."""
        try:
            return await self._reads.fetch(statement, **parameters)
        except ReadsDown as trouble:
            if not isinstance(trouble.__cause__, UndefinedTable):
                raise
        await self._reads.fetch(SQL["create"])
        return await self._reads.fetch(statement, **parameters)
