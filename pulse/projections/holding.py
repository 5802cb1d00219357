"""Holding: which open chats some people hold, and which are in a department. Asked of the inbox."""

from __future__ import annotations

from uuid import UUID

from pulse.projections.changes import Row
from pulse.projections.reads import LAST_POSITION, Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)


async def held_by(reads: Reads, people: list[UUID], limit: int, *, before: int = LAST_POSITION) -> list[Row]:
    """Chats with their holders and the positions of their last words, the newest first, before one of them."""
    return await reads.fetch(SQL["held_by"], holders=people, limit=limit, before=before)


async def open_in(reads: Reads, department: UUID, limit: int) -> list[UUID]:
    """A department's open chats, the newest word first."""
    return [row["chat_id"] for row in await reads.fetch(SQL["open_in"], department=department, limit=limit)]
