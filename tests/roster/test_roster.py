"""Who is on which channel, for one process and for several: once per person, with a grace, the same everywhere."""

from __future__ import annotations

import pytest

from pulse.errors import PulseError, sentence
from pulse.roster import GRACE_SECONDS, MEMBERS, ONLINE, Roster
from pulse.roster.admitting import USER_ID, USER_INFO_BYTES, ChannelIsFull, NotAUserId, NotUserInfo
from pulse.roster.changes import (
    CameOnline,
    Counted,
    MemberAdded,
    MemberBack,
    MemberRemoved,
    Occupied,
    Vacated,
    WentOffline,
)
from pulse.roster.counting import COUNT_SECONDS, LARGE
from pulse.roster.words import News, read
from tests.roster.wires import Wires, two

CHAT = "presence-chat.1"
ANNA = {"name": "Anna"}


def test_ones_own_join_counts_at_once_without_anybody_hearing_of_it() -> None:
    wires = Wires()
    one = wires.roster()
    one.join(CHAT, "anna", ANNA)
    assert (one.members(CHAT), one.here(CHAT), len(one.members(CHAT))) == ({"anna": ANNA}, ["anna"], 1)
    assert (one.subscription_count(CHAT), one.channels()) == (1, [CHAT])
    assert wires.heard(one) == [Occupied(CHAT), Counted(CHAT, 1), MemberAdded(CHAT, "anna", ANNA)]


def test_others_are_told_the_same() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna", ANNA)
    one.join("news")
    one.sign_in("anna")
    wires.settle()
    assert two_.members(CHAT) == {"anna": ANNA}
    assert sorted(two_.channels()) == ["news", CHAT]
    assert (two_.channels("presence-"), two_.channels("new"), two_.channels("newer")) == ([CHAT], ["news"], [])
    assert two_.is_online("anna")
    told = wires.heard(two_)
    assert told == wires.heard(one)
    assert {CameOnline("anna"), Occupied("news"), Counted("news", 1)} < {repr_of(change) for change in told}


def repr_of(change: object) -> object:
    """Changes with dicts in them have no hash."""
    return repr(change) if isinstance(change, MemberAdded) else change


def test_closing_one_tab_of_several_tells_nobody_anything() -> None:
    """Wherever the tabs are."""
    wires, one, two_ = two()
    for roster in (one, one, two_):
        roster.join(CHAT, "anna", ANNA)
    wires.settle()
    assert len([change for change in wires.heard(two_) if isinstance(change, MemberAdded)]) == 1
    one.leave(CHAT, "anna")
    wires.pass_seconds(GRACE_SECONDS + 1)
    one.leave(CHAT, "anna")
    wires.pass_seconds(GRACE_SECONDS + 1)
    assert two_.members(CHAT) == one.members(CHAT) == {"anna": ANNA}
    assert not [change for change in wires.heard(one) if isinstance(change, MemberRemoved)]
    two_.leave(CHAT, "anna")
    wires.pass_seconds(GRACE_SECONDS + 1)
    assert one.members(CHAT) == two_.members(CHAT) == {}
    for roster in (one, two_):
        assert wires.heard(roster)[-2:] == [Vacated(CHAT), MemberRemoved(CHAT, "anna")]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_page_that_is_loaded_again_makes_neither_event(elsewhere: bool) -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna", ANNA)
    one.sign_in("anna")
    wires.settle()
    wires.heard(one)
    one.leave(CHAT, "anna")
    one.sign_out("anna")
    wires.pass_seconds(GRACE_SECONDS - 0.5)
    assert (one.members(CHAT), one.here(CHAT), one.is_online("anna")) == ({"anna": ANNA}, [], True)
    assert (one.channels(), one.subscription_count(CHAT)) == ([CHAT], 0)
    back = two_ if elsewhere else one
    back.join(CHAT, "anna", ANNA)
    back.sign_in("anna")
    wires.settle()
    wires.pass_seconds(GRACE_SECONDS + 1)
    assert wires.heard(one) == [MemberBack(CHAT, "anna"), MemberBack("", "anna")]
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": ANNA}


def test_whoever_stays_away_for_the_grace_is_told_of_once() -> None:
    wires = Wires()
    one = wires.roster()
    one.join(CHAT, "anna", ANNA)
    one.sign_in("anna")
    one.leave(CHAT, "anna")
    one.sign_out("anna")
    wires.clock.now += GRACE_SECONDS
    wires.heard(one)
    one.pass_time()
    assert wires.heard(one) == [Vacated(CHAT), MemberRemoved(CHAT, "anna"), WentOffline("anna")]
    one.pass_time()
    assert wires.heard(one) == []
    assert (one.members(CHAT), one.channels(), one.is_online("anna")) == ({}, [], False)


def test_a_grace_of_another_length_is_kept() -> None:
    wires = Wires()
    one = Roster(wires.clock, grace=7.0)
    one.join(CHAT, "anna")
    one.leave(CHAT, "anna")
    wires.clock.now += 6.5
    one.pass_time()
    assert one.members(CHAT) == {"anna": {}}
    wires.clock.now += 0.5
    one.pass_time()
    assert one.members(CHAT) == {}


def test_leaving_what_was_never_joined_changes_nothing() -> None:
    wires, one, two_ = two()
    one.leave(CHAT, "anna")
    one.sign_out("anna")
    one.go("anna")
    one.join(CHAT, "anna", ANNA)
    one.leave(CHAT, "boris")
    wires.settle()
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": ANNA}


