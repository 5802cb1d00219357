"""Dead letters: events that no read model could take. Their aggregates are parked, in order; the rest flows on."""

from __future__ import annotations

from typing import Any

from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import PREFIX
from pulse.projections.connections import Connection
from pulse.projections.sql import Statements

SQL = Statements(__file__)
ERROR_KEPT = 1000


async def make_dead_letters(connection: Connection) -> None:
    await connection.execute(SQL["create"], prepare=False)


async def parked_subjects(connection: Connection) -> frozenset[str]:
    """The subjects whose further events wait."""
    return frozenset(row["subject"] for row in await (await connection.execute(SQL["parked"])).fetchall())


def dead_letter(stored: Stored, error: Exception | None) -> dict[str, Any]:
    """The row of an event that is set aside; without an error it waits behind an earlier one."""
    return {
        "position": stored.position,
        "subject": stored.subject,
        "kind": stored.subject.removeprefix(f"{PREFIX}.").split(".", 1)[0],
        "error": repr(error)[:ERROR_KEPT] if error else "parked",  # repr also makes any text fit for a table
        "body": stored.body.decode(errors="replace").replace("\0", "\ufffd"),
    }
