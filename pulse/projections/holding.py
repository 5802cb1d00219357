"""Holding: which open chats some people hold, and which are in a department. Asked of the inbox."""

from __future__ import annotations

from uuid import UUID

from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)


async def held_by(reads: Reads, people: list[UUID], limit: int) -> list[tuple[UUID, UUID]]:
    """Chats with their holders, the newest word first."""
    rows = await reads.fetch(SQL["held_by"], holders=people, limit=limit)
    return [(row["chat_id"], row["holder_id"]) for row in rows]


async def open_in(reads: Reads, department: UUID, limit: int) -> list[UUID]:
    """A department's open chats, the newest word first."""
    return [row["chat_id"] for row in await reads.fetch(SQL["open_in"], department=department, limit=limit)]
