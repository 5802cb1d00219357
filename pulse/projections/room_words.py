"""Room words: what moderators said to each other, found by its words. Beside the search of chats, on the same shelf."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from pulse.aggregates.room import RoomMessageWritten
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes
from pulse.projections.paging import BEFORE, DOWN, Cursor, Page
from pulse.projections.reads import Reads
from pulse.projections.rooms import NameOf, named, people_of
from pulse.projections.sql import Statements
from pulse.projections.words import question_of, searchable, snippet

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_words",)


def project(recorded: Recorded, changes: Changes) -> None:
    """A row per message; none is ever changed or taken back."""
    match recorded.event:
        case RoomMessageWritten(number=number, text=text):
            place = {"position": recorded.position, "room_id": recorded.aggregate_id, "number": number}
            changes.add("room_words.insert_words", place | {"words": searchable(text)})


async def find(
    reads: Reads, text: str, me: UUID, name_of: NameOf, *, room: UUID | None, limit: int, cursor: str | None
) -> Page:
    """What somebody may see of it, the newest first: a direct room's words are for its two. Raises BadInput."""
    question, at = question_of(text), Cursor.of(cursor)
    wanted = {"lexemes": question.lexemes(), "me": me, "room": room, "position": at.position}
    page = at.page(await reads.fetch(statement(at.way), **wanted, limit=limit + 1), limit, "position")
    items = [
        {
            "room_id": row["room_id"], "kind": "direct" if row["one"] else "general",
            "with": named(next((who for who in people_of(row) if who != me), None), name_of),
            "message_id": row["number"], "sender": named(row["moderator_id"], name_of), "created_at": row["at"],
            "snippet": snippet(row["text"], question),
        }
        for row in page.items
    ]  # fmt: skip
    return replace(page, items=items)


def statement(way: str) -> LiteralString:
    """The one statement that reads a page; `way` is older or newer."""
    return SQL["page"].replace("{before}", BEFORE[way]).replace("{down}", DOWN[way])
