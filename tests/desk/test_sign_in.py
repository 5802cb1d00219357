"""Signing in over HTTP: passwords, cookies, five-minute tokens, and who may send them from where."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from structlog.testing import capture_logs

from pulse import demo
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.desk.tries import GUESSER
from pulse.house import now
from pulse.http import problem
from pulse.passwords import PasswordCheck, TooManySignIns, hash_password
from pulse.tokens import STAFF_LIFE
from tests.conftest import Pulse
from tests.world import SALES, SUPPORT, accounts, is_problem, rows

ANNA = moderator_id("anna@pulse.example")
LOGIN = "/api/users/login"


async def sign_in(pulse: Pulse, email: str = "anna@pulse.example", password: str = demo.PASSWORD) -> httpx2.Response:
    answer = await pulse.http.post(LOGIN, json={"email": email, "password": password})
    pulse.http.cookies.clear()
    return answer


async def a_cookie(pulse: Pulse, email: str = "anna@pulse.example") -> dict[str, str]:
    answer = await sign_in(pulse, email)
    assert answer.status_code == 200, answer.text
    return {"Cookie": f"pulse_session={answer.cookies['pulse_session']}"}


async def an_account(pulse: Pulse, name: str) -> str:
    """A moderator of a test's own, so that tests don't share its rate; returns the email."""
    email = f"{name}-{uuid4().hex[:8]}@pulse.example"
    invited = await accounts(pulse).invite(email, name, "moderator", (SALES,), demo.PASSWORD)
    await pulse.house.directory.wait_for(invited.position)
    return email


async def test_anna_signs_in(shared: Pulse) -> None:
    answer = await sign_in(shared)
    assert answer.status_code == 200
    assert answer.json()["user"] == {
        "id": str(ANNA), "name": "Anna", "role": "moderator", "departments": sorted([str(SALES), str(SUPPORT)]),
        "away": False,
    }  # fmt: skip
    assert shared.house.signer.read_staff_token(answer.json()["access_token"], now()).person == ANNA
    assert "password" not in answer.text


async def test_an_email_is_the_same_however_it_is_written(shared: Pulse) -> None:
    assert (await sign_in(shared, "  ANNA@Pulse.Example ")).status_code == 200


async def test_a_wrong_password_and_an_unknown_email_are_told_the_same(shared: Pulse) -> None:
    email = await an_account(shared, "carla")
    await shared.house.store.decide(Moderator, moderator_id(email), disabled, by="test")
    answers = [
        await sign_in(shared, "anna@pulse.example", "Password"),
        await sign_in(shared, "anna@pulse.example", ""),
        await sign_in(shared, "anna@pulse.example", "a\0b"),
        await sign_in(shared, "nobody@pulse.example"),
        await sign_in(shared, "n\0body"),
        await sign_in(shared, ""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    is_problem(answers[0], 401, "wrong-password")
    assert not any("set-cookie" in answer.headers for answer in answers)


def disabled(moderator: Moderator | None) -> Moderator:
    assert moderator is not None
    moderator.disable(now=now())
    return moderator


async def test_whoever_was_disabled_is_out_at_once(shared: Pulse) -> None:
    email = await an_account(shared, "dora")
    signed_in = await sign_in(shared, email)
    cookie = {"Cookie": f"pulse_session={signed_in.cookies['pulse_session']}"}
    bearer = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    for headers in (cookie, bearer):
        assert (await shared.http.get("/api/chats", headers=headers)).status_code == 200
    decided = await shared.house.store.decide(Moderator, moderator_id(email), disabled, by="test")
    await shared.house.directory.wait_for(decided.position)
    for headers in (cookie, bearer):
        is_problem(await shared.http.get("/api/chats", headers=headers), 401, "not-authentic")
    is_problem(await sign_in(shared, email), 401, "wrong-password")


async def test_signing_in_makes_no_account(shared: Pulse) -> None:
    before = await shared.house.log.last_position()
    await sign_in(shared, "new@pulse.example")
    assert await shared.house.log.last_position() == before


async def test_guessing_a_password_soon_has_to_wait_for_the_stranger_only(shared: Pulse) -> None:
    email = await an_account(shared, "emma")
    known = (await sign_in(shared, email)).cookies["pulse_device"]
    answers = [await sign_in(shared, email, f"guess {number}") for number in range(GUESSER.free + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [401] * GUESSER.free
    is_problem(answers[-1], 429, "too-many-tries")
    assert int(answers[-1].headers["retry-after"]) > 5
    is_problem(await sign_in(shared, email), 429, "too-many-tries")
    assert (await sign_in(shared, await an_account(shared, "fred"))).status_code == 200
    credentials = {"email": email, "password": demo.PASSWORD}
    hers = await shared.http.post(LOGIN, json=credentials, headers={"Cookie": f"pulse_device={known}"})
    shared.http.cookies.clear()
    assert hers.status_code == 200


async def test_an_account_that_is_none_is_locked_like_any_other(shared: Pulse) -> None:
    email = f"nobody-{uuid4().hex}@pulse.example"
    answers = [await sign_in(shared, email) for _ in range(GUESSER.free + 1)]
    assert [answer.status_code for answer in answers] == [401] * GUESSER.free + [429]


async def test_another_accounts_browser_is_a_stranger(shared: Pulse) -> None:
    known = (await sign_in(shared)).cookies["pulse_device"]
    email = await an_account(shared, "gustav")
    for _ in range(GUESSER.free):
        await sign_in(shared, email, "guess")
    for cookie in (known, "v1.x.y", known[:-1]):
        credentials = {"email": email, "password": demo.PASSWORD}
        answer = await shared.http.post(LOGIN, json=credentials, headers={"Cookie": f"pulse_device={cookie}"})
        is_problem(answer, 429, "too-many-tries")


async def test_what_goes_wrong_is_logged_without_what_was_typed(shared: Pulse) -> None:
    email = await an_account(shared, "ida")
    with capture_logs() as told:
        for _ in range(GUESSER.free + 1):
            await sign_in(shared, email, "my other password")
    assert [line["event"] for line in told] == ["sign_in.refused"] * GUESSER.free + ["sign_in.locked_out"]
    assert {line["account"] for line in told} == {str(moderator_id(email))}
    assert not any(typed in str(told) for typed in (email, "my other password"))


async def test_who_waits_behind_too_many_is_sent_away() -> None:
    passwords = PasswordCheck(waiting=3)
    known = hash_password("long secret")
    checks = [
        passwords.matches(known, word) for word in ("long secret", "guess", "long secret", "long secret", "guess")
    ]
    answers = await asyncio.gather(*checks, return_exceptions=True)
    assert answers[:3] == [True, False, True]
    assert [type(answer) for answer in answers[3:]] == [TooManySignIns] * 2
    assert await passwords.matches(known, "long secret")
    told = problem(TooManySignIns())
    assert (told.status_code, int(told.headers["retry-after"]) > 0) == (503, True)
    passwords.close()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "email"),
        ({"email": "anna@pulse.example"}, "password"),
        ({"email": 5, "password": "x"}, "email"),
        ({"email": "a" * 255, "password": "x"}, "email"),
        ({"email": "anna@pulse.example", "password": "x" * 1025}, "password"),
        ({"email": ["anna@pulse.example"], "password": "x"}, "email"),
        ({"email": "anna@pulse.example", "password": "x", "remember": True}, "remember"),
    ],
)
async def test_wrong_fields_are_named(shared: Pulse, body: dict[str, Any], field: str) -> None:
    told = is_problem(await shared.http.post(LOGIN, json=body), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == [field]
    assert told["errors"][0]["message"]


# The cookie


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(shared: Pulse) -> None:
    cookie, device = (await sign_in(shared)).headers.get_list("set-cookie")
    assert device.startswith("pulse_device=v1.")
    assert device.partition(";")[2].replace("31536000", "1209600") == cookie.partition(";")[2]
    flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert not any(flag.startswith("domain") for flag in flags)
    value = cookie.split(";")[0].removeprefix("pulse_session=")
    assert len(value) >= 43
    stored = await rows(shared, "select encode(token_hash, 'hex') as hash from desk.sessions")
    assert hashlib.sha256(value.encode()).hexdigest() in {row["hash"] for row in stored}


async def test_a_cookie_is_good_until_logout(shared: Pulse) -> None:
    cookie, other = await a_cookie(shared), await a_cookie(shared)
    assert (await shared.http.get("/api/chats", headers=cookie)).status_code == 200
    me = await shared.http.get("/api/users/me", headers=cookie)
    assert me.json()["user"]["name"] == "Anna"
    assert shared.house.signer.read_staff_token(me.json()["access_token"], now()).person == ANNA
    ended = await shared.http.post("/api/users/logout", headers=cookie)
    assert ended.status_code == 204
    assert 'pulse_session=""' in ended.headers["set-cookie"]
    assert "Max-Age=0" in ended.headers["set-cookie"]
    is_problem(await shared.http.get("/api/chats", headers=cookie), 401, "not-authentic")
    assert (await shared.http.get("/api/chats", headers=other)).status_code == 200


async def test_a_session_ends_by_itself(shared: Pulse) -> None:
    cookie = await a_cookie(shared)
    value = hashlib.sha256(cookie["Cookie"].partition("=")[2].encode()).hexdigest()
    await rows(shared, f"update desk.sessions set expires_at = now() where token_hash = decode('{value}', 'hex')")
    is_problem(await shared.http.get("/api/chats", headers=cookie), 401, "not-authentic")


@pytest.mark.parametrize("value", ["", "x", "a" * 4000, "\u00e9", "../..", '"quoted"'])
async def test_a_made_up_cookie_opens_nothing(shared: Pulse, value: str) -> None:
    cookie = {b"Cookie": f"pulse_session={value}".encode("latin-1")}
    is_problem(await shared.http.get("/api/chats", headers=cookie), 401, "not-authentic")


# Other websites


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://[::1"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("sent", FOREIGN)
async def test_another_websites_form_is_refused(shared: Pulse, sent: dict[str, str]) -> None:
    cookie = await a_cookie(shared, await an_account(shared, "gina"))
    for address in (f"/api/chats/{uuid4()}/close", "/api/users/logout", "/broadcasting/auth"):
        is_problem(await shared.http.post(address, headers=cookie | sent, json={}), 403, "not-from-here")
    assert (await shared.http.get("/api/users/me", headers=cookie)).status_code == 200


@pytest.mark.parametrize("sent", FOREIGN)
async def test_another_website_signs_nobody_in(shared: Pulse, sent: dict[str, str]) -> None:
    credentials = {"email": await an_account(shared, "hugo"), "password": demo.PASSWORD}
    answer = await shared.http.post(LOGIN, json=credentials, headers=sent)
    shared.http.cookies.clear()
    is_problem(answer, 403, "not-from-here")
    assert "set-cookie" not in answer.headers


async def test_our_own_pages_may(shared: Pulse) -> None:
    cookie = await a_cookie(shared)
    base = str(shared.http.base_url).rstrip("/")
    for own in ({"Origin": base}, {"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}, {}):
        answer = await shared.http.post(f"/api/chats/{uuid4()}/close", headers=cookie | own)
        is_problem(answer, 404, "not-found")


async def test_a_token_is_no_cookie_so_its_origin_does_not_matter(shared: Pulse) -> None:
    bearer = {"Authorization": f"Bearer {(await sign_in(shared)).json()['access_token']}"}
    answer = await shared.http.post(f"/api/chats/{uuid4()}/close", headers=bearer | {"Origin": "https://evil.example"})
    is_problem(answer, 404, "not-found")


# Tokens


def part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


async def test_a_token_lives_five_minutes(shared: Pulse) -> None:
    token = (await sign_in(shared)).json()["access_token"]
    claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 300 == STAFF_LIFE.total_seconds()
    assert abs(claims["iat"] - now().timestamp()) < 60


async def test_a_token_that_is_not_ours_opens_nothing(shared: Pulse) -> None:
    good = (await sign_in(shared)).json()["access_token"]
    header, payload, signature = good.split(".")
    claims = orjson.loads(base64.urlsafe_b64decode(payload + "=="))
    key = shared.house.vault.derive("staff")

    def signed(head: dict[str, object], body: dict[str, object], secret: bytes = key) -> str:
        text = f"{part(head)}.{part(body)}"
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    hs256: dict[str, object] = {"alg": "HS256", "typ": "JWT"}
    assert (await get_chats(shared, signed(hs256, claims))).status_code == 200
    none = {"alg": "none", "typ": "JWT"}
    forged = [
        shared.house.signer.staff_token(ANNA, now() - STAFF_LIFE - timedelta(minutes=1)),
        f"{part(none)}.{payload}.", f"{part(none)}.{payload}.{signature}", f"{part({'alg': 'None'})}.{payload}.",
        f"{header}.{payload}.", f"{header}.{payload}", f"{header}.{payload}.{signature}x", good[:-4] + "AAAA",
        f"{header}.{part(claims | {'sub': moderator_id('admin@pulse.example').hex})}.{signature}",
        signed(hs256, claims, b"another key of thirty-two bytes!"),
        signed(hs256, claims, shared.house.vault.derive("visitor")),
        signed({"alg": "HS512"}, claims), signed(hs256, claims | {"aud": "visitor"}),
        signed(hs256, claims | {"iss": "elsewhere"}), signed(hs256, {k: v for k, v in claims.items() if k != "exp"}),
        signed(hs256, claims | {"exp": "tomorrow"}), signed(hs256, claims | {"sub": "anna"}),
        signed(hs256, claims | {"sub": uuid4().hex}), signed(hs256, claims | {"sub": None}),
        signed(hs256 | {"crit": ["exp"]}, claims), signed(hs256, {k: v for k, v in claims.items() if k != "session"}),
        signed(hs256, claims | {"session": "mine"}), signed(hs256, claims | {"session": {"id": "mine"}}), "", "x", "..", "a" * 10_000, "\u00e9.\u00e9.\u00e9",
    ]  # fmt: skip
    for token in forged:
        answer = await get_chats(shared, token)
        assert (token, answer.status_code) == (token, 401)
        is_problem(answer, 401, "not-authentic")


async def get_chats(pulse: Pulse, token: str) -> httpx2.Response:
    bearer = f"Bearer {token}".strip().encode("latin-1")
    return await pulse.http.get("/api/chats", headers={b"Authorization": bearer})


async def test_without_a_sign_in_there_is_nothing(shared: Pulse) -> None:
    for address in ("/api/chats", f"/api/chats/{uuid4()}", "/api/deliveries", "/api/users/me"):
        is_problem(await shared.http.get(address), 401, "not-authentic")
        # Nobody waits for a stranger's position, right or wrong.
        is_problem(await shared.http.get(address, headers={"X-Pulse-Position": "x"}), 401, "not-authentic")
    for address in (f"/api/chats/{uuid4()}/messages", "/broadcasting/auth", "/api/users/logout"):
        is_problem(await shared.http.post(address, json={"text": "Hello"}), 401, "not-authentic")


async def test_health_is_told_to_everybody(shared: Pulse) -> None:
    answer = await shared.http.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"]) == {"log", "directory", "projector", "reads", "push"}


async def test_an_address_that_does_not_exist_is_a_problem_too(shared: Pulse) -> None:
    is_problem(await shared.http.get("/api/elsewhere"), 404, "not-found")
    answer = await shared.http.delete(f"{LOGIN}/code")
    is_problem(answer, 405, "wrong-method")
    assert "POST" in answer.headers["allow"].split(", ")


async def test_a_body_over_the_limit_is_too_large(shared: Pulse) -> None:
    body = orjson.dumps({"email": "a" * 70_000, "password": ""})

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    for content in (body, in_chunks()):
        answer = await shared.http.post(LOGIN, content=content, headers={"Content-Type": "application/json"})
        is_problem(answer, 413, "too-large")
