"""Sign-in sessions: an opaque random cookie, its hash in a row.

That a session was ended stands in the log, which every process follows; a row without its end lets nobody in. One that
was used for three days by nobody is over, and none lives longer than fourteen.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from pulse.aggregates.moderator_sign_in import SESSION_LIFE
from pulse.desk.kept import Kept
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.tokens import Session, Staff

SQL = Statements(__file__)
TOUCH = timedelta(minutes=1)
IDLE_LIFE = timedelta(days=3)  # a weekend
MOST = 100  # of one person: whoever signs in once more, by a program as it may be, ends their oldest


class Sessions:
    """Sessions in Postgres. Every method raises ReadsDown while it is away."""

    def __init__(self, reads: Reads) -> None:
        self._rows = Kept(reads, SQL)

    async def begin(
        self, moderator_id: UUID, *, since: int, now: datetime, address: str, agent: str
    ) -> tuple[str, Session]:
        """A new session, of the moderator as they were at version `since`; and the cookie's value, kept nowhere."""
        token, expires_at = secrets.token_urlsafe(32), now + SESSION_LIFE
        session = Session(uuid4(), since, int(expires_at.timestamp()))
        row = {
            "token_hash": _hash(token), "id": session.id, "moderator_id": moderator_id, "since": since, "now": now,
            "expires_at": expires_at, "address": address[:64], "agent": agent[:200].replace("\0", ""),
        }  # fmt: skip
        await self._rows.fetch("insert", **row)
        await self._rows.fetch("end_oldest", moderator_id=moderator_id, kept=MOST)
        await self._rows.fetch("prune", **_alive(now))
        return token, session

    async def of_cookie(self, token: str, *, now: datetime) -> Staff | None:
        """Whose a cookie is, None when there is no such session."""
        return await self._seen(await self._rows.fetch("by_cookie", token_hash=_hash(token), **_alive(now)), now)

    async def of_id(self, session: UUID, *, now: datetime) -> Staff | None:
        """The same, by the public name that tokens carry."""
        return await self._seen(await self._rows.fetch("by_id", id=session, **_alive(now)), now)

    async def of_moderator(self, moderator_id: UUID, *, now: datetime) -> list[DictRow]:
        """The rows of one person, the last seen first."""
        return await self._rows.fetch("of_moderator", moderator_id=moderator_id, **_alive(now))

    async def newest(self, people: Collection[UUID]) -> dict[UUID, datetime]:
        """When these people last signed in, of those who have a session."""
        return {row["moderator_id"]: row["at"] for row in await self._rows.fetch("newest", people=list(people))}

    async def end_one(self, moderator_id: UUID, session: UUID) -> None:
        await self._rows.fetch("end_one", id=session, moderator_id=moderator_id)

    async def end_others(self, moderator_id: UUID, keeping: UUID | None) -> None:
        """All of a person's but one; all, when none is kept."""
        await self._rows.fetch("end_others", moderator_id=moderator_id, keeping=keeping)

    async def _seen(self, rows: list[DictRow], now: datetime) -> Staff | None:
        """Also notes that it was seen, once a minute."""
        if not rows:
            return None
        row = rows[0]
        if now - row["seen_at"] > TOUCH:
            await self._rows.fetch("touch", id=row["id"], now=now)
        return Staff(row["moderator_id"], Session(row["id"], row["since"], int(row["expires_at"].timestamp())))


def _alive(now: datetime) -> dict[str, datetime]:
    """Neither over by its age nor unused for too long."""
    return {"now": now, "idle": now - IDLE_LIFE}


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
