"""Whatever is lost, doubled or overtaken and whoever begins again: after a while of quiet all agree with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse.roster import Roster, words
from tests.roster.wires import Seat, Wires, numbers

CHANNELS = ("presence-chat", "presence-chat.1", "news")
PEOPLE = ("anna", "boris")
QUIET_SECONDS = 30

joins = st.tuples(st.just("join"), st.integers(0, 2), st.sampled_from(CHANNELS), st.sampled_from(PEOPLE))
leaves = st.tuples(st.just("leave"), st.integers(0, 2), st.integers(0, 9))
signs = st.tuples(st.just("sign"), st.integers(0, 2), st.sampled_from(PEOPLE))
passes = st.tuples(st.just("pass"), st.sampled_from([0.5, 0.5, 1.0, 3.0, 11.0]))
storms = st.tuples(st.just("storm"), st.integers(0, 10_000))
ends = st.tuples(st.just("end"), st.integers(0, 2), st.booleans())
KINDS = (joins, joins, joins, leaves, leaves, signs, storms, storms, storms, passes, ends)
ACTS = st.lists(st.one_of(*KINDS), min_size=20, max_size=80)  # so many: shorter stories go wrong too seldom


@pytest.fixture(scope="module", autouse=True)
def small_pages() -> Iterator[None]:
    """Two or three lines in a word, so that whoever tells everything needs several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "PAGE_BYTES", 90)
        yield


class Story:
    """Three processes, what is really connected to each, and a network that does as it likes."""

    def __init__(self) -> None:
        self.wires = Wires()
        self.open: dict[str, list[Seat]] = {}
        for _ in range(3):
            self.begin()
        self.wires.settle()

    def begin(self) -> None:
        self.open[self.wires.roster().process] = []

    def at(self, number: int) -> tuple[Roster, list[Seat]]:
        roster = self.wires.rosters[number]
        return roster, self.open[roster.process]

    def join(self, number: int, channel: str, person: str) -> None:
        roster, seats = self.at(number)
        user_id = person if channel.startswith("presence-") else None
        roster.join(channel, user_id, {"at": number} if len(seats) % 3 != 1 else None)
        seats.append((channel, user_id))

    def sign(self, number: int, person: str) -> None:
        roster, seats = self.at(number)
        roster.sign_in(person)
        seats.append(("", person))

    def leave(self, number: int, which: int) -> None:
        roster, seats = self.at(number)
        if which < len(seats):
            channel, user_id = seats.pop(which)
            if channel:
                roster.leave(channel, user_id)
            else:
                assert user_id
                roster.sign_out(user_id)

    def pass_(self, seconds: float) -> None:
        self.wires.clock.now += seconds
        self.wires.speak()

    def storm(self, seed: int) -> None:
        """What was said arrives in any order, or not at all, or once more later."""
        self.wires.speak()
        chance = Random(seed)
        waiting, self.wires.waiting = self.wires.waiting, []
        chance.shuffle(waiting)
        for to, body in waiting:
            fate = chance.choice(["arrives", "arrives", "is doubled", "is lost", "is late"])
            if fate in ("is doubled", "is late"):
                self.wires.waiting.append((to, body))
            if fate in ("arrives", "is doubled") and to in self.wires.rosters:
                to.hear(body)

    def end(self, number: int, bye: bool) -> None:
        roster, _ = self.at(number)
        del self.open[roster.process]
        self.wires.ends(roster, bye=bye)
        self.begin()

    def do(self, act: tuple[Any, ...]) -> None:
        name, *how = act
        acts = {"join": self.join, "leave": self.leave, "sign": self.sign, "pass": self.pass_, "storm": self.storm}
        {**acts, "end": self.end}[name](*how)

    def truth(self) -> tuple[dict[str, int], set[Seat], set[str]]:
        """Subscriptions, members of channels, and who signed in."""
        seats = [seat for theirs in self.open.values() for seat in theirs]
        signed_in = {user_id for channel, user_id in seats if not channel and user_id}
        members = {seat for seat in seats if seat[0] and seat[1]}
        return numbers(Counter((channel, None) for channel, _ in seats if channel)), members, signed_in


def view(roster: Roster) -> tuple[dict[str, int], set[Seat], set[str]]:
    channels = roster.channels()
    members = {(channel, user_id) for channel in CHANNELS for user_id in roster.members(channel)}
    counts = {channel: roster.subscription_count(channel) for channel in channels}
    return counts, members, {person for person in PEOPLE if roster.is_online(person)}


@settings(deadline=None, max_examples=200)
@given(ACTS)
def test_after_a_while_of_quiet_all_agree_with_the_truth(acts: list[tuple[Any, ...]]) -> None:
    story = Story()
    for act in acts:
        story.do(act)
    story.wires.pass_seconds(QUIET_SECONDS)
    for roster in story.wires.rosters:
        assert view(roster) == story.truth()
        heard = story.wires.ears[roster.process]
        assert (heard.counts, heard.members, heard.online) == view(roster)  # also for whoever only heard the changes
        assert heard.occupied == set(roster.channels())
        for channel in CHANNELS:
            assert roster.members(channel) == story.wires.rosters[0].members(channel)