def test_a_moderator_is_online_without_subscribing_to_anything() -> None:
    wires, one, two_ = two()
    one.come("anna", ANNA)
    two_.come("anna", ANNA)
    two_.join(ONLINE, "boris")
    wires.settle()
    assert one.members(ONLINE) == {"anna": ANNA, "boris": {}}
    assert (one.channels(), one.subscription_count(ONLINE), len(one.members(ONLINE))) == ([ONLINE], 3, 2)
    one.go("anna")
    wires.pass_seconds(GRACE_SECONDS + 1)
    assert set(one.here(ONLINE)) == set(two_.here(ONLINE)) == {"anna", "boris"}
    two_.go("anna")
    wires.settle()
    assert one.here(ONLINE) == two_.here(ONLINE) == ["boris"]


def test_all_show_the_same_of_somebody_of_whom_two_processes_say_different_things() -> None:
    wires, one, two_ = two()
    first, second = sorted((one, two_), key=lambda roster: roster.process)
    second.join(CHAT, "anna", {"name": "Anna, second"})
    wires.settle()
    first.join(CHAT, "anna")  # who says nothing leaves it as it was
    wires.settle()
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": {"name": "Anna, second"}}
    first.join(CHAT, "anna", {"name": "Anna, first"})
    wires.settle()
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": {"name": "Anna, first"}}


def test_a_further_tab_is_told_as_one_more_subscription_and_nothing_else() -> None:
    _, one, _ = two()
    lines = []
    for _ in range(2):
        one.join(CHAT, "anna", ANNA)
        lines.append([word.lines for _, body in one.says() if isinstance(word := read(body), News)])
    assert lines == [[[(CHAT, None, 1), (CHAT, "anna", ANNA)]], [[(CHAT, None, 2)]]]


def test_who_told_first_does_not_matter_to_what_is_shown() -> None:
    wires, one, two_ = two()
    first, second = sorted((one, two_), key=lambda roster: roster.process)
    first.join(CHAT, "anna", {"name": "Anna, first"})
    wires.settle()
    second.join(CHAT, "anna", {"name": "Anna, second"})
    wires.settle()
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": {"name": "Anna, first"}}
    first.leave(CHAT, "anna")
    wires.settle()
    assert one.members(CHAT) == two_.members(CHAT) == {"anna": {"name": "Anna, second"}}


def test_a_channel_that_was_vacated_is_counted_anew() -> None:
    wires = Wires()
    one = wires.roster()
    one.join("news")
    one.leave("news")
    wires.clock.now += GRACE_SECONDS
    one.pass_time()
    wires.heard(one)
    one.join("news")
    assert wires.heard(one) == [Occupied("news"), Counted("news", 1)]


def test_counts_of_small_channels_are_told_at_once_and_of_large_ones_every_few_seconds() -> None:
    wires = Wires()
    one = wires.roster()
    for _ in range(LARGE + 5):
        one.join("news")
    told = [change for change in wires.heard(one) if isinstance(change, Counted)]
    assert told == [Counted("news", number) for number in range(1, LARGE + 1)]
    wires.clock.now += COUNT_SECONDS
    assert one.due_at() <= wires.clock.now
    one.pass_time()
    one.join("news")
    assert wires.heard(one) == [Counted("news", LARGE + 5)]
    for _ in range(5):
        one.leave("news")
    assert wires.heard(one) == []
    one.leave("news")
    assert wires.heard(one) == [Counted("news", LARGE)]


@pytest.mark.parametrize(
    ("user_id", "info", "refusal"),
    [
        ("", None, NotAUserId),
        ("x" * (USER_ID + 1), None, NotAUserId),
        ("anna", {"x": "ю" * (USER_INFO_BYTES // 2)}, NotUserInfo),
        ("anna", {"x": 1 << 70}, NotUserInfo),
    ],
)
def test_what_is_too_large_is_refused_and_nothing_has_changed(
    user_id: str, info: dict[str, object] | None, refusal: type[PulseError]
) -> None:
    one = Roster()
    with pytest.raises(refusal, match=sentence(refusal)):
        one.join(CHAT, user_id, info)
    assert (one.members(CHAT), one.channels()) == ({}, [])
    if refusal is NotAUserId:
        with pytest.raises(refusal):
            one.sign_in(user_id)


def test_what_just_fits_is_taken() -> None:
    one, info = Roster(), {"x": "x" * (USER_INFO_BYTES - len('{"x":""}'))}
    one.join(CHAT, "x" * USER_ID, info)
    assert one.members(CHAT) == {"x" * USER_ID: info}


def test_a_channel_takes_so_many_members_and_their_further_tabs() -> None:
    wires, one, two_ = two()
    for number in range(MEMBERS):
        (one, two_)[number % 2].join(CHAT, str(number))
    wires.settle()
    for roster in (one, two_):
        with pytest.raises(ChannelIsFull) as refused:
            roster.join(CHAT, "anna")
        assert refused.value.status == 413
    one.join(CHAT, "1")
    assert one.subscription_count(CHAT) == MEMBERS + 1
    assert len(one.members(CHAT)) == MEMBERS
    for number in range(MEMBERS + 1):
        two_.come(str(number))  # moderators are not refused for being many
    assert len(two_.members(ONLINE)) == MEMBERS + 1


def test_a_listener_may_ask_and_join_in_the_middle() -> None:
    wires = Wires()
    one = wires.roster()
    seen: list[tuple[int, bool]] = []
    told: list[object] = []

    def hear(change: object) -> None:
        told.append(change)
        if change == Occupied("first"):
            seen.append((one.subscription_count("first"), "second" in one.channels()))
            one.join("second")

    one.when_changed.add(hear)
    one.join("first")
    assert seen == [(1, False)]
    assert told == [Occupied("first"), Counted("first", 1), Occupied("second"), Counted("second", 1)]
