"""Signed posts: the recorded vectors with their outcomes, every scheme, and headers that mean harm."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from starlette.datastructures import Headers

from pulse.errors import NotAuthentic
from pulse.signatures import SCHEMES, SIGNATURES, NotAKey, Scheme

VECTORS = {
    file.stem: orjson.loads(file.read_bytes()) for file in Path(__file__).parent.glob("payloads/webhooks/*.json")
}
SIGNED = {name: vector for name, vector in VECTORS.items() if not name.startswith("ce_")}
NOW = 1614265330
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret, as long as it is").decode()
BODY = b'{"test": 2432232314}'
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OK = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(NOW), "webhook-signature": GOOD}


def fits(
    headers: dict[str, str], body: bytes = BODY, *secrets: str, scheme: str = "standard", now: float = NOW
) -> bool:
    """Is the post authentic? Headers are what the wire brings, Latin-1."""
    found, raw = SCHEMES[scheme], [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
    try:
        found.verify([found.key(secret) for secret in secrets or (SECRET,)], Headers(raw=raw), body, now)
    except NotAuthentic:
        return False
    return True


def scheme_of(name: str) -> str:
    kind = name.partition("_")[0]
    return "standard" if kind == "sw" else kind


@pytest.mark.parametrize("name", SIGNED)
def test_a_recorded_vector_has_the_outcome_it_states(name: str) -> None:
    vector = SIGNED[name]
    secrets = [*vector.get("secrets", ()), *vector.get("public_keys", ()), *filter(None, [vector.get("secret")])]
    accepted = fits(
        vector["headers"], vector["body"].encode(), *secrets, scheme=scheme_of(name), now=vector.get("now", NOW)
    )
    assert accepted is vector["expect"].startswith("accept")


def test_every_recorded_vector_is_somewhere() -> None:
    assert len(VECTORS) == 25
    assert len(SIGNED) == 19


# What a stranger could try; each differs from a good post in one thing.


@pytest.mark.parametrize(
    "spoilt",
    [
        {"webhook-timestamp": ""}, {"webhook-timestamp": "-1614265330"}, {"webhook-timestamp": "+1614265330"},
        {"webhook-timestamp": "1614265330.0"}, {"webhook-timestamp": " 1614265330"}, {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "1614265330\x00"}, {"webhook-timestamp": "\xb2"}, {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 13}, {"webhook-timestamp": "9" * 5000}, {"webhook-timestamp": "0x6037b4f2"},
        {"webhook-timestamp": "01614265330"}, {"webhook-id": ""}, {"webhook-id": "a.b"}, {"webhook-id": "\xe9\xff"},
        {"webhook-id": "x" * 257}, {"webhook-id": OK["webhook-id"] + " "}, {"webhook-id": "{timestamp}"},
        {"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-signature": "v1"}, {"webhook-signature": ","},
        {"webhook-signature": "v2," + GOOD[3:]}, {"webhook-signature": GOOD[3:]}, {"webhook-signature": "v1,\xff\xfe"},
        {"webhook-signature": "v1," + "A" * 10_000}, {"webhook-signature": "v1a," + GOOD[3:]},
        {"webhook-signature": GOOD[:-1]}, {"webhook-signature": GOOD.lower()}, {"webhook-signature": "v1,====" },
        {"webhook-signature": GOOD.replace(",", ", ")}, {"webhook-signature": " ".join(["v1,AAAA"] * SIGNATURES + [GOOD])},
        {"webhook-signature": "v1a," + "A" * 88},
    ],
)  # fmt: skip
def test_a_spoilt_header_fits_nothing_and_raises_nothing_else(spoilt: dict[str, str]) -> None:
    assert fits(OK)
    assert not fits(OK | spoilt)


@pytest.mark.parametrize("missing", OK)
def test_every_header_is_needed(missing: str) -> None:
    assert not fits({name: text for name, text in OK.items() if name != missing})


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY[:-1], b"\xff" + BODY, BODY.replace(b"2", b"3", 1)])
def test_another_body_does_not_fit(body: bytes) -> None:
    assert not fits(OK, body)


@pytest.mark.parametrize(("apart", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_post_is_good_for_five_minutes_either_way(apart: int, accepted: bool) -> None:
    assert fits(OK, now=NOW + apart) is accepted


def test_ten_signatures_are_looked_at() -> None:
    assert fits(OK | {"webhook-signature": " ".join(["v1,AAAA"] * (SIGNATURES - 1) + [GOOD])})


def test_any_of_several_secrets_will_do() -> None:
    assert fits(OK, BODY, OTHER, SECRET)
    assert fits(OK, BODY, SECRET, OTHER)
    assert not fits(OK, BODY, OTHER)


def test_a_shared_secret_is_no_public_key_and_the_other_way_round() -> None:
    """A public key is no secret: what is signed with it as if it were one must not open the door."""
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes_raw()
    signed = f"{OK['webhook-id']}.{NOW}.".encode() + BODY
    key = "whpk_" + base64.b64encode(public).decode()
    real = "v1a," + base64.b64encode(pair.sign(signed)).decode()
    forged = base64.b64encode(hmac.digest(public, signed, hashlib.sha256)).decode()
    assert fits(OK | {"webhook-signature": real}, BODY, key)
    assert not fits(OK | {"webhook-signature": real.replace("v1a", "v1")}, BODY, key)
    assert not fits(OK | {"webhook-signature": f"v1,{forged}"}, BODY, key)
    assert not fits(OK | {"webhook-signature": f"v1a,{forged}"}, BODY, key)


@given(st.binary(max_size=300), st.text("abcdefgh_0123456789-", min_size=1, max_size=50))
def test_what_the_reference_library_signs_fits(body: bytes, delivery: str) -> None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return  # the library takes text only
    made = Webhook(SECRET).sign(delivery, datetime.fromtimestamp(NOW, UTC), text)
    assert fits({"webhook-id": delivery, "webhook-timestamp": str(NOW), "webhook-signature": made}, body)


LATIN = st.text(st.characters(max_codepoint=255), max_size=200)


@given(st.sampled_from(list(SCHEMES)), st.dictionaries(st.sampled_from([
    "webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature", "x-hub-signature-256",
    "stripe-signature", "x-slack-signature", "x-slack-request-timestamp", "x-shopify-hmac-sha256",
]), LATIN | LATIN.map("v1,{}".format) | LATIN.map("t=1614265330,v1={}".format) | LATIN.map("sha256={}".format)), st.binary(max_size=50))  # fmt: skip
def test_no_header_raises_anything_but_not_authentic(scheme: str, headers: dict[str, str], body: bytes) -> None:
    assert not fits(headers, body, SECRET, scheme=scheme)


# The other schemes, signed here as their documents say.


def elsewhere(scheme: str, body: bytes = BODY, at: int = NOW, secret: str = "s3cret") -> dict[str, str]:
    def mac(signed: bytes) -> Any:
        return hmac.new(secret.encode(), signed, hashlib.sha256)

    match scheme:
        case "github":
            return {"x-hub-signature-256": "sha256=" + mac(body).hexdigest()}
        case "stripe":
            return {"stripe-signature": f"t={at},v1={mac(f'{at}.'.encode() + body).hexdigest()}"}
        case "slack":
            made = mac(f"v0:{at}:".encode() + body).hexdigest()
            return {"x-slack-signature": f"v0={made}", "x-slack-request-timestamp": str(at)}
        case "shopify":
            return {"x-shopify-hmac-sha256": base64.b64encode(mac(body).digest()).decode()}
        case _:
            return {name.replace("webhook", "svix"): text for name, text in OK.items()}


OTHERS = [name for name in SCHEMES if name != "standard"]


def the_secret(scheme: str) -> str:
    return SECRET if scheme == "svix" else "s3cret"


@pytest.mark.parametrize("scheme", OTHERS)
def test_a_scheme_takes_its_own_signature_for_this_body_and_secret_only(scheme: str) -> None:
    headers = elsewhere(scheme)
    assert fits(headers, BODY, the_secret(scheme), scheme=scheme)
    assert not fits(headers, BODY + b" ", the_secret(scheme), scheme=scheme)
    assert not fits(headers, BODY, OTHER, scheme=scheme)
    assert not fits({}, BODY, the_secret(scheme), scheme=scheme)


@pytest.mark.parametrize("scheme", ["svix", "stripe", "slack"])
def test_where_there_is_a_timestamp_an_old_post_does_not_fit(scheme: str) -> None:
    assert not fits(elsewhere(scheme), BODY, the_secret(scheme), scheme=scheme, now=NOW + 301)


def test_a_stripe_timestamp_that_was_not_signed_does_not_fit() -> None:
    header = elsewhere("stripe")["stripe-signature"]
    for moved in (header.replace("t=1", "t=2"), f"t={NOW + 600},{header}", header.split(",", 1)[1]):
        assert not fits({"stripe-signature": moved}, BODY, "s3cret", scheme="stripe")


@pytest.mark.parametrize(
    "secret",
    [
        "", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "whsec_" + base64.b64encode(b"x" * 65).decode(), "whpk_AAAA",
        "whsk_" + base64.b64encode(b"x" * 64).decode(), "whpk_" + base64.b64encode(b"x" * 33).decode(), "whsec_\u0436",
    ],
)  # fmt: skip
def test_what_is_no_standard_secret_is_refused(secret: str) -> None:
    with pytest.raises(NotAKey):
        SCHEMES["standard"].key(secret)


@pytest.mark.parametrize("scheme", ["github", "stripe", "slack", "shopify"])
def test_elsewhere_a_secret_is_any_text_but_none(scheme: str) -> None:
    found: Scheme = SCHEMES[scheme]
    assert found.key("whsec_pulse_demo").secret == b"whsec_pulse_demo"
    for wrong in ("", "x" * 257):
        with pytest.raises(NotAKey):
            found.key(wrong)


def test_a_key_does_not_show_its_secret() -> None:
    assert "a-text" not in repr(SCHEMES["github"].key("a-text"))
