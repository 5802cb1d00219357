"""Two factors: turned on with a code, asked for at sign-in, each code once, and what helps when the phone is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest

from pulse.aggregates.moderator import Moderator
from pulse.desk.tries import GUESSER
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, code_of, signed_in, with_two_factor
from tests.world import is_problem

STATE = "/api/settings/2fa"
CODE = "/api/users/login/code"


async def test_it_is_off_until_a_code_confirms_it(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    assert (await browser.get(STATE)).json() == {"on": False, "recovery_codes_left": 0}
    begun = await browser.post(STATE, {"password": PASSWORD})
    assert begun.headers["cache-control"] == "no-store"
    told = begun.json()
    assert f"secret={told['secret']}" in told["address"]
    assert told["qr"].startswith("<svg")
    assert (await browser.get(STATE)).json()["on"] is False
    assert "access_token" in (await browser.login()).json()
    is_problem(await browser.post(STATE + "/confirm", {"code": "000000"}), 403, "not-proven")
    confirmed = await browser.post(STATE + "/confirm", {"code": code_of(told["secret"])})
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    assert confirmed.headers["cache-control"] == "no-store"
    assert (await browser.get(STATE)).json() == {"on": True, "recovery_codes_left": 10}
    is_problem(await browser.post(STATE, {"password": PASSWORD}), 409, "two-factor-is-on")


async def test_it_begins_with_the_password_only(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    is_problem(await browser.post(STATE, {"password": "guess"}), 403, "not-proven")
    is_problem(await browser.post(STATE + "/confirm", {"code": "123456"}), 409, "two-factor-is-off")


async def test_secrets_lie_sealed_in_the_log_and_codes_as_hashes(shared: Pulse) -> None:
    before = await shared.house.log.last_position()
    browser = await signed_in(shared, await an_account(shared, "anna"))
    secret, codes = await with_two_factor(browser)
    stored = await shared.house.log.read_all(">", before + 1)
    kept = b"".join(one.body for one in stored)
    assert b"two-factor-turned-on" in kept
    for hidden in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert hidden.encode() not in kept


async def test_signing_in_takes_a_code_then(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    secret, _ = await with_two_factor(await signed_in(shared, email))
    browser = Browser(shared, email)
    asked = await browser.login()
    assert set(asked.json()) == {"two_factor", "challenge"}
    assert asked.json()["two_factor"] is True
    assert "set-cookie" not in asked.headers
    assert not await browser.is_in()
    done = await browser.post(CODE, {"challenge": asked.json()["challenge"], "code": code_of(secret, 1)})
    assert done.json()["user"]["name"] == "Anna"
    assert await browser.is_in()


async def test_a_code_counts_once_however_many_send_it(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    secret, _ = await with_two_factor(await signed_in(shared, email))
    challenge = await Browser(shared, email).challenge()
    used, body = code_of(secret), {"challenge": challenge, "code": code_of(secret, 1)}
    is_problem(await Browser(shared, email).post(CODE, body | {"code": used}), 401, "wrong-code")
    answers = await asyncio.gather(*(Browser(shared, email).post(CODE, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]


async def test_a_challenge_signs_in_once(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    _, codes = await with_two_factor(await signed_in(shared, email))
    used, other = [await Browser(shared, email).challenge() for _ in range(2)]
    wrong = await Browser(shared, email).post(CODE, {"challenge": used, "recovery_code": "guess"})
    is_problem(wrong, 401, "wrong-code")
    for challenge, status in ((used, 200), (used, 401), (other, 200)):
        body = {"challenge": challenge, "recovery_code": codes.pop()}
        answer = await Browser(shared, email).post(CODE, body)
        assert answer.status_code == status, answer.text
    assert "set-cookie" not in (await Browser(shared, email).post(CODE, body)).headers


async def test_a_recovery_code_counts_once(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    first = await signed_in(shared, email)
    _, codes = await with_two_factor(first)
    body = {"challenge": await Browser(shared, email).challenge(), "recovery_code": codes[3].upper()}
    answers = await asyncio.gather(*(Browser(shared, email).post(CODE, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert (await first.get(STATE)).json()["recovery_codes_left"] == 9


@pytest.mark.parametrize(
    "proof",
    [{}, {"code": "1", "recovery_code": "a"}, {"code": 123456}, {"code": "1" * 21}, {"recovery_code": "x" * 101}],
)
async def test_a_code_is_one_of_two(shared: Pulse, proof: dict[str, Any]) -> None:
    is_problem(await shared.http.post(CODE, json={"challenge": "v1.x.y"} | proof), 422, "invalid")


async def test_a_made_up_challenge_opens_nothing(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    secret, _ = await with_two_factor(browser)
    for challenge in ("", "v1.x.y", browser.token, browser.cookies["pulse_device"]):
        answer = await Browser(shared, email).post(CODE, {"challenge": challenge, "code": code_of(secret, 1)})
        is_problem(answer, 401, "not-authentic")


async def test_a_challenge_ends_with_the_password_it_was_given_for(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    owner = await signed_in(shared, email)
    secret, _ = await with_two_factor(owner)
    challenge = await Browser(shared, email).challenge()
    changed = await owner.post("/api/settings/password", {"old": PASSWORD, "new": "another walk to the sea"})
    assert changed.status_code == 200
    answer = await Browser(shared, email).post(CODE, {"challenge": challenge, "code": code_of(secret, 1)})
    is_problem(answer, 401, "not-authentic")


async def test_guessing_codes_soon_has_to_wait(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    owner = await signed_in(shared, email)
    await with_two_factor(owner)
    body = {"challenge": await Browser(shared, email).challenge(), "recovery_code": "guess"}
    answers = [await Browser(shared, email).post(CODE, body) for _ in range(GUESSER.free + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [401] * GUESSER.free
    is_problem(answers[-1], 429, "too-many-tries")
    assert int(answers[-1].headers["retry-after"]) > 5


async def test_new_recovery_codes_end_the_old_ones(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    secret, old = await with_two_factor(browser)
    renew = STATE + "/recovery-codes"
    is_problem(await browser.post(renew, {"password": "guess", "code": code_of(secret, 1)}), 403, "not-proven")
    is_problem(await browser.post(renew, {"password": PASSWORD, "code": code_of(secret)}), 403, "not-proven")
    renewed = await browser.post(renew, {"password": PASSWORD, "code": code_of(secret, 1)})
    new = renewed.json()["recovery_codes"]
    assert len(set(new) - set(old)) == 10
    challenge = await Browser(shared, email).challenge()
    for code, status in ((old[0], 401), (new[0], 200)):
        answer = await Browser(shared, email).post(CODE, {"challenge": challenge, "recovery_code": code})
        assert answer.status_code == status


async def test_it_is_turned_off_with_password_and_code(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    _, codes = await with_two_factor(browser)
    for proof in ({"password": "guess", "recovery_code": codes[0]}, {"password": PASSWORD, "recovery_code": "x"}):
        is_problem(await browser.ask("DELETE", STATE, proof), 403, "not-proven")
    assert (await browser.get(STATE)).json()["on"] is True
    off = await browser.ask("DELETE", STATE, {"password": PASSWORD, "recovery_code": codes[0]})
    assert off.status_code == 200
    assert (await browser.get(STATE)).json() == {"on": False, "recovery_codes_left": 0}
    assert "access_token" in (await Browser(shared, email).login()).json()


async def test_the_secret_is_another_persons_nonsense(shared: Pulse) -> None:
    """Sealed for one account: put into another's events it opens nothing."""
    first, second = [await an_account(shared, name) for name in ("anna", "boris")]
    secret, _ = await with_two_factor(await signed_in(shared, first))
    sealed = shared.house.directory.moderator_by_email(first)
    assert sealed is not None
    thief = await signed_in(shared, second)

    def steal(known: Moderator | None) -> Moderator:
        assert known is not None
        assert sealed.second_factor is not None
        known.begin_two_factor(sealed.second_factor.secret, now=sealed.modified_on)
        return known

    stolen = await shared.house.store.decide(Moderator, thief.account, steal, by="test")
    await shared.house.directory.wait_for(stolen.position)
    answer = await thief.post(STATE + "/confirm", {"code": pyotp.TOTP(secret).now()})
    is_problem(answer, 503, "wrong-key")
