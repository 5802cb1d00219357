"""Who may do what, as a table."""

from __future__ import annotations

from uuid import UUID

import pytest

from pulse.access import Person, Place, may_follow_person, may_manage, may_reply, may_see

SALES, SUPPORT = UUID(int=1), UUID(int=2)
ANNA = Person(UUID(int=11), "Anna", "moderator", frozenset({SALES}))
BORIS = Person(UUID(int=12), "Boris", "moderator", frozenset({SUPPORT}))
NEW = Person(UUID(int=13), "Nina", "moderator", frozenset())
ADMIN = Person(UUID(int=14), "Admin", "admin", frozenset())


@pytest.mark.parametrize(
    ("place", "who"),
    [
        (Place(SALES, None), {ANNA, ADMIN}),
        (Place(SUPPORT, None), {BORIS, ADMIN}),
        (Place(None, None), {ADMIN}),
        (Place(SALES, BORIS.id), {ANNA, BORIS, ADMIN}),
        (Place(SALES, ANNA.id), {ANNA, ADMIN}),
        (Place(None, NEW.id), {NEW, ADMIN}),
        (Place(UUID(int=3), UUID(int=99)), {ADMIN}),
    ],
)
def test_a_chat_is_seen_by_its_department_its_holder_and_admins(place: Place, who: set[Person]) -> None:
    for person in (ANNA, BORIS, NEW, ADMIN):
        assert may_see(person, place) is (person in who)
        assert may_reply(person, place) is (person in who)


def test_only_admins_manage() -> None:
    assert [person.name for person in (ANNA, BORIS, NEW, ADMIN) if may_manage(person)] == ["Admin"]


@pytest.mark.parametrize("role", ["", "Admin", "owner", "administrator"])
def test_only_the_word_admin_makes_an_admin(role: str) -> None:
    impostor = Person(UUID(int=15), "Ivan", role, frozenset())
    assert not may_manage(impostor)
    assert not may_see(impostor, Place(SALES, None))


def test_a_persons_channel_is_theirs_alone() -> None:
    assert may_follow_person(ANNA, ANNA.id)
    assert not may_follow_person(ADMIN, ANNA.id)
