"""Who may do what, as a table."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.access import (
    GENERAL,
    RESERVED,
    Person,
    Place,
    Subscription,
    by_moderator,
    is_admin,
    may_call,
    may_know_source,
    may_manage,
    may_publish,
    may_reply,
    may_reset_two_factor,
    may_see,
    may_see_numbers,
    may_see_room,
    may_subscribe,
    may_use_phrasebook,
    moderator_in,
    needs_signature,
    shared_departments,
)

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


def test_a_source_is_known_to_its_departments_and_to_admins() -> None:
    for departments, who in (((SALES,), {ANNA, ADMIN}), ((SALES, SUPPORT), {ANNA, BORIS, ADMIN}), ((), {ADMIN})):
        assert {person for person in (ANNA, BORIS, NEW, ADMIN) if may_know_source(person, departments)} == who


def test_canned_replies_are_for_their_department_and_those_of_none_for_everybody() -> None:
    for department, who in ((SALES, {ANNA, ADMIN}), (None, {ANNA, BORIS, NEW, ADMIN}), (UUID(int=3), {ADMIN})):
        assert {person for person in (ANNA, BORIS, NEW, ADMIN) if may_use_phrasebook(person, department)} == who


def test_only_admins_manage() -> None:
    assert [person.name for person in (ANNA, BORIS, NEW, ADMIN) if may_manage(person)] == ["Admin"]


def test_of_a_colleague_one_knows_the_departments_one_shares_and_admins_all():
    both = Person(UUID(int=16), "Olga", "moderator", frozenset({SALES, SUPPORT}))
    assert shared_departments(ANNA, both) == {SALES}
    assert shared_departments(ANNA, BORIS) == shared_departments(NEW, both) == frozenset()
    assert shared_departments(ADMIN, both) == {SALES, SUPPORT}


def test_numbers_are_the_admins_and_ones_own_ones_own() -> None:
    for whose in (ANNA.id, BORIS.id, None, "none"):
        assert may_see_numbers(ADMIN, whose)
        assert may_see_numbers(ANNA, whose) is (whose == ANNA.id)


def test_admins_reset_the_second_factor_of_others_and_nobody_their_own() -> None:
    assert may_reset_two_factor(ADMIN, ANNA.id)
    assert not may_reset_two_factor(ADMIN, ADMIN.id)
    assert not any(may_reset_two_factor(ANNA, whose) for whose in (ANNA.id, BORIS.id, ADMIN.id))


def test_the_log_names_moderators_and_others() -> None:
    assert moderator_in(by_moderator(ANNA.id)) == ANNA.id
    assert [moderator_in(by) for by in ("customer", "system")] == [None, None]


@pytest.mark.parametrize("role", ["", "Admin", "owner", "administrator"])
def test_only_the_word_admin_makes_an_admin(role: str) -> None:
    impostor = Person(UUID(int=15), "Ivan", role, frozenset())
    assert not may_manage(impostor)
    assert not is_admin(role)
    assert not may_see(impostor, Place(SALES, None))


@pytest.mark.parametrize("kind", ["private-moderator", "private-user"])
def test_a_persons_channel_is_theirs_alone(kind: str) -> None:
    hers = Subscription(kind, ANNA.id)
    assert [person.name for person in (ANNA, BORIS, ADMIN) if may_subscribe(person, hers, None)] == ["Anna"]


@pytest.mark.parametrize("place", [Place(SALES, None), Place(SUPPORT, ANNA.id), Place(None, None)])
def test_a_chats_channel_is_for_who_may_see_the_chat(place: Place) -> None:
    channel = Subscription("private-chat", UUID(int=5))
    for person in (ANNA, BORIS, NEW, ADMIN):
        assert may_subscribe(person, channel, place) is may_see(person, place)
        assert not may_subscribe(person, channel, None)


@pytest.mark.parametrize(
    "kind", ["", "chat", "presence-chat", "private-encrypted-chat", "private-source", "PRIVATE-CHAT"]
)
def test_there_is_no_other_channel(kind: str) -> None:
    assert not may_subscribe(ADMIN, Subscription(kind, ADMIN.id), Place(SALES, None))


def test_a_producers_channel_is_for_its_audience() -> None:
    campaign, hers = Subscription("private-campaign", "17"), Subscription("private-financial", str(ANNA.id))
    for person in (ANNA, BORIS, NEW, ADMIN):
        assert may_subscribe(person, campaign, None, {"staff"})
        assert may_subscribe(person, hers, None, {"person"}) is (person is ANNA)
        assert may_subscribe(person, hers, None, {"person", "staff"})
        for unheard in (set(), {"person"}, {"everybody"}, {""}):
            assert not may_subscribe(person, campaign, None, unheard)


@pytest.mark.parametrize("kind", ["private-chat", "private-moderator", "private-user"])
def test_no_producer_opens_a_channel_of_ours(kind: str) -> None:
    assert kind in RESERVED
    assert not may_subscribe(BORIS, Subscription(kind, ANNA.id), None, {"staff", "person"})


def test_a_producers_channel_is_named_as_the_producer_names_its_things() -> None:
    for name in ("17", "spring-2026", "a.b", str(SALES), SALES.hex.upper()):
        assert Subscription.named(f"private-campaign.{name}") == Subscription("private-campaign", name)
    assert Subscription.named("private-campaign.") is Subscription.named("private-campaign") is None


def test_a_channels_id_is_written_in_one_way() -> None:
    assert Subscription.named(f"private-chat.{SALES}") == Subscription("private-chat", SALES)
    shouted = str(UUID(int=0xA)).upper()
    for odd in (SALES.hex, f"{{{SALES}}}", f"urn:uuid:{SALES}", shouted, f"{SALES} ", f"{SALES}.x", "", "x"):
        assert Subscription.named(f"private-chat.{odd}") is None


def test_two_are_one_pair_in_whichever_order_their_channel_names_them() -> None:
    pair = {
        Subscription.named(f"private-chat.{one}.{other}").pair for one, other in ((SALES, SUPPORT), (SUPPORT, SALES))
    }
    assert pair == {(SALES, SUPPORT)}
    odd = (
        f"{SALES}.{SALES}",
        f"{SALES}.",
        f".{SALES}",
        f"{SALES}.x",
        f"{SALES}.{SUPPORT}.{SALES}",
        f"{SALES}..{SUPPORT}",
    )
    assert [Subscription.named(f"private-chat.{ids}") for ids in odd] == [None] * len(odd)
    for kind in ("private-user", "private-moderator"):
        assert Subscription.named(f"{kind}.{SALES}.{SUPPORT}") is None


def test_the_general_room_has_a_channel_that_needs_a_signature() -> None:
    channel = Subscription.named(GENERAL)
    assert channel is not None
    assert needs_signature(GENERAL)
    assert all(may_subscribe(person, channel, None) for person in (ANNA, BORIS, NEW, ADMIN))
    assert not needs_signature("chat")


PEOPLE = st.builds(
    Person, st.uuids(), st.just("Somebody"), st.sampled_from(["admin", "moderator"]),
    st.frozensets(st.sampled_from([SALES, SUPPORT])),
)  # fmt: skip


@given(
    person=PEOPLE, others=st.lists(st.uuids(), min_size=2, max_size=2, unique=True), mine=st.sampled_from([None, 0, 1])
)
def test_a_room_of_two_and_its_channel_are_for_those_two_whoever_else_asks(
    person: Person, others: list[UUID], mine: int | None
) -> None:
    """For anybody, of any role and departments: the door of HTTP and that of push say the same."""
    if mine is not None and person.id not in others:
        others[mine] = person.id
    one, other = others
    for name in (f"private-chat.{one}.{other}", f"private-chat.{other}.{one}"):
        channel = Subscription.named(name)
        assert channel is not None
        assert may_see_room(person, others) is (person.id in others)
        for place in (None, Place(SALES, None), Place(None, person.id)):
            assert may_subscribe(person, channel, place, {"staff", "person"}) is (person.id in others)
    assert may_see_room(person, ())


@pytest.mark.parametrize(
    ("channel", "audiences", "may"),
    [
        ("orders", (), True), ("chat", (), True), ("private-orders.7", (), True), ("presence-lobby", (), True),
        ("#server-to-user-7", (), True), ("private-chats.7", (), True),
        ("private-chat", (), False), ("private-chat.7", (), False), ("presence-chat.7", (), False),
        ("private-moderator.7", (), False), ("private-user.7", (), False), ("private-campaign.7", {"staff"}, False),
    ],
)  # fmt: skip
def test_nobody_but_pulse_speaks_where_events_of_the_log_are_told(
    channel: str, audiences: Collection[str], may: bool
) -> None:
    assert may_publish(channel, audiences) is may


def test_private_channels_need_a_signature() -> None:
    assert [needs_signature(name) for name in ("private-chat.1", "presence-x", "news")] == [True, True, False]


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        (None, "pulse.example", True),
        ("https://pulse.example", "pulse.example", True),
        ("https://pulse.example:8443", "pulse.example:8001", True),
        ("http://[::1]:8000", "[::1]:8001", True),
        ("https://pulse.example.evil.example", "pulse.example", False),
        ("https://evil.example", "pulse.example", False),
        ("null", "pulse.example", False),
        ("", "", False),
        ("http://[::1", "[::1]", False),
    ],
)
def test_only_pages_of_this_host_use_a_signed_in_browser(origin: str | None, host: str, may: bool) -> None:
    assert may_call(origin, host) is may
