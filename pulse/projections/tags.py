"""Tags in use in the chats that somebody may see. Their counts are moved with the rows of `inbox`, never counted here."""

from __future__ import annotations

from pulse.access import Reach
from pulse.projections.changes import Row
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)
BEYOND = "\U0010ffff"  # sorts after everything


async def most_used(reads: Reads, reach: Reach, *, begins: str, limit: int) -> list[Row]:
    """Those that begin so, by how many chats have each."""
    statement = "everywhere" if reach["everything"] else "in_reach"
    return list(await reads.fetch(SQL[statement], **values(reach, begins, limit)))


def values(reach: Reach, begins: str, limit: int) -> Row:
    """What the statements take."""
    return {
        "departments": reach["departments"], "holder": reach["holder"], "limit": limit,
        "begins": begins, "beyond": begins + BEYOND,
    }  # fmt: skip
