"""Who holds what and what waits, from envelopes alone; read twice it is the same."""

from __future__ import annotations

from itertools import count
from uuid import UUID

import msgspec
import pytest

from pulse.delivery.rota import ASSIGNED, CAUSE, Rota, Stand
from pulse.eventlog.envelope import Envelope, Scope
from tests.given import ANNA, BORIS, NOW, SALES, SUPPORT

ONE, TWO = UUID(int=1), UUID(int=2)
OPENED, REOPENED, MOVED, SAID, SEEN, CLOSED, SNOOZED, WOKEN = (
    "chat.opened", "chat.reopened", "chat.transferred", "chat.message-received", "chat.seen-by-staff", "chat.closed",
    "chat.snoozed", "chat.woken",
)  # fmt: skip


class Story:
    """Events of chats, one position after the other."""

    def __init__(self, *departments: UUID) -> None:
        self.rota = Rota(frozenset(departments or (SALES,)), {})
        self._positions = count(1)
        self._versions = {ONE: count(1), TWO: count(1)}
        self.told: list[tuple[int, UUID, Envelope]] = []

    def tell(
        self, chat: UUID, kind: str, holder: UUID | None = None, department: UUID = SALES, cause: str | None = None
    ) -> Story:
        scope = Scope(department=department, holder=holder)
        envelope = Envelope(
            kind, 1, next(self._versions[chat]), UUID(int=9), NOW, "system", msgspec.Raw(b"{}"), cause, scope
        )
        self.told.append((next(self._positions), chat, envelope))
        self.rota.take(*self.told[-1])
        return self

    def state(self) -> tuple[object, ...]:
        found = self.rota
        return (
            found.waiting_in(SALES),
            found.waiting_in(SUPPORT),
            found.held_by(ANNA),
            found.held_by(BORIS),
            found.turns,
        )


def test_an_open_chat_waits_until_somebody_holds_it():
    story = Story().tell(ONE, OPENED).tell(ONE, SAID)
    assert story.rota.waiting_in(SALES) == [ONE]
    story.tell(ONE, ASSIGNED, ANNA)
    assert (story.rota.waiting_in(SALES), story.rota.held_by(ANNA)) == ([], 1)


def test_a_closed_chat_is_nobodys_until_it_opens_again():
    story = Story().tell(ONE, OPENED).tell(ONE, ASSIGNED, ANNA).tell(ONE, CLOSED).tell(ONE, SEEN)
    assert (story.rota.waiting_in(SALES), story.rota.held_by(ANNA)) == ([], 0)
    assert story.tell(ONE, REOPENED).rota.waiting_in(SALES) == [ONE]


def test_a_chat_that_is_put_off_is_nobodys_to_look_at_until_it_wakes():
    story = Story().tell(ONE, OPENED).tell(ONE, ASSIGNED, ANNA).tell(ONE, SNOOZED, ANNA).tell(ONE, SEEN, ANNA)
    assert (story.rota.waiting_in(SALES), story.rota.held_by(ANNA)) == ([], 0)
    assert story.tell(ONE, WOKEN, ANNA).rota.held_by(ANNA) == 1
    story.tell(TWO, OPENED).tell(TWO, SNOOZED)
    assert story.rota.waiting_in(SALES) == []
    assert story.tell(TWO, WOKEN).rota.waiting_in(SALES) == [TWO]


def test_a_transferred_chat_waits_where_it_went():
    story = Story(SALES, SUPPORT).tell(ONE, OPENED).tell(ONE, ASSIGNED, ANNA).tell(ONE, MOVED, department=SUPPORT)
    assert story.state()[:3] == ([], [ONE], 0)


def test_whatever_takes_the_holder_away_lets_a_chat_wait():
    story = Story().tell(ONE, OPENED).tell(ONE, ASSIGNED, ANNA).tell(ONE, "chat.of-a-newer-pulse")
    assert (story.rota.waiting_in(SALES), story.rota.held_by(ANNA)) == ([ONE], 0)


def test_what_waits_in_departments_without_a_policy_is_not_kept_but_what_is_held_there_counts():
    story = Story().tell(ONE, OPENED, department=SUPPORT)
    assert story.rota.waiting_in(SUPPORT) == []
    assert story.tell(ONE, ASSIGNED, ANNA, department=SUPPORT).rota.held_by(ANNA) == 1


def test_the_one_that_waits_longest_comes_first_however_much_the_others_say():
    story = Story().tell(ONE, OPENED).tell(TWO, OPENED).tell(ONE, SAID)
    assert story.rota.waiting_in(SALES) == [ONE, TWO]
    story.tell(ONE, ASSIGNED, ANNA).tell(ONE, MOVED, department=SALES)
    assert story.rota.waiting_in(SALES) == [TWO, ONE]


def test_only_what_a_policy_gave_is_somebodys_turn():
    story = Story().tell(ONE, OPENED).tell(ONE, ASSIGNED, ANNA).tell(TWO, OPENED)
    assert story.rota.turns == {}
    assert story.tell(TWO, ASSIGNED, BORIS, cause=CAUSE).rota.turns == {(SALES, BORIS): 4}


def test_our_own_assignment_counts_at_once_and_once():
    story = Story().tell(ONE, OPENED)
    story.rota.give(ONE, Stand(SALES, ANNA, 2), 2)
    assert story.state() == ([], [], 1, 0, {(SALES, ANNA): 2})
    story.tell(ONE, ASSIGNED, ANNA, cause=CAUSE)
    assert story.state() == ([], [], 1, 0, {(SALES, ANNA): 2})


def test_an_older_event_that_comes_later_does_not_bring_the_chat_back():
    story = Story().tell(ONE, OPENED)
    story.rota.give(ONE, Stand(SALES, ANNA, 3), 3)
    assert story.tell(ONE, SAID).state()[:3] == ([], [], 1)


@pytest.mark.parametrize("again_from", range(9))
def test_reading_a_part_of_the_log_twice_changes_nothing(again_from: int):
    story = Story(SALES, SUPPORT).tell(ONE, OPENED).tell(TWO, OPENED).tell(ONE, ASSIGNED, ANNA, cause=CAUSE)
    story.tell(TWO, SAID).tell(ONE, CLOSED).tell(TWO, MOVED, department=SUPPORT).tell(ONE, REOPENED).tell(ONE, SAID)
    before = story.state()
    assert before == ([ONE], [TWO], 0, 0, {(SALES, ANNA): 3})
    for told in story.told[again_from:]:
        story.rota.take(*told)
    assert story.state() == before
