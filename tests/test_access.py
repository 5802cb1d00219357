"""Who may do what, as a table."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.access import (
    GENERAL,
    PUBLIC_GENERAL,
    RESERVED,
    TO_USER,
    Person,
    Place,
    Subscription,
    by_moderator,
    channels_of,
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
    may_watch,
    moderator_in,
    needs_signature,
    shared_departments,
    sign_in_will_do,
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


@pytest.mark.parametrize("kind", ["private-moderator", "private-user", TO_USER])
def test_a_persons_channel_is_theirs_alone(kind: str) -> None:
    hers = Subscription(kind, ANNA.id)
    assert [person.name for person in (ANNA, BORIS, ADMIN) if may_subscribe(person, hers, None)] == ["Anna"]


@pytest.mark.parametrize("place", [Place(SALES, None), Place(SUPPORT, ANNA.id), Place(None, None)])
@pytest.mark.parametrize("kind", ["private-chat", "presence-chat"])
def test_a_chats_channels_are_for_who_may_see_the_chat(kind: str, place: Place) -> None:
    channel = Subscription(kind, UUID(int=5))
    for person in (ANNA, BORIS, NEW, ADMIN):
        assert may_subscribe(person, channel, place) is may_see(person, place)
        assert not may_subscribe(person, channel, None)


def test_a_departments_channel_is_for_its_members_and_admins() -> None:
    for department, who in ((SALES, {ANNA, ADMIN}), (SUPPORT, {BORIS, ADMIN}), (UUID(int=3), {ADMIN})):
        channel = Subscription.named(f"private-department.{department}")
        assert channel == Subscription("private-department", department)
        assert {person for person in (ANNA, BORIS, NEW, ADMIN) if may_subscribe(person, channel, None)} == who


def test_who_is_online_is_for_every_moderator() -> None:
    channel = Subscription.named("presence-chat")
    assert channel is not None
    assert channel.is_presence
    assert all(may_subscribe(person, channel, None) for person in (ANNA, BORIS, NEW, ADMIN))


@pytest.mark.parametrize(
    "kind",
    [
        "", "chat", "private-encrypted-chat", "presence-moderator", "presence-user", "presence-department",
        "private-encrypted-user", "private-encrypted-department", "private-source", "private-room", "PRIVATE-CHAT",
    ],
)  # fmt: skip
def test_there_is_no_other_channel(kind: str) -> None:
    assert not may_subscribe(ADMIN, Subscription(kind, ADMIN.id), Place(SALES, None))


def test_a_channel_knows_its_form() -> None:
    """Of each: what it is about, and whether it is private, presence, encrypted; cached is no form."""
    forms = {
        "private-campaign.17": ("private-campaign", 1, 0, 0),
        "presence-campaign.17": ("presence-campaign", 0, 1, 0),
        "private-encrypted-campaign.17": ("private-encrypted-campaign", 1, 0, 1),
        "private-cache-campaign.17": ("private-campaign", 1, 0, 0),
        "presence-cache-campaign.17": ("presence-campaign", 0, 1, 0),
        "private-encrypted-cache-campaign.17": ("private-encrypted-campaign", 1, 0, 1),
        "campaign.17": ("campaign", 0, 0, 0),
        "cache-campaign.17": ("campaign", 0, 0, 0),
    }
    for name, form in forms.items():
        found = Subscription.named(name)
        assert found is not None
        assert (found.noun, found.id) == ("campaign", "17")
        assert (found.kind, found.is_private, found.is_presence, found.is_encrypted) == form, name


def test_a_chats_channels_are_about_that_chat_and_are_all_there_are() -> None:
    chat = UUID(int=7)
    names = channels_of(chat)
    assert sorted(names) == [
        f"{form}-{cached}chat.{chat}" for form in ("presence", "private") for cached in ("cache-", "")
    ]
    assert {found.chat for name in names if (found := Subscription.named(name)) is not None} == {chat}


@pytest.mark.parametrize(
    "name",
    [
        "cache-private-campaign.17", "private-cache-encrypted-campaign.17", "presence-encrypted-campaign.17",
        "private-presence-campaign.17", "private-cache-cache-campaign.17", "encrypted-campaign.17", "private-.17",
        "private-cache-.17", ".17", "", "private-campaign.17\n", "#campaign", "#server-to-user", "#server-to-user-17",
        "private-campaign.17:x", 'private-campaign.17:{"user_id":"1"}', "private-campaign.ы", "a b",
        f"#server-to-user-{SALES.hex}", f"#server-to-user.{SALES}", f"presence-chat.{SALES}.{SUPPORT}",
        "private-department", "private-department.sales", "presence-moderator",
    ],
)  # fmt: skip
def test_a_form_inside_a_form_is_no_name(name: str) -> None:
    """Else one name could be read in two ways."""
    assert Subscription.named(name) is None


def test_a_cache_channel_is_for_whom_the_same_without_a_cache_is() -> None:
    for plain, cached in (
        (f"private-chat.{SALES}", f"private-cache-chat.{SALES}"),
        (f"presence-chat.{SALES}", f"presence-cache-chat.{SALES}"),
        (f"private-department.{SALES}", f"private-cache-department.{SALES}"),
        (f"private-user.{ANNA.id}", f"private-cache-user.{ANNA.id}"),
        (f"private-financial.{ANNA.id}", f"private-cache-financial.{ANNA.id}"),
        (f"private-chat.{ANNA.id}.{BORIS.id}", f"private-cache-chat.{ANNA.id}.{BORIS.id}"),
        (GENERAL, "private-cache-chat"), ("presence-chat", "presence-cache-chat"), ("chat", "cache-chat"),
        ("news", "cache-news"),
    ):  # fmt: skip
        one, other = Subscription.named(plain), Subscription.named(cached)
        assert one is not None
        assert other is not None
        assert needs_signature(plain) is needs_signature(cached)
        for person in (ANNA, BORIS, NEW, ADMIN):
            asked = (Place(SALES, None), {"person"})
            assert may_subscribe(person, one, *asked) is may_subscribe(person, other, *asked)


def test_encrypted_channels_are_a_producers_alone() -> None:
    encrypted = Subscription.named("private-encrypted-campaign.17")
    assert encrypted is not None
    assert may_subscribe(ANNA, encrypted, None, {"staff"})
    assert not may_subscribe(ANNA, encrypted, None)
    for ours in ("private-encrypted-chat", f"private-encrypted-user.{ANNA.id}"):
        named = Subscription.named(ours)
        assert named is None or not may_subscribe(ANNA, named, Place(SALES, None), {"staff", "person"})


def test_nobody_is_given_a_signature_for_a_public_channel() -> None:
    for name in ("campaign.17", "cache-campaign.17", "news", f"chat.{SALES}", f"user.{ANNA.id}"):
        named = Subscription.named(name)
        assert named is not None
        assert not may_subscribe(ANNA, named, Place(SALES, None), {"staff", "person"})
        assert not needs_signature(name)


def test_one_watches_the_colleagues_of_ones_departments_and_admins_all() -> None:
    both = Person(UUID(int=16), "Olga", "moderator", frozenset({SALES, SUPPORT}))
    everybody = (ANNA, BORIS, NEW, ADMIN, both)
    for person, watched in ((ANNA, {both}), (both, {ANNA, BORIS}), (NEW, set()), (ADMIN, {ANNA, BORIS, NEW, both})):
        assert {other for other in everybody if may_watch(person, other)} == watched


def test_a_producers_channel_is_for_its_audience() -> None:
    campaign, hers = Subscription("private-campaign", "17"), Subscription("private-financial", str(ANNA.id))
    for person in (ANNA, BORIS, NEW, ADMIN):
        assert may_subscribe(person, campaign, None, {"staff"})
        assert may_subscribe(person, hers, None, {"person"}) is (person is ANNA)
        assert may_subscribe(person, hers, None, {"person", "staff"})
        for unheard in (set(), {"person"}, {"everybody"}, {""}):
            assert not may_subscribe(person, campaign, None, unheard)


@pytest.mark.parametrize("kind", ["private-chat", "private-moderator", "private-user", "private-department"])
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


def test_the_general_rooms_public_name_is_not_public_here() -> None:
    """pusher-js asks for no signature on such a name: whoever signed in needs none, everybody else does."""
    channel = Subscription.named(PUBLIC_GENERAL)
    assert channel is not None
    assert needs_signature(PUBLIC_GENERAL)
    assert all(may_subscribe(person, channel, None) for person in (ANNA, BORIS, NEW, ADMIN))
    own = f"#server-to-user-{ANNA.id}"
    assert [sign_in_will_do(name) for name in ("chat", own, GENERAL, "news", "presence-chat")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_what_servers_tell_one_person_is_theirs() -> None:
    assert Subscription.named(f"#server-to-user-{ANNA.id}") == Subscription(TO_USER, ANNA.id)
    for name in (f"#server-to-user-{ANNA.id}", "#server-to-user-17", "#anything"):
        assert needs_signature(name)


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
        ("orders", (), True), ("chat", (), False), ("private-orders.7", (), True), ("presence-lobby", (), True),
        ("#server-to-user-7", (), True), ("private-chats.7", (), True),
        ("private-chat", (), False), ("private-chat.7", (), False), ("presence-chat.7", (), False),
        ("private-moderator.7", (), False), ("private-user.7", (), False), ("private-campaign.7", {"staff"}, False),
        ("private-department.7", (), False), ("private-cache-chat.9d", (), True), ("cache-chat", (), False),
        ("private-encrypted-campaign.7", {"staff"}, True), ("private-encrypted-chat.7", (), True),
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
