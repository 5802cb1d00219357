"""A department, and who gets its free chats."""

from collections import Counter
from uuid import UUID

import pytest

from pulse.aggregates.department import Department, DepartmentPolicyChanged
from pulse.aggregates.department_policy import BY_HAND, Candidate, NotAPolicy, Policy, choose
from tests.given import ANNA, BORIS, NOW, given

NINA = UUID(int=3)
TURN, BUSY = Policy("round-robin"), Policy("least-busy")


def sales() -> Department:
    return Department.create("Sales", now=NOW)


def test_a_department_begins_without_a_policy():
    assert sales().policy == BY_HAND
    assert not BY_HAND.assigns


def test_a_policy_changes_only_when_it_differs():
    department = given(sales())
    department.when(lambda d: d.change_policy(BY_HAND, now=NOW)).then_nothing()
    department.when(lambda d: d.change_policy(BUSY, now=NOW)).then(DepartmentPolicyChanged).now(policy=BUSY)


@pytest.mark.parametrize("policy", [Policy("random"), Policy("none", 0), Policy("least-busy", 1001)])
def test_what_is_no_policy_is_refused(policy):
    given(sales()).when(lambda d: d.change_policy(policy, now=NOW)).then_refused(NotAPolicy)


def test_without_a_policy_nobody_gets_a_chat():
    assert choose(BY_HAND, [Candidate(ANNA, 0, 0)]) is None


@pytest.mark.parametrize("policy", [TURN, BUSY])
def test_without_candidates_nobody_gets_a_chat(policy):
    assert choose(policy, []) is None


def test_in_turn_it_is_whoever_waited_longest_however_busy():
    assert choose(TURN, [Candidate(ANNA, 0, 9), Candidate(BORIS, 50, 4), Candidate(NINA, 0, 7)]) == BORIS
    assert choose(TURN, [Candidate(ANNA, 0, 9), Candidate(NINA, 9, 0)]) == NINA


def test_the_least_busy_gets_it_and_among_equals_whose_turn_it_is():
    assert choose(BUSY, [Candidate(ANNA, 2, 1), Candidate(BORIS, 1, 9)]) == BORIS
    assert choose(BUSY, [Candidate(ANNA, 1, 1), Candidate(BORIS, 1, 9)]) == ANNA


@pytest.mark.parametrize("policy", [Policy("round-robin", 2), Policy("least-busy", 2)])
def test_nobody_gets_more_than_they_may_hold(policy):
    assert choose(policy, [Candidate(ANNA, 2, 1), Candidate(BORIS, 1, 9)]) == BORIS
    assert choose(policy, [Candidate(ANNA, 2, 1), Candidate(BORIS, 3, 9)]) is None


def test_turns_are_fair_over_thirty_chats():
    turns = dict.fromkeys((ANNA, BORIS, NINA), 0)
    got: Counter[UUID] = Counter()
    for position in range(1, 31):
        chosen = choose(TURN, [Candidate(who, got[who], turn) for who, turn in turns.items()])
        assert chosen is not None
        got[chosen], turns[chosen] = got[chosen] + 1, position
    assert set(got.values()) == {10}
