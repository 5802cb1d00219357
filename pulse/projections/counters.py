"""Counters: how many chats somebody may see in each view. They are moved with the rows of `inbox`, never counted here."""

from __future__ import annotations

from pulse.access import Reach
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)


async def of_views(reads: Reads, reach: Reach) -> dict[str, int]:
    """A number for each view of the chat list, without further filters."""
    [row] = await reads.fetch(SQL["of_views"], **reach)
    return dict(row)
