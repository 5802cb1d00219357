"""Telegram's id_token: ours, now, for this flow, signed as it must be by a key that Telegram shows."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from pulse.outside import NoAnswer
from pulse.ways import Flow, NotSignedIn, challenge_of
from pulse.ways.calls import Calls
from pulse.ways.key_set import Keys
from pulse.ways.telegram_oidc import TelegramOidc
from tests.fakes.provider import MOODS, a_provider
from tests.fakes.telegram_login import CLAIMS, LOGIN, FakeTelegramLogin, a_telegram_login

BACK = "https://chat.example.org/auth/telegram/callback"
JWKS = "/.well-known/jwks.json"


def now() -> datetime:
    return datetime.now(UTC)


def a_flow() -> Flow:
    return Flow.begin("telegram", "oidc", goes_to="", session="", now=now())


@dataclass
class World:
    telegram: FakeTelegramLogin
    way: TelegramOidc
    flow: Flow = field(default_factory=a_flow)

    def code(self) -> str:
        """As if somebody had agreed."""
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(self.way.address(self.flow, BACK)).query).items()
        }
        code = f"code-{len(self.telegram.asked)}"
        self.telegram.codes[code] = asked
        return code

    async def identify(self) -> Any:
        return await self.way.identify({"code": self.code(), "state": self.flow.state}, self.flow, BACK)


def way_to(address: str, client_id: str, secret: str) -> TelegramOidc:
    calls = Calls(address, frozenset({urlsplit(address).netloc}))
    return TelegramOidc(client_id, secret.encode(), now, calls)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_telegram_login() as telegram:
        yield World(telegram, way_to(telegram.address, telegram.client_id, telegram.secret))


async def test_the_person_is_the_id_of_the_bot_api_and_not_the_subject(world: World) -> None:
    theirs = await world.identify()
    assert (theirs.external_id, theirs.name, theirs.once) == ("5230011842", "Анна Кедрова", "")
    assert theirs.external_id != CLAIMS["sub"]


def test_the_challenge_is_that_of_the_standard() -> None:
    vector = orjson.loads((LOGIN / "pkce_vector.json").read_bytes())
    assert challenge_of(vector["code_verifier"]) == vector["code_challenge"]


def test_each_flow_has_secrets_of_its_own_in_the_letters_that_everybody_takes() -> None:
    one, other = a_flow(), a_flow()
    for secret in ("state", "verifier", "nonce"):
        assert getattr(one, secret) != getattr(other, secret)
        assert set(getattr(one, secret)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(one.state) >= 32
    assert 43 <= len(one.verifier) <= 128


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://oauth.telegram.org.evil.example"}, {"iss": "https://oauth.telegram.org/"}, {"iss": None},
        {"aud": "7000000002"}, {"aud": None}, {"aud": ["7000000002"]}, {"aud": 7000000001}, {"aud": [CLAIMS["aud"], "7000000002"]}, {"aud": []},
        {"exp": 1795165200 - 400_000_000}, {"exp": None}, {"exp": "never"},
        {"iat": 4_000_000_000}, {"iat": None},
        {"nonce": "n-0S6_WzA2Mj"}, {"nonce": None}, {"nonce": ""}, {"nonce": 5},
        {"id": None}, {"id": True}, {"id": 0}, {"id": -5}, {"id": "a"}, {"id": 1.5}, {"id": [5]}, {"id": 10**30},
    ],
    ids=str,
)  # fmt: skip
async def test_claims_that_are_not_ours_now_for_this_flow_are_refused(world: World, claims: dict[str, Any]) -> None:
    world.telegram.claims = claims
    with pytest.raises(NotSignedIn):
        await world.identify()
    assert world.telegram.tokens, "it was never asked for"


def part(says: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(says)).decode().rstrip("=")


def unsigned(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'kid': telegram.key.kid})}.{part(claims)}."


def with_the_public_key_as_a_secret(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    signed = f"{part({'alg': 'HS256', 'kid': telegram.key.kid})}.{part(claims)}"
    mac = hmac.digest(telegram.key.as_pem(private=False), signed.encode(), sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def by_a_strangers_key(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": telegram.key.kid}, claims, RSAKey.generate_key(2048))


def by_a_key_it_brings_along(_: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    own = RSAKey.generate_key(2048, {"kid": "mine"})
    return jwt.encode({"alg": "RS256", "kid": "mine", "jwk": own.as_dict(private=False)}, claims, own)


def in_another_algorithm(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS512", "kid": telegram.key.kid}, claims, telegram.key, algorithms=["RS512"])


def without_a_key_named(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256"}, claims, telegram.key)


def cut_short(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return FakeTelegramLogin.sign(telegram, claims)[:-8]


def with_other_claims(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    head, _, signature = FakeTelegramLogin.sign(telegram, claims).split(".")
    return f"{head}.{part(claims | {'id': 1})}.{signature}"


def nonsense(_: FakeTelegramLogin, __: dict[str, Any]) -> str:
    return "eyJ.demo.sig"


def too_long(telegram: FakeTelegramLogin, claims: dict[str, Any]) -> str:
    return FakeTelegramLogin.sign(telegram, claims | {"name": "x" * 20_000})


@pytest.mark.parametrize(
    "sign",
    [
        unsigned, with_the_public_key_as_a_secret, by_a_strangers_key, by_a_key_it_brings_along, in_another_algorithm,
        without_a_key_named, cut_short, with_other_claims, nonsense, too_long,
    ],
)  # fmt: skip
async def test_a_token_that_is_not_signed_as_it_must_be_is_refused(
    world: World, sign: Callable[[FakeTelegramLogin, dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.telegram, "sign", lambda claims: sign(world.telegram, claims))
    with pytest.raises(NotSignedIn):
        await world.identify()
    assert world.telegram.tokens, "it was never asked for"


async def test_keys_are_kept_and_fetched_again_when_telegram_takes_another(world: World) -> None:
    for _ in range(3):
        await world.identify()
    assert world.telegram.asked.count(JWKS) == 1
    world.telegram.rotate()
    assert (await world.identify()).external_id == "5230011842"
    assert world.telegram.asked.count(JWKS) == 2


async def test_made_up_names_of_keys_cause_few_fetches_and_old_keys_leave_in_an_hour() -> None:
    async with a_telegram_login() as telegram:
        clock = [0.0]
        calls = Calls(telegram.address, frozenset({urlsplit(telegram.address).netloc}))
        keys = Keys(calls, JWKS, lambda: clock[0])
        for number in range(50):
            await keys.naming(f"made up {number}")
        assert telegram.asked.count(JWKS) == 4  # the first one, and three for strangers
        old, clock[0] = telegram.key.kid, 3599.0
        telegram.rotate()
        assert old in {key.kid for key in await keys.naming(str(old))}
        clock[0] = 3600.0
        assert {key.kid for key in await keys.naming(str(old))} == {telegram.key.kid}


@pytest.mark.parametrize(
    "fields", [{}, {"code": ""}, {"code": "unknown"}, {"code": "x" * 3000}, {"error": "access_denied"}], ids=str
)
async def test_without_a_code_that_telegram_gave_nobody_is_signed_in(world: World, fields: dict[str, str]) -> None:
    with pytest.raises(NotSignedIn):
        await world.way.identify({"state": world.flow.state, **fields}, world.flow, BACK)


async def test_a_code_counts_with_its_own_verifier_address_and_secret(world: World) -> None:
    fields = {"code": world.code(), "state": world.flow.state}
    with pytest.raises(NotSignedIn):
        await world.way.identify(fields, a_flow(), BACK)
    with pytest.raises(NotSignedIn):
        await world.way.identify({"code": world.code()}, world.flow, BACK + "2")
    stranger = way_to(world.telegram.address, world.telegram.client_id, "wrong")
    with pytest.raises(NotSignedIn):
        await stranger.identify({"code": world.code()}, world.flow, BACK)


@pytest.mark.parametrize("state", ["", "x", None])
def test_an_answer_to_another_flow_is_refused(state: str | None) -> None:
    way, flow = way_to("http://127.0.0.1:9", "7", "s"), a_flow()
    for fields in ({"code": "c"} if state is None else {"code": "c", "state": state}, {"state": a_flow().state}):
        with pytest.raises(NotSignedIn):
            way.require_own(fields, flow)
    way.require_own({"state": flow.state}, flow)


@pytest.mark.parametrize("mood", MOODS)
async def test_whatever_else_it_answers_nobody_is_signed_in(mood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulse.ways.calls.SECONDS", 0.5)
    async with a_provider(MOODS[mood]) as provider:
        way = way_to(provider.address, "7", "a-secret-of-ours")
        flow = a_flow()
        with pytest.raises((NoAnswer, NotSignedIn)) as said:
            await way.identify({"code": "a-code", "state": flow.state}, flow, BACK)
        assert not any(hidden in repr(said.value) for hidden in ("a-code", "a-secret-of-ours", flow.verifier))
        assert (said.value.__cause__, provider.drained) == (None, False)


async def test_it_goes_to_no_address_inside_unless_it_is_trusted() -> None:
    async with a_telegram_login() as telegram:
        way = TelegramOidc("7", b"s", now, Calls(telegram.address, frozenset()))
        flow = a_flow()
        with pytest.raises(NoAnswer):
            await way.identify({"code": "c", "state": flow.state}, flow, BACK)
        assert telegram.asked == []
