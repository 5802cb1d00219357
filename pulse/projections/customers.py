"""Customers: who wrote, on which source, as the channel names them, and whether they can be reached."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import lru_cache
from uuid import UUID

from pulse.aggregates.chat_events import MessageReceived
from pulse.aggregates.customer import (
    CustomerLeft,
    CustomerMet,
    CustomerProfileChanged,
    CustomerReturned,
    customer_id,
)
from pulse.errors import BadInput
from pulse.eventlog.envelope import Recorded
from pulse.message import Author
from pulse.projections.changes import Changes, Row
from pulse.projections.paging import Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 3
REMEMBERED = 10_000
CALLED_LENGTH = 100
SQL = Statements(__file__)
WRITES = ("upsert_people", "change_reach")
INNER = frozenset({"customer_id", "called", "place", "last_position"})
BEYOND = "\U0010ffff"  # sorts after everything


def project(recorded: Recorded, changes: Changes) -> None:
    """People come from their first contact and from every message, which may know a newer name."""
    match recorded.event:
        case CustomerMet() as met:
            author = Author(met.peer, met.name, met.username, met.language)
            _heard_of(recorded, recorded.aggregate_id, author, changes)
        case MessageReceived(message=message) if recorded.scope.source is not None:
            _heard_of(recorded, known_id(recorded.scope.source, message.author.id), message.author, changes, messages=1)
        case CustomerProfileChanged() as told:
            # Everybody was met before, so the row is there, and with it who they are on their channel.
            author = Author("", told.name, told.username, told.language, told.phone)
            _heard_of(recorded, recorded.aggregate_id, author, changes)
        case CustomerLeft():
            _reach(recorded, changes, reachable=False)
        case CustomerReturned():
            _reach(recorded, changes, reachable=True)


def _heard_of(recorded: Recorded, known: UUID, author: Author, changes: Changes, *, messages: int = 0) -> None:
    row = changes.fold("customers.upsert_people", known)
    name = author.name or row.get("name")
    row |= {
        "customer_id": known,
        "source_id": recorded.scope.source,
        "peer": author.id or row.get("peer", ""),
        "name": name,
        "called": called(name or ""),
        "username": author.username or row.get("username"),
        "language": author.language or row.get("language"),
        "phone": author.phone or row.get("phone"),
        "messages": row.get("messages", 0) + messages,
        "first_at": row.get("first_at", recorded.at),
        "last_at": recorded.at,
        "last_position": recorded.position,
    }


@lru_cache(REMEMBERED)
def known_id(source_id: UUID, peer: str) -> UUID:
    """The customer's computed id; computing it is a fifth of projecting a message."""
    return customer_id(source_id, peer)


def called(name: str) -> str:
    """A name as it is looked for, and as the list of names is sorted."""
    return name.casefold()[:CALLED_LENGTH]


def _reach(recorded: Recorded, changes: Changes, *, reachable: bool) -> None:
    row = changes.fold("customers.change_reach", recorded.aggregate_id)
    row |= {"customer_id": recorded.aggregate_id, "reachable": reachable}


async def page(
    reads: Reads, *, everything: bool, departments: list[UUID], holder: UUID, limit: int, cursor: str | None
) -> Page:
    """Customers with a chat that somebody may see, whoever's chat had the newest word first; for admins everybody.

    A cursor comes from an earlier page.
    """
    at = Cursor.of(cursor)
    place = {"position": at.position, "limit": limit + 1}
    if everything:
        rows = await reads.fetch(SQL[f"{at.way}_of_all"], **place)
    else:
        rows = await reads.fetch(SQL[f"{at.way}_of_mine"], departments=departments, holder=holder, **place)
    found = at.page(rows, limit, "place")
    return replace(found, items=[shown(row) for row in found.items])


async def named(
    reads: Reads, name: str, *, everything: bool, departments: list[UUID], holder: UUID, limit: int, cursor: str | None
) -> Page:  # fmt: skip
    """The same people, as far as their name begins with this, in the order of their names."""
    back, at = await _place_of(reads, cursor)
    prefix = called(name)
    rows = await reads.fetch(
        SQL["named_before" if back else "named_after"], prefix=prefix, beyond=prefix + BEYOND, called=at[0], id=at[1],
        everything=everything, departments=departments, holder=holder, limit=limit + 1,
    )  # fmt: skip
    items, more = rows[:limit], len(rows) > limit
    if back:
        items.reverse()
    later, earlier = (True, more) if back else (more, cursor is not None)
    return Page(
        [shown(row) for row in items],
        f"after-{items[-1]['customer_id'].hex}" if items and later else None,
        f"before-{items[0]['customer_id'].hex}" if items and earlier else None,
    )


async def _place_of(reads: Reads, cursor: str | None) -> tuple[bool, tuple[str, UUID]]:
    """Where a page of names goes on, and whether it goes back. Raises BadInput."""
    if cursor is None:
        return False, ("", UUID(int=0))
    way, _, customer = cursor.partition("-")
    with contextlib.suppress(ValueError):
        if way in ("after", "before") and (rows := await several(reads, [UUID(customer)])):
            return way == "before", (rows[0]["called"], rows[0]["customer_id"])
    raise BadInput("This cursor does not come from an earlier page.")


async def several(reads: Reads, customers: list[UUID]) -> list[Row]:
    """The rows of some customers, those with the newest word first."""
    return list(await reads.fetch(SQL["several"], customers=customers))


def shown(row: Row) -> Row:
    """A row as the API shows it."""
    return {"id": row["customer_id"], **{field: value for field, value in row.items() if field not in INNER}}
