"""What is said among moderators: once, in order, and only by two where it is for two."""

from __future__ import annotations

import pytest

from pulse.aggregates.room import (
    GENERAL,
    EmptyWord,
    Room,
    RoomMessageWritten,
    RoomOpened,
    RoomSeen,
    WithOneself,
    direct_id,
)
from tests.given import ANNA, BORIS, NOW, given


def says(text: str, who=ANNA, client_msg_id: str | None = None, mentions=()):
    return lambda room: room.write(text, moderator_id=who, client_msg_id=client_msg_id, mentions=mentions, now=NOW)


def sees(who, up_to: int):
    return lambda room: room.see(who, up_to, now=NOW)


def test_the_room_of_two_is_one_room_whoever_opens_it() -> None:
    hers, his = (Room.open_direct(*pair, now=NOW) for pair in ((ANNA, BORIS), (BORIS, ANNA)))
    assert hers.id == his.id == direct_id(BORIS, ANNA) != GENERAL
    assert hers.people == his.people
    given(hers).when(says("Hello")).then(RoomMessageWritten)


def test_nobody_talks_to_themselves() -> None:
    with pytest.raises(WithOneself):
        Room.open_direct(ANNA, ANNA, now=NOW)


def test_the_general_room_is_for_nobody_in_particular() -> None:
    [opened] = Room.open_general(now=NOW).collect_events()
    assert isinstance(opened, RoomOpened)
    assert opened.people == ()


def test_messages_are_numbered_without_gaps() -> None:
    room = given(Room.open_general(now=NOW), says("One"), sees(BORIS, 1))
    assert room.when(says("Two", BORIS)).then(RoomMessageWritten).answer == 2


def test_a_clients_message_counts_once_per_author() -> None:
    room = given(Room.open_general(now=NOW), says("One", ANNA, "c1"))
    again = room.when(says("One", ANNA, "c1"))
    assert again.then_nothing().answer == 1
    assert room.when(says("Mine", BORIS, "c1")).then(RoomMessageWritten).answer == 2


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_message_needs_a_text(text: str) -> None:
    assert isinstance(given(Room.open_general(now=NOW)).when(says(text)).refusal, EmptyWord)


def test_nobody_mentions_themselves_or_anybody_twice() -> None:
    told = given(Room.open_general(now=NOW)).when(says("@", ANNA, None, (BORIS, ANNA, BORIS)))
    assert told.then(RoomMessageWritten).events[0].mentions == (BORIS,)


def test_marks_only_move_up_and_not_beyond_the_last_word() -> None:
    room = given(Room.open_general(now=NOW), says("One"), says("Two"))
    assert room.when(sees(BORIS, 99)).then(RoomSeen).events[0].up_to == 2
    room.when(sees(BORIS, 1)).then_nothing()
    room.when(sees(ANNA, 2)).then_nothing()  # she wrote it
