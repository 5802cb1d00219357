"""The rules of signing in: which sessions still hold, and which codes still count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from pulse.aggregates.moderator import Moderator
from pulse.aggregates.moderator_sign_in import (
    SESSION_LIFE,
    ModeratorPasswordChanged,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
    SessionEnded,
    SessionsEnded,
    TwoFactorBegun,
    TwoFactorIsOff,
    TwoFactorIsOn,
    TwoFactorReset,
    TwoFactorStepUsed,
    TwoFactorTurnedOff,
    TwoFactorTurnedOn,
    WrongCode,
)
from tests.given import NOW, SALES, SUPPORT, given

LAPTOP, PHONE, TABLET = UUID(int=1), UUID(int=2), UUID(int=3)


def anna() -> Moderator:
    return Moderator.invite(
        email="anna@example.org", name="Anna", role="moderator", departments=(SALES,), password_hash="old", now=NOW
    )


def holding(moderator: Moderator, since: int = 1) -> set[UUID]:
    return {session for session in (LAPTOP, PHONE, TABLET) if moderator.holds(session, since)}


ENDS: list[Callable[[Moderator], None]] = [
    lambda m: m.change_password("new", now=NOW),
    lambda m: m.change_role("admin", (SALES,), now=NOW),
    lambda m: m.end_sessions(now=NOW),
]


@pytest.mark.parametrize("ends", ENDS)
def test_what_changes_who_one_is_ends_every_session_before_it(ends: Callable[[Moderator], None]) -> None:
    moderator = given(anna()).aggregate
    assert holding(moderator) == {LAPTOP, PHONE, TABLET}
    ends(moderator)
    assert holding(moderator) == set()
    assert holding(moderator, since=moderator.version) == {LAPTOP, PHONE, TABLET}


def test_other_departments_end_no_session() -> None:
    moderator = given(anna(), lambda m: m.change_role("moderator", (SUPPORT,), now=NOW)).aggregate
    assert holding(moderator) == {LAPTOP, PHONE, TABLET}


def test_nobody_who_was_disabled_holds_a_session() -> None:
    moderator = given(anna(), lambda m: m.disable(now=NOW)).aggregate
    assert holding(moderator, since=moderator.version) == set()


def test_the_session_that_changes_the_password_stays_until_another_is_kept() -> None:
    moderator = given(anna())
    moderator.when(lambda m: m.change_password("new", keeping=LAPTOP, now=NOW)).then(ModeratorPasswordChanged)
    assert holding(moderator.aggregate) == {LAPTOP}
    moderator.when(lambda m: m.end_sessions(keeping=PHONE, now=NOW)).then(SessionsEnded)
    assert holding(moderator.aggregate) == {PHONE}
    moderator.when(lambda m: m.end_session(PHONE, now=NOW)).then(SessionEnded)
    assert holding(moderator.aggregate) == set()


def test_being_enabled_again_brings_no_session_back() -> None:
    moderator = given(anna())
    assert holding(moderator.aggregate) == {LAPTOP, PHONE, TABLET}
    moderator.when(lambda m: m.disable(now=NOW))
    moderator.when(lambda m: m.enable(now=NOW))
    assert holding(moderator.aggregate) == set()
    assert holding(moderator.aggregate, since=moderator.aggregate.version) == {LAPTOP, PHONE, TABLET}


def test_a_session_ends_once_and_is_remembered_for_as_long_as_it_could_last() -> None:
    moderator = given(anna())
    moderator.when(lambda m: m.end_session(LAPTOP, now=NOW)).then(SessionEnded)
    moderator.when(lambda m: m.end_session(LAPTOP, now=NOW)).then_nothing()
    assert holding(moderator.aggregate) == {PHONE, TABLET}
    moderator.when(lambda m: m.end_session(PHONE, now=NOW + SESSION_LIFE - timedelta(seconds=1)))
    assert holding(moderator.aggregate) == {TABLET}
    moderator.when(lambda m: m.end_session(TABLET, now=NOW + SESSION_LIFE))
    assert set(moderator.aggregate.ended.single) == {PHONE, TABLET}


def test_two_factor_counts_once_a_code_proved_it() -> None:
    moderator = given(anna())
    moderator.when(lambda m: m.turn_on_two_factor(7, ("a",), now=NOW)).then_refused(TwoFactorIsOff)
    moderator.when(lambda m: m.begin_two_factor("sealed 1", now=NOW)).then(TwoFactorBegun).now(two_factor=False)
    moderator.when(lambda m: m.begin_two_factor("sealed 2", now=NOW)).then(TwoFactorBegun).now(two_factor=False)
    moderator.when(lambda m: m.use_step(8, now=NOW)).then_refused(TwoFactorIsOff)
    moderator.when(lambda m: m.turn_on_two_factor(7, ("a", "b"), now=NOW)).then(TwoFactorTurnedOn).now(two_factor=True)
    assert moderator.aggregate.known_factor.secret == "sealed 2"
    moderator.when(lambda m: m.begin_two_factor("sealed 3", now=NOW)).then_refused(TwoFactorIsOn)
    moderator.when(lambda m: m.turn_on_two_factor(8, (), now=NOW)).then_refused(TwoFactorIsOn)


def with_two_factor() -> Moderator:
    moderator = anna()
    moderator.begin_two_factor("sealed", now=NOW)
    moderator.turn_on_two_factor(7, ("a", "b"), now=NOW)
    return moderator


def test_a_step_counts_once_and_none_before_it() -> None:
    moderator = given(with_two_factor())
    for used in (7, 6):
        moderator.when(lambda m, step=used: m.use_step(step, now=NOW)).then_refused(WrongCode)
    moderator.when(lambda m: m.use_step(9, now=NOW)).then(TwoFactorStepUsed)
    for used in (9, 8):
        moderator.when(lambda m, step=used: m.use_step(step, now=NOW)).then_refused(WrongCode)
    moderator.when(lambda m: m.use_step(10, now=NOW)).then(TwoFactorStepUsed)


def test_a_recovery_code_counts_once_and_until_there_are_new_ones() -> None:
    moderator = given(with_two_factor())
    moderator.when(lambda m: m.use_recovery_code("c", now=NOW)).then_refused(WrongCode)
    moderator.when(lambda m: m.use_recovery_code("a", now=NOW)).then(RecoveryCodeUsed)
    moderator.when(lambda m: m.use_recovery_code("a", now=NOW)).then_refused(WrongCode)
    moderator.when(lambda m: m.renew_recovery_codes(("c",), now=NOW)).then(RecoveryCodesRenewed)
    moderator.when(lambda m: m.use_recovery_code("b", now=NOW)).then_refused(WrongCode)
    moderator.when(lambda m: m.use_recovery_code("c", now=NOW)).then(RecoveryCodeUsed)


def test_two_factor_is_switched_off_once() -> None:
    moderator = given(with_two_factor())
    moderator.when(lambda m: m.turn_off_two_factor(now=NOW)).then(TwoFactorTurnedOff).now(two_factor=False)
    moderator.when(lambda m: m.turn_off_two_factor(now=NOW)).then_nothing()


def test_a_factor_that_is_reset_is_gone_and_every_session_with_it() -> None:
    moderator = given(with_two_factor())
    assert holding(moderator.aggregate) == {LAPTOP, PHONE, TABLET}
    moderator.when(lambda m: m.reset_two_factor(now=NOW)).then(TwoFactorReset).now(two_factor=False)
    assert holding(moderator.aggregate) == set()
    moderator.when(lambda m: m.reset_two_factor(now=NOW)).then_nothing()


def test_a_factor_that_was_only_begun_is_none_to_reset() -> None:
    moderator = given(anna(), lambda m: m.begin_two_factor("sealed", now=NOW))
    moderator.when(lambda m: m.reset_two_factor(now=NOW)).then_nothing()
    moderator.when(lambda m: m.use_recovery_code("a", now=NOW)).then_refused(TwoFactorIsOff)
    moderator.when(lambda m: m.renew_recovery_codes((), now=NOW)).then_refused(TwoFactorIsOff)
