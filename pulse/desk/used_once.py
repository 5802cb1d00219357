"""What counts once, remembered by all processes and over restarts until it would not be taken anyway."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from pulse.desk.kept import Kept
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)


class UsedOnce:
    """In Postgres. Raises ReadsDown while it is away: then nothing is taken."""

    def __init__(self, reads: Reads) -> None:
        self._rows = Kept(reads, SQL)

    async def take(self, what: str, *, now: datetime, life: timedelta) -> bool:
        """Is this its first time? It is forgotten after its life; only its hash is kept."""
        used = sha256(what.encode("utf-8", "replace")).digest()
        taken = await self._rows.fetch("take", used=used, expires_at=now + life)
        await self._rows.fetch("prune", now=now)
        return bool(taken)
