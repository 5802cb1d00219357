"""An identity is one person's: linked, unlinked, linked again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pulse.aggregates.identity import (
    Identity,
    IdentityLinked,
    IdentityLinkedAgain,
    IdentityUnlinked,
    LinkedToAnother,
    NotAnIdentity,
    identity_id,
)
from pulse.errors import NotFound

ANNA, BORIS = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def linked(name: str = "Anna") -> Identity:
    return Identity.first_link("telegram", "77", moderator_id=ANNA, name=name, now=NOW)


def kinds(identity: Identity) -> list[type]:
    return [type(event) for event in identity.collect_events()]


def test_a_life() -> None:
    identity = linked()
    assert (identity.id, identity.moderator_id, identity.name) == (identity_id("telegram", "77"), ANNA, "Anna")
    identity.unlink(moderator_id=ANNA, now=NOW)
    assert identity.moderator_id is None
    identity.link(moderator_id=BORIS, name="Boris", now=NOW)
    assert (identity.moderator_id, identity.name) == (BORIS, "Boris")
    assert kinds(identity) == [IdentityLinked, IdentityUnlinked, IdentityLinkedAgain]


def test_whoever_has_it_keeps_it_without_an_event() -> None:
    identity = linked()
    identity.link(moderator_id=ANNA, name="Another name", now=NOW)
    assert (kinds(identity), identity.name) == ([IdentityLinked], "Anna")


def test_anothers_is_refused() -> None:
    identity = linked()
    with pytest.raises(LinkedToAnother):
        identity.link(moderator_id=BORIS, name="Boris", now=NOW)
    with pytest.raises(NotFound):
        identity.unlink(moderator_id=BORIS, now=NOW)
    assert kinds(identity) == [IdentityLinked]


def test_nobodys_can_not_be_unlinked() -> None:
    identity = linked()
    identity.unlink(moderator_id=ANNA, now=NOW)
    with pytest.raises(NotFound):
        identity.unlink(moderator_id=ANNA, now=NOW)


def test_one_number_at_two_providers_is_two() -> None:
    assert identity_id("telegram", "77") != identity_id("vk", "77")
    assert identity_id("vk", "77") != identity_id("vk", "78")


@pytest.mark.parametrize(
    ("provider", "external_id"),
    [
        ("telegram", ""), ("telegram", "0"), ("telegram", "077"), ("telegram", "-77"), ("telegram", "77 "),
        ("telegram", "７７"), ("telegram", "@anna"), ("telegram", "1" * 20), ("Telegram", "77"), ("", "77"),
        ("myspace", "77"), ("telegram:1", "77"),
    ],
)  # fmt: skip
def test_what_is_no_identity_is_refused(provider: str, external_id: str) -> None:
    with pytest.raises(NotAnIdentity):
        identity_id(provider, external_id)


@pytest.mark.parametrize(
    ("told", "kept"),
    [("  Anna\n\tKedrova ", "Anna Kedrova"), ("a\0b", "a b"), ("x" * 500, "x" * 100), ("", ""), ("\u202eanna", "anna")],
)
def test_a_name_is_kept_as_it_may_be_shown(told: Any, kept: str) -> None:
    assert linked(told).name == kept
