"""Tokens: who they name, how long, and everything they are not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse.errors import NotAuthentic
from pulse.tokens import (
    CHALLENGE_LIFE,
    CHANNEL_TOKEN_LIFE,
    CHAT_TOKEN_LIFE,
    DEVICE_LIFE,
    NO_SESSION,
    STAFF_LIFE,
    Challenge,
    Device,
    Session,
    Signer,
    Staff,
    Visit,
)

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SIGNER = Signer(b"s" * 32, b"v" * 32, b"p" * 32)
OTHER = Signer(b"S" * 32, b"V" * 32, b"P" * 32)
ANNA = UUID(int=1)
VERA = Visit(UUID(int=2), UUID(int=3), "peer", "Вера", UUID(int=4), int(NOW.timestamp()))
A_SECOND = timedelta(seconds=1)


def test_a_visitors_token_says_whose_chat_it_is() -> None:
    assert SIGNER.read_chat_token(SIGNER.chat_token(VERA), NOW) == VERA
    assert SIGNER.read_channel_token(SIGNER.channel_token(VERA), NOW) == VERA


def test_a_visitors_token_fits_into_a_url() -> None:
    assert set(SIGNER.chat_token(VERA)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_token_for_one_use_is_none_for_the_other() -> None:
    with pytest.raises(NotAuthentic):
        SIGNER.read_channel_token(SIGNER.chat_token(VERA), NOW)
    with pytest.raises(NotAuthentic):
        SIGNER.read_chat_token(SIGNER.channel_token(VERA), NOW)


def test_another_installations_token_is_none_here() -> None:
    with pytest.raises(NotAuthentic):
        SIGNER.read_chat_token(OTHER.chat_token(VERA), NOW)
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(OTHER.staff_token(ANNA, NOW), NOW)


def test_a_channel_token_lives_a_day_and_a_chat_token_half_a_year() -> None:
    assert timedelta(hours=24) == CHANNEL_TOKEN_LIFE
    SIGNER.read_channel_token(SIGNER.channel_token(VERA), NOW + CHANNEL_TOKEN_LIFE)
    SIGNER.read_chat_token(SIGNER.chat_token(VERA), NOW + CHAT_TOKEN_LIFE)
    with pytest.raises(NotAuthentic, match="expired"):
        SIGNER.read_channel_token(SIGNER.channel_token(VERA), NOW + CHANNEL_TOKEN_LIFE + A_SECOND)
    with pytest.raises(NotAuthentic, match="expired"):
        SIGNER.read_chat_token(SIGNER.chat_token(VERA), NOW + CHAT_TOKEN_LIFE + A_SECOND)


def test_a_token_from_tomorrow_is_none() -> None:
    with pytest.raises(NotAuthentic):
        SIGNER.read_chat_token(SIGNER.chat_token(VERA), NOW - timedelta(hours=1))


@given(place=st.integers(0, 10_000), letter=st.characters(codec=None))
def test_a_changed_letter_spoils_a_visitors_token(place: int, letter: str) -> None:
    token = SIGNER.chat_token(VERA)
    place %= len(token)
    spoiled = token[:place] + letter + token[place + 1 :]
    if spoiled != token:
        with pytest.raises(NotAuthentic):
            SIGNER.read_chat_token(spoiled, NOW)


@given(token=st.text(st.characters(codec=None), max_size=64) | st.text(st.characters(codec=None)).map("v1.{}.x".format))
@settings(max_examples=300)
def test_any_text_is_a_token_or_not_authentic(token: str) -> None:
    for read in (SIGNER.read_chat_token, SIGNER.read_channel_token, SIGNER.read_staff_token):
        with pytest.raises(NotAuthentic):
            read(token, NOW)


@pytest.mark.parametrize("letter", ["\ud800", "é", "\0"])
def test_a_letter_that_no_token_has_is_none_anywhere(letter: str) -> None:
    parts = SIGNER.chat_token(VERA).split(".")
    for place in range(3):
        odd = ".".join(part + letter if number == place else part for number, part in enumerate(parts))
        with pytest.raises(NotAuthentic):
            SIGNER.read_chat_token(odd, NOW)
        with pytest.raises(NotAuthentic):
            SIGNER.read_staff_token(odd, NOW)


def test_a_token_with_something_after_it_is_none() -> None:
    for more in (".", "=", " ", ".x", "\n", "A" * 5000):
        with pytest.raises(NotAuthentic):
            SIGNER.read_chat_token(SIGNER.chat_token(VERA) + more, NOW)


def test_a_moderators_token_lives_five_minutes() -> None:
    assert timedelta(minutes=5) == STAFF_LIFE
    token = SIGNER.staff_token(ANNA, NOW)
    assert SIGNER.read_staff_token(token, NOW) == Staff(ANNA, NO_SESSION)
    assert SIGNER.read_staff_token(token, NOW + STAFF_LIFE - A_SECOND).person == ANNA
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(token, NOW + STAFF_LIFE + 6 * A_SECOND)  # five seconds for clocks that differ


def test_a_moderators_token_names_its_algorithm_and_who_it_is_for() -> None:
    header, claims, _ = SIGNER.staff_token(ANNA, NOW).split(".")
    assert parsed(header) == {"alg": "HS256", "typ": "JWT"}
    issued = int(NOW.timestamp())
    assert parsed(claims) == {
        "sub": ANNA.hex, "iss": "pulse", "aud": "staff", "iat": issued, "exp": issued + 300,
        "session": {"id": UUID(int=0).hex, "since": 0, "until": 2**53},
    }  # fmt: skip


def test_a_moderators_token_names_its_session() -> None:
    session = Session(UUID(int=5), 7, int(NOW.timestamp()) + 1000)
    assert SIGNER.read_staff_token(SIGNER.staff_token(ANNA, NOW, session), NOW) == Staff(ANNA, session)


def test_a_challenge_lives_five_minutes_and_is_nothing_else() -> None:
    challenge = Challenge(ANNA, 3, int(NOW.timestamp()))
    token = SIGNER.challenge(challenge)
    assert SIGNER.read_challenge(token, NOW + CHALLENGE_LIFE) == challenge
    assert SIGNER.read_device_token(token, NOW) is None
    for spoiled, at in (
        (token, NOW + CHALLENGE_LIFE + A_SECOND),
        (token[:-1] + "x", NOW),
        (SIGNER.chat_token(VERA), NOW),
    ):
        with pytest.raises(NotAuthentic):
            SIGNER.read_challenge(spoiled, at)


def test_a_browser_is_known_for_a_year() -> None:
    device = Device(UUID(int=6), ANNA, int(NOW.timestamp()))
    token = SIGNER.device_token(device)
    assert SIGNER.read_device_token(token, NOW + DEVICE_LIFE) == device
    assert SIGNER.read_device_token(token, NOW + DEVICE_LIFE + A_SECOND) is None
    assert SIGNER.read_device_token(SIGNER.challenge(Challenge(ANNA, 3, device.issued)), NOW) is None
    assert SIGNER.read_device_token("", NOW) is SIGNER.read_device_token("v1.x.y", NOW) is None


def test_no_visitors_token_is_a_moderators() -> None:
    for token in (SIGNER.chat_token(VERA), SIGNER.channel_token(VERA)):
        with pytest.raises(NotAuthentic):
            SIGNER.read_staff_token(token, NOW)


@given(place=st.integers(0, 10_000), letter=st.sampled_from("ABCxyz019-_.="))
def test_a_changed_letter_spoils_a_moderators_token(place: int, letter: str) -> None:
    token = SIGNER.staff_token(ANNA, NOW)
    place %= len(token) - 1  # the last letter of base64 has spare bits
    spoiled = token[:place] + letter + token[place + 1 :]
    if spoiled != token:
        with pytest.raises(NotAuthentic):
            SIGNER.read_staff_token(spoiled, NOW)


VECTORS = [
    ("private-foobar", None, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
    (
        "presence-foobar",
        '{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
        "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
    ),
    (
        "presence-foobar",
        '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}',
        "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
    ),
]


@pytest.mark.parametrize(("channel", "channel_data", "signature"), VECTORS)
def test_subscriptions_are_signed_as_pusher_documents_it(
    channel: str, channel_data: str | None, signature: str
) -> None:
    """https://pusher.com/docs/channels/library_auth_reference/auth-signatures/"""
    signer = Signer(b"s" * 32, b"v" * 32, b"7ad3773142a6692b25b8")
    signed = signer.subscription("278d425bdf160c739803", "1234.1234", channel, channel_data)
    assert signed == f"278d425bdf160c739803:{signature}"


def test_a_user_signs_in_as_pusher_documents_it() -> None:
    """https://pusher.com/docs/channels/library_auth_reference/auth-signatures/#user-authentication"""
    signer = Signer(b"s" * 32, b"v" * 32, b"7ad3773142a6692b25b8")
    signature = "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    signed = signer.user_sign_in("278d425bdf160c739803", "1234.1234", '{"id":"12345"}')
    assert signed == f"278d425bdf160c739803:{signature}"


def parsed(part: str) -> object:
    return orjson.loads(base64.urlsafe_b64decode(part + "=="))
