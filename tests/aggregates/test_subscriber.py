"""The rules of a subscriber."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from pulse.aggregates.subscriber import (
    NotASubscriber,
    Secret,
    Subscriber,
    SubscriberChanged,
    SubscriberLeft,
    SubscriberPaused,
    SubscriberResumed,
    SubscriberRewound,
    SubscriberSecretsChanged,
)
from tests.given import NOW, given

URL = "https://crm.example/hooks"
DAY = timedelta(days=1)


def a_subscriber(url: str = URL, types: tuple[str, ...] = ("chat.*",), title: str = "CRM") -> Subscriber:
    return Subscriber.register(
        subscriber_id=UUID(int=1), url=url, types=types, title=title, sealed="first", position=5, now=NOW
    )


@pytest.mark.parametrize(
    "url",
    ["", "crm.example", "ftp://crm.example/", "https://u:p@crm.example/", "https:///hooks", "https://crm.example/#a",
     "https://crm.example:x/", "https://crm.example/a b", "https://crm.example/" + "a" * 2000, "https://crm.example/\n\tx"],
)  # fmt: skip
def test_an_address_that_can_not_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(NotASubscriber):
        a_subscriber(url)


@pytest.mark.parametrize("types", [(), tuple(f"chat.{number}" for number in range(51))])
def test_a_subscriber_wants_something_but_not_endlessly_many_things(types: tuple[str, ...]) -> None:
    with pytest.raises(NotASubscriber):
        a_subscriber(types=types)


def test_without_a_title_it_goes_by_its_host() -> None:
    assert a_subscriber(title=" ").title == "crm.example"
    with pytest.raises(NotASubscriber):
        a_subscriber(title="x" * 101)


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        (("*",), {"chat.opened", "chat.closed", "chatter.x", "department.created"}),
        (("chat.*",), {"chat.opened", "chat.closed"}),
        (("chat.closed", "department.*"), {"chat.closed", "department.created"}),
        (("chat",), set()),
    ],
)
def test_it_wants_what_its_types_say(types: tuple[str, ...], wanted: set[str]) -> None:
    subscriber = a_subscriber(types=types)
    there = {"chat.opened", "chat.closed", "chatter.x", "department.created"}
    assert {name for name in there if subscriber.wants(name)} == wanted


def test_only_what_differs_is_changed() -> None:
    subscriber = given(a_subscriber())
    subscriber.when(lambda s: s.change(url=URL, types=("chat.*", "chat.*"), title="CRM ", now=NOW)).then_nothing()
    changed = subscriber.when(lambda s: s.change(url=URL, types=("*",), title="CRM", now=NOW))
    changed.then(SubscriberChanged).now(types=("*",), turn=2, since=1, position=5)


def test_a_new_secret_signs_with_the_old_one_for_a_while() -> None:
    rotated = given(a_subscriber(), lambda s: s.rotate("second", old_until=NOW + DAY, now=NOW)).aggregate
    assert rotated.sealed_secrets(NOW) == ["second", "first"]
    assert rotated.sealed_secrets(NOW + DAY) == ["second"]


def test_replacing_the_secret_twice_in_a_row_ends_none_early() -> None:
    """As when the answer of the first one got lost."""
    subscriber = given(a_subscriber(), lambda s: s.rotate("second", old_until=NOW + DAY, now=NOW))
    again = subscriber.when(lambda s: s.rotate("third", old_until=NOW + 2 * DAY, now=NOW)).then(
        SubscriberSecretsChanged
    )
    again.now(secrets=(Secret("third"), Secret("second", NOW + 2 * DAY), Secret("first", NOW + DAY)))


def test_a_secret_that_leaked_can_be_ended_at_once_and_few_are_kept() -> None:
    subscriber = given(a_subscriber())
    subscriber.when(lambda s: s.rotate("second", old_until=NOW, now=NOW)).now(secrets=(Secret("second"),))
    for number in range(9):
        subscriber.when(lambda s, number=number: s.rotate(f"{number}", old_until=NOW + DAY, now=NOW))
    assert len(subscriber.aggregate.secrets) == 4


def test_it_is_paused_once_and_resumed_once() -> None:
    subscriber = given(a_subscriber())
    subscriber.when(lambda s: s.resume(now=NOW)).then_nothing()
    subscriber.when(lambda s: s.pause("gone", "It answered 410.", now=NOW)).then(SubscriberPaused).now(paused="gone")
    subscriber.when(lambda s: s.pause("asked", now=NOW)).then_nothing()
    subscriber.when(lambda s: s.resume(now=NOW)).then(SubscriberResumed).now(paused="", error="", turn=3)


def test_whoever_gave_up_too_late_pauses_nothing() -> None:
    subscriber = given(a_subscriber(), lambda s: s.change(url=URL + "/2", types=("*",), title="CRM", now=NOW))
    subscriber.when(lambda s: s.pause("gave-up", "It answered 500.", turn=1, now=NOW)).then_nothing()
    subscriber.when(lambda s: s.pause("gave-up", "It answered 500.", turn=2, now=NOW)).then(SubscriberPaused)


def test_rewound_it_begins_anew_there() -> None:
    rewound = given(a_subscriber()).when(lambda s: s.rewind(3, now=NOW)).then(SubscriberRewound)
    rewound.now(position=3, since=2, turn=2)


def test_it_leaves_once() -> None:
    subscriber = given(a_subscriber())
    subscriber.when(lambda s: s.leave(now=NOW)).then(SubscriberLeft).now(left=True)
    subscriber.when(lambda s: s.leave(now=NOW)).then_nothing()
