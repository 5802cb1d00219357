"""What a source may have, and how it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.channels.table import CHANNELS
from pulse.errors import BadInput
from pulse.outside import ForbiddenAddress
from pulse.sources.connecting import new_secret
from pulse.sources.fields import (
    FOR_ALL,
    NotASecret,
    NotItsField,
    UnknownChannel,
    channel_named,
    require_fields,
    spelled,
)

NOWHERE = frozenset[str]()


def test_a_channel_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UnknownChannel, match=r"There is no channel 'fax'\. Channels are: telegram, vk, simulator, web\."
    ):
        channel_named("fax")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_takes_its_own_fields_and_no_others(channel: str) -> None:
    driver = CHANNELS[channel]
    secrets = dict.fromkeys(driver.secret_names, "a-s3cret")
    require_fields(channel, settings=(*driver.setting_names, *FOR_ALL), secrets=secrets)
    for wrong in ("mode", "secret", "token"):
        with pytest.raises(NotItsField):
            require_fields(channel, settings=(wrong,), secrets={})
    with pytest.raises(NotItsField):
        require_fields(channel, secrets={"origins": "x"})


@pytest.mark.parametrize(
    ("channel", "name", "secret"),
    [
        ("telegram", "secret", "seven-7"), ("telegram", "next_secret", "seven-7"), ("simulator", "secret", "seven 7"),
        ("telegram", "secret", "with a space"), ("telegram", "secret", "x" * 257), ("telegram", "next_secret", "ю"),
        ("vk", "secret", "x" * 51), ("vk", "token", ""), ("simulator", "secret", "a\0b"), ("vk", "token", "x" * 4001),
    ],
)  # fmt: skip
def test_a_secret_that_its_provider_would_not_take_is_refused_and_not_repeated(
    channel: str, name: str, secret: str
) -> None:
    with pytest.raises(NotASecret) as refused:
        require_fields(channel, secrets={name: secret})
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize("channel", [name for name, driver in CHANNELS.items() if "secret" in driver.secret_names])
def test_every_provider_takes_the_secrets_that_are_made_up(channel: str) -> None:
    require_fields(channel, secrets={"secret": new_secret()})


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ({"origins": " https://Shop.example/  http://localhost:3000 "}, "https://shop.example http://localhost:3000"),
        ({"file_types": "image/* Application/PDF"}, "image/* application/pdf"),
        ({"file_limit_mb": "020"}, "20"), ({"file_limit_mb": "0"}, ""), ({"behaviour": "busy 5"}, "busy 5"),
        ({"api_url": "http://127.0.0.1:8081"}, "http://127.0.0.1:8081"), ({"confirmation": " c0de "}, "c0de"),
        ({"behaviour": ""}, ""), ({"api_url": ""}, ""), ({"origins": ""}, ""),
    ],
)  # fmt: skip
def test_settings_are_kept_as_they_are_used(given_: dict[str, str], kept: str) -> None:
    assert list(spelled(given_).values()) == [kept]


@pytest.mark.parametrize(
    "wrong",
    [
        {"origins": "https://shop.example/page"}, {"file_types": "pdf"}, {"file_limit_mb": "201"},
        {"file_limit_mb": "-1"}, {"file_limit_mb": "²"}, {"behaviour": "sulky"}, {"api_url": "ftp://x"},
        {"api_url": "https://user@x/"}, {"confirmation": "a\0b"}, {"confirmation": "x" * 4001},
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_that_can_not_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        spelled(wrong)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "https://127.0.0.1/",
        "http://api.example/",
        "https://api.example:6379/",
        "https://[::1]/",
    ],
)
def test_whoever_is_not_at_the_machine_names_addresses_outside_only(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        spelled({"api_url": url}, NOWHERE)
    assert spelled({"api_url": url}) == {"api_url": url}
    assert spelled({"api_url": "http://bot-api:8081"}, frozenset({"bot-api:8081"}))
    assert spelled({"api_url": "https://api.example/"}, NOWHERE)


@given(st.dictionaries(st.sampled_from(["origins", "file_types", "file_limit_mb", "behaviour", "api_url"]), st.text()))
def test_whatever_is_given_is_kept_or_refused_as_bad_input(settings: dict[str, str]) -> None:
    try:
        kept = spelled(settings, NOWHERE)
    except BadInput:
        return
    assert spelled(kept, NOWHERE) == kept
