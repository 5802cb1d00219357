"""How requests of other programs are signed: Pusher's own example, and all that does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.errors import NotAuthentic
from pulse.pusher_app import TOLERANCE_SECONDS, PusherApp, WrongBody, WrongTime, md5, text_to_sign

# https://pusher.com/docs/channels/library_auth_reference/rest-api/#worked-authentication-example
THEIRS = PusherApp("278d425bdf160c739803", "7ad3773142a6692b25b8", b"", "3")
SIGNATURE = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
BODY = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
QUERY = [
    ("auth_key", THEIRS.key), ("auth_timestamp", "1353088179"), ("auth_version", "1.0"),
    ("body_md5", "ec365a775a4cd0599faeb73354201b6f"), ("auth_signature", SIGNATURE),
]  # fmt: skip
PATHS = ["/apps/3/events"]
NOW = 1353088179.0

OURS = PusherApp("pulse", "secret", b"")


def test_pushers_own_example_is_authentic() -> None:
    THEIRS.require_signed("POST", PATHS, QUERY, BODY, NOW)


@pytest.mark.parametrize("now", [NOW - TOLERANCE_SECONDS, NOW + TOLERANCE_SECONDS])
def test_it_is_good_for_ten_minutes_and_as_often_as_it_comes(now: float) -> None:
    for _ in range(2):
        THEIRS.require_signed("POST", PATHS, QUERY, BODY, now)


@pytest.mark.parametrize("now", [NOW - TOLERANCE_SECONDS - 1, NOW + TOLERANCE_SECONDS + 1])
def test_but_no_longer(now: float) -> None:
    with pytest.raises(WrongTime):
        THEIRS.require_signed("POST", PATHS, QUERY, BODY, now)


def test_another_body_is_found_out() -> None:
    with pytest.raises(WrongBody):
        THEIRS.require_signed("POST", PATHS, QUERY, BODY + b" ", NOW)


def test_a_body_without_its_digest_is_nobodys() -> None:
    signed = OURS.signed_query("POST", "/apps/1/events", [], b"", NOW)
    OURS.require_signed("POST", ["/apps/1/events"], signed, b"", NOW)
    with pytest.raises(WrongBody):
        OURS.require_signed("POST", ["/apps/1/events"], signed, b"{}", NOW)


@pytest.mark.parametrize("name", [name for name, _ in QUERY])
@pytest.mark.parametrize("value", [None, "", "x", "ж", "\udc80", "1353088179"])
def test_whatever_is_missing_or_changed_it_fits_no_more(name: str, value: str | None) -> None:
    if (name, value) in QUERY:
        return
    changed = [(one, value if one == name else said) for one, said in QUERY]
    with pytest.raises(NotAuthentic):
        THEIRS.require_signed("POST", PATHS, [(one, said) for one, said in changed if said is not None], BODY, NOW)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "१३५३०८८१७९", "9" * 5000])
def test_a_time_that_is_none_is_as_wrong_as_another(stamp: str) -> None:
    query = [("auth_key", "pulse"), ("auth_version", "1.0"), ("auth_timestamp", stamp)]
    signature = OURS.signature(text_to_sign("GET", "/x", query))
    with pytest.raises(WrongTime):
        OURS.require_signed("GET", ["/x"], [*query, ("auth_signature", signature)], b"", NOW)


def test_another_method_or_path_is_another_request() -> None:
    for method, path in (("GET", "/apps/3/events"), ("POST", "/apps/3/batch_events"), ("POST", "/apps/3/events/")):
        with pytest.raises(NotAuthentic):
            THEIRS.require_signed(method, [path], QUERY, BODY, NOW)


def test_names_are_lowered_and_sorted_and_values_are_left_as_they_are() -> None:
    asked = [("Info", "a,b&c=d"), ("filter_by_prefix", "presence- é"), ("auth_signature", "left out")]
    assert text_to_sign("GET", "/x", asked) == "GET\n/x\nfilter_by_prefix=presence- é&info=a,b&c=d".encode()


@given(path=st.text(max_size=20), value=st.text(max_size=50), body=st.binary(max_size=50))
def test_what_is_signed_here_is_authentic_here(path: str, value: str, body: bytes) -> None:
    signed = OURS.signed_query("POST", path, [("info", value)], body, NOW)
    OURS.require_signed("POST", ["/elsewhere", path], signed, body, NOW)
    assert ("body_md5", md5(body)) in signed or not body


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(OURS).replace("secret=", "")
