"""Sign-in sessions: an opaque random cookie, its hash in a row. Ending the row ends the session at once."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from pulse.errors import ReadsDown
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)
LIFE = timedelta(days=14)


class Sessions:
    """Sessions in Postgres. Every method raises ReadsDown while it is away."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def begin(self, moderator_id: UUID, *, now: datetime, address: str, agent: str) -> str:
        """A new session; returns the cookie's value, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        row = {
            "token_hash": _hash(token), "moderator_id": moderator_id, "now": now, "expires_at": now + LIFE,
            "address": address[:64], "agent": agent[:200],
        }  # fmt: skip
        await self._fetch(SQL["insert"], **row)
        await self._fetch(SQL["prune"], now=now)
        return token

    async def who(self, token: str, *, now: datetime) -> UUID | None:
        """Whose session a cookie is, None when it has ended."""
        rows = await self._fetch(SQL["find"], token_hash=_hash(token), now=now)
        return rows[0]["moderator_id"] if rows else None

    async def end(self, token: str) -> None:
        await self._fetch(SQL["end"], token_hash=_hash(token))

    async def end_all(self, moderator_id: UUID) -> None:
        """Ends every session of one person."""
        await self._fetch(SQL["end_all"], moderator_id=moderator_id)

    async def newest(self) -> dict[UUID, datetime]:
        """When people last signed in, of those who have a session."""
        return {row["moderator_id"]: row["at"] for row in await self._fetch(SQL["newest"])}

    async def _fetch(self, statement: LiteralString, **parameters: Any) -> list[DictRow]:
        """Makes the table where it is missing: it holds state, so no projector does."""
        try:
            return await self._reads.fetch(statement, **parameters)
        except ReadsDown as trouble:
            if not isinstance(trouble.__cause__, UndefinedTable):
                raise
        await self._reads.fetch(SQL["create"])
        return await self._reads.fetch(statement, **parameters)


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
