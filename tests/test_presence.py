"""Which moderators are online, as the roster has it."""

from __future__ import annotations

from pulse.presence import Presence
from pulse.roster import GRACE_SECONDS, ONLINE, Roster
from tests.given import ANNA, BORIS
from tests.roster.wires import two


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_whoever_has_a_socket_open_on_any_process_is_online() -> None:
    wires, one, two_ = two()
    presence = Presence(one)
    one.come(str(ANNA))
    two_.come(str(ANNA))
    two_.come(str(BORIS))
    wires.settle()
    assert presence.online() == presence.around() == {ANNA, BORIS}
    two_.go(str(ANNA))
    two_.go(str(BORIS))
    wires.settle()
    assert presence.online() == {ANNA}


def test_who_loads_a_page_again_is_around_but_not_online_meanwhile() -> None:
    presence = Presence(roster := Roster(clock := Clock()))
    roster.come(str(ANNA))
    roster.go(str(ANNA))
    assert (presence.online(), presence.around()) == (frozenset(), {ANNA})
    clock.now += GRACE_SECONDS
    roster.pass_time()
    assert presence.around() == frozenset()


def test_whoever_waits_for_people_is_called_when_one_comes_or_is_back_and_not_when_one_stays() -> None:
    presence, came = Presence(roster := Roster(Clock())), list[str]()
    presence.when_came.add(lambda: came.append("somebody"))
    roster.come(str(ANNA))
    roster.come(str(ANNA))
    roster.go(str(ANNA))
    assert len(came) == 1
    roster.go(str(ANNA))
    roster.come(str(ANNA))
    roster.come(str(BORIS))
    assert len(came) == 3
    roster.join("presence-chat.1", str(ANNA))
    roster.sign_in(str(ANNA))
    assert len(came) == 3


def test_members_who_are_no_moderators_of_ours_are_passed_over() -> None:
    presence = Presence(roster := Roster(Clock()))
    roster.join(ONLINE, "somebody")
    roster.join("presence-chat.1", str(BORIS))
    roster.sign_in(str(BORIS))
    assert presence.online() == presence.around() == frozenset()
