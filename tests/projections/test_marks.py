"""How much of each chat a moderator has seen."""

from __future__ import annotations

from pulse.projections import inbox, marks
from tests.given import ANNA, BORIS, NOW, a_chat, closed_by, replies, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told


def sees(who, up_to: int):
    return lambda chat: chat.see(who, up_to, now=NOW)


def marks_of(*acts) -> dict:
    told = Told()
    told.of(a_chat(), *acts)
    return {row["moderator_id"]: row["seen"] for row in told.through(marks).rows("marks.move_marks")}


def test_looking_and_answering_move_a_mark():
    assert marks_of(vera_writes("1"), vera_writes("2"), sees(ANNA, 2)) == {ANNA: 1}
    assert marks_of(vera_writes("1"), vera_writes("2"), replies(BORIS)) == {BORIS: 2}


def test_a_mark_counts_what_was_said_before_a_close_too():
    assert marks_of(vera_writes("1"), closed_by(ANNA), vera_writes("2"), vera_writes("3"), sees(ANNA, 5)) == {ANNA: 2}


async def test_what_is_left_is_the_same_whatever_the_pages(log, projector, reads):
    told = Told()
    chat = told.of(a_chat(), vera_writes("1"), vera_writes("2"), sees(ANNA, 2))
    await append(log, told)
    await projector.catch_up()
    later = Told()
    later.of(chat, vera_writes("3"), sees(BORIS, 3))
    await append(log, later)
    await projector.catch_up()
    rows = [await inbox.one(reads, chat.id, who) for who in (ANNA, BORIS)]
    assert [row["unread"] for row in rows] == [2, 1]
    assert (await inbox.one(reads, chat.id))["unread"] == 3  # somebody who never looked
