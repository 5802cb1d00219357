"""V6 Authentication: passwords, invitations, and second factors."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from pulse import totp
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.desk.tries import GUESSER
from pulse.house import now
from pulse.passwords import TooCommon, require_uncommon
from pulse.tokens import CHALLENGE_LIFE, INVITATION_LIFE, RESET_LIFE, Challenge, Invitation
from tests.conftest import Pulse
from tests.desk.signing import LOGIN, PASSWORD, Browser, an_account, code_of, signed_in, with_two_factor
from tests.desk.test_sign_in import disabled
from tests.desk.test_users import CHOSEN, invited, signs_in
from tests.world import Desk, a_name, is_problem, settled, since

MINE, TWO_FACTOR, CODE = "/api/settings/password", "/api/settings/2fa", "/api/users/login/code"
NEW = "another walk to the sea"


async def changes_to(browser: Browser, new: str, old: str = PASSWORD) -> int:
    return (await browser.post(MINE, {"old": old, "new": new})).status_code


# Passwords


async def test_v6_2_1_a_password_has_eight_characters_at_least(shared: Pulse) -> None:
    """Seven are refused, eight are taken."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    is_problem(await browser.post(MINE, {"old": PASSWORD, "new": "x8#kQ!z"}), 400, "not-a-password")
    assert await changes_to(browser, "x8#kQ!z2") == 200


async def test_v6_2_2_people_change_their_own_password(shared: Pulse) -> None:
    """The new one signs in from then on, the old one does not."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    assert await changes_to(browser, NEW) == 200
    is_problem(await Browser(shared, browser.email).login(), 401, "wrong-password")
    assert (await Browser(shared, browser.email).login(NEW)).status_code == 200


async def test_v6_2_3_changing_it_takes_the_one_before(shared: Pulse) -> None:
    """A session alone changes no password: the old one has to be said, and be right."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    is_problem(await browser.post(MINE, {"old": "guess", "new": NEW}), 403, "not-proven")
    is_problem(await browser.post(MINE, {"new": NEW}), 422, "invalid")
    assert (await Browser(shared, browser.email).login()).status_code == 200


async def test_v6_2_4_what_everybody_takes_is_refused_at_every_door(shared: Pulse, desk: Desk) -> None:
    """One's own change, an invitation, and what an admin chooses for somebody; one's name and email are no secrets."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    olga = await invited(desk)
    for common in ("password1", "iloveyou", "qwertyuiop"):
        is_problem(await browser.post(MINE, {"old": PASSWORD, "new": common}), 400, "too-common")
        is_problem(await shared.http.post(olga["invitation"]["address"], json={"password": common}), 400, "too-common")
        newcomer = {"email": f"{a_name()}@pulse.example", "name": "Vlad", "password": common}
        is_problem(await desk.post("admin", "/api/users", newcomer), 400, "too-common")
    own = {"password": olga["email"]}
    is_problem(await shared.http.post(olga["invitation"]["address"], json=own), 400, "too-common")
    assert (await shared.http.post(olga["invitation"]["address"], json=CHOSEN)).status_code == 200


@pytest.mark.parametrize(
    "new", ["долгая прогулка к морю", "all of it is lowercase", "🦊 and 🐢 by the sea", "82947 15063 27841"]
)
async def test_v6_2_5_any_characters_will_do(shared: Pulse, new: str) -> None:
    """No rule wants a capital, a digit or a sign: letters of any script, words with blanks, digits only."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    assert await changes_to(browser, new) == 200
    assert (await Browser(shared, browser.email).login(new)).status_code == 200


async def test_v6_2_6_nobody_reads_a_password_over_a_shoulder(shared: Pulse, desk: Desk) -> None:
    """The fields of the sign-in page, and of the one behind an invitation, are for passwords."""
    made = (await invited(desk))["invitation"]
    for address in ("/login", urlsplit(made["url"]).path):
        assert '<input type="password" name="password"' in (await shared.http.get(address)).text


async def test_v6_2_7_password_managers_may_fill_the_form(shared: Pulse, desk: Desk) -> None:
    """Fields say what they are for, nothing keeps anybody from pasting, and no script runs."""
    invitation = urlsplit((await invited(desk))["invitation"]["url"]).path
    for address, fields in (
        ("/login", ("username", "current-password")), ("/login/code", ("one-time-code",)),
        (invitation, ("username", "new-password")),
    ):  # fmt: skip
        page = (await shared.http.get(address)).text
        for field in fields:
            assert f'autocomplete="{field}"' in page
        for hindrance in ('autocomplete="off"', "paste", "<script", "readonly", "maxlength"):
            assert hindrance not in page


async def test_v6_2_8_a_password_is_taken_as_it_was_typed(shared: Pulse) -> None:
    """Neither cut nor trimmed nor in other letters: what differs anywhere is wrong."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    new = " A Walk, " + "step by step " * 8
    assert await changes_to(browser, new) == 200
    for other in (new.strip(), new.lower(), new[:72], new[:-1], new + " "):
        is_problem(await Browser(shared, browser.email).login(other), 401, "wrong-password")
    assert (await Browser(shared, browser.email).login(new)).status_code == 200


async def test_v6_2_9_long_passwords_are_welcome(shared: Pulse) -> None:
    """Up to 1,024 characters, and each of them counts."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    long = "".join(random.Random(6).choices("abcdefghijklmnop ", k=1024))
    assert await changes_to(browser, long) == 200
    is_problem(await Browser(shared, browser.email).login(long[:-1]), 401, "wrong-password")
    assert (await Browser(shared, browser.email).login(long)).status_code == 200


def test_v6_2_12_what_leaked_elsewhere_is_refused() -> None:
    """The 30,000 passwords that breaches brought to light most often; a sample of all of them."""
    leaked = [password for password in FREQUENCY_LISTS["passwords"] if len(password) >= 8]
    assert len(leaked) > 5000
    for password in leaked[::20]:
        with pytest.raises(TooCommon):
            require_uncommon(password)


# Guessing


async def test_v6_3_1_whoever_guesses_has_to_wait_and_nobody_else(shared: Pulse) -> None:
    """Ten tries, then longer and longer, the right password too; a browser that signed in before is not held up."""
    owner = await signed_in(shared, await an_account(shared, "anna"))
    stranger = Browser(shared, owner.email)
    answers = [await stranger.login(f"guess {number}") for number in range(GUESSER.free)]
    assert {answer.status_code for answer in answers} == {401}
    refused = await stranger.login()
    is_problem(refused, 429, "too-many-tries")
    assert int(refused.headers["retry-after"]) > 1
    owner.cookies.pop("pulse_session")
    assert (await owner.login()).status_code == 200


async def test_v6_3_3_who_asked_for_two_factors_gets_in_with_two_only(shared: Pulse) -> None:
    """By the API and by the page the password alone leads to the question for a code, and to nothing else."""
    email = await an_account(shared, "anna")
    secret, _ = await with_two_factor(await signed_in(shared, email))
    browser = Browser(shared, email)
    challenge = await browser.challenge()
    form = await shared.http.post("/login", data={"email": email, "password": PASSWORD, "next": "/dashboard"})
    assert form.headers["location"] == "/login/code"
    assert not any("pulse_session" in told for told in form.headers.get_list("set-cookie"))
    shared.http.cookies.clear()
    assert not await browser.is_in()
    assert (await browser.post(CODE, {"challenge": challenge, "code": code_of(secret, 1)})).status_code == 200
    assert await browser.is_in()


async def test_v6_3_8_nobody_learns_who_has_an_account(shared: Pulse) -> None:
    """Known, unknown and disabled are told the same, in words, fields and headers."""
    known, gone = await an_account(shared, "anna"), await an_account(shared, "boris")
    await shared.house.store.decide(Moderator, moderator_id(gone), disabled, by="test")
    told = set()
    for email in (known, gone, f"{a_name()}@pulse.example"):
        answer = await shared.http.post(LOGIN, json={"email": email, "password": "guess"})
        told.add((answer.status_code, answer.content, tuple(name for name, _ in answer.headers.multi_items())))
    assert len(told) == 1


# Invitations


async def test_v6_4_1_an_invitation_counts_once_and_for_a_week(shared: Pulse, desk: Desk) -> None:
    """Nobody is given a password to keep: a signed link, made anew each time, by which people choose their own."""
    olga, vlad = await invited(desk), await invited(desk)
    address, link = olga["invitation"]["address"], olga["version"]
    assert address != vlad["invitation"]["address"]
    at = int((now() - INVITATION_LIFE - timedelta(minutes=1)).timestamp())
    old = shared.house.signer.invitation(Invitation(moderator_id(olga["email"]), link, at))
    is_problem(await shared.http.post(f"/api/invitations/{old}", json=CHOSEN), 401, "not-an-invitation")
    assert (await shared.http.post(address, json=CHOSEN)).status_code == 200
    is_problem(await shared.http.post(address, json={"password": NEW}), 401, "not-an-invitation")
    assert (await signs_in(shared, olga["email"])).status_code == 200


async def test_v6_4_1_a_link_for_a_forgotten_password_counts_once_and_for_a_day(shared: Pulse, desk: Desk) -> None:
    """A newer one ends those before it, and so does a password that was set meanwhile; it is in no event."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    reset, life = f"/api/users/{browser.account}/reset-password", int(RESET_LIFE.total_seconds())
    first, second = [(await desk.post("admin", reset)).json() for _ in range(2)]
    at = int((now() - RESET_LIFE - timedelta(seconds=2)).timestamp())
    old = shared.house.signer.invitation(Invitation(browser.account, second["version"], at, life))
    for dead in (first["invitation"]["address"], f"/api/invitations/{old}"):
        is_problem(await shared.http.post(dead, json=CHOSEN), 401, "not-an-invitation")
    assert await changes_to(browser, NEW) == 200
    is_problem(await shared.http.post(second["invitation"]["address"], json=CHOSEN), 401, "not-an-invitation")
    third = (await desk.post("admin", reset)).json()["invitation"]
    assert (await shared.http.post(third["address"], json=CHOSEN)).status_code == 200
    assert not await browser.is_in()
    stored = await shared.house.log.read_all(f"pulse.ev.moderator.*.{browser.account.hex}")
    assert not any(third["token"].encode() in one.body for one in stored)


async def test_v6_4_3_a_new_password_is_no_way_around_the_second_factor(shared: Pulse, desk: Desk) -> None:
    """Whoever forgot theirs gets a link from an admin; a code is asked for after it as before."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    secret, _ = await with_two_factor(browser)
    made = await desk.post("admin", f"/api/users/{browser.account}/reset-password")
    assert (await shared.http.post(made.json()["invitation"]["address"], json=CHOSEN)).status_code == 200
    asked = await Browser(shared, browser.email).login(CHOSEN["password"])
    assert set(asked.json()) == {"two_factor", "challenge"}
    body = {"challenge": asked.json()["challenge"], "code": code_of(secret, 1)}
    assert (await Browser(shared, browser.email).post(CODE, body)).status_code == 200


# Codes


async def test_v6_5_1_every_code_counts_once(shared: Pulse) -> None:
    """The app's and the recovery codes alike: what signed somebody in never does again."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    secret, recovery = await with_two_factor(browser)
    for proof in ({"code": code_of(secret, 1)}, {"recovery_code": recovery[0]}):
        first, second = [{"challenge": await Browser(shared, browser.email).challenge()} | proof for _ in range(2)]
        assert (await Browser(shared, browser.email).post(CODE, first)).status_code == 200
        is_problem(await Browser(shared, browser.email).post(CODE, second), 401, "wrong-code")


async def test_v6_5_2_recovery_codes_are_kept_as_hashes_of_what_nobody_can_guess(shared: Pulse) -> None:
    """With 120 bits each, SHA-256 is enough; the codes themselves are in no event."""
    before = await shared.house.log.last_position()
    _, recovery = await with_two_factor(await signed_in(shared, await an_account(shared, "anna")))
    letters = len(recovery[0].replace("-", ""))
    assert letters * math.log2(len(totp.ALPHABET)) >= 112
    kept = " ".join(str(vars(one.event)) for one in await since(shared, before))
    for code in recovery:
        assert totp.recovery_hash(code) in kept
        assert code not in kept
        assert code.replace("-", "") not in kept


def test_v6_5_3_secrets_and_codes_are_random_in_earnest() -> None:
    """Whoever knows the state of Python's plain generator learns nothing of them."""
    made = []
    for _ in range(2):
        random.seed(1)
        made.append((totp.new_secret(), *totp.new_recovery_codes()))
    assert not set(made[0]) & set(made[1])


def test_v6_5_4_recovery_codes_can_not_be_guessed() -> None:
    """Twenty bits are asked for; each of 24 places takes any of 32 letters."""
    plain = [code.replace("-", "") for _ in range(60) for code in totp.new_recovery_codes()]
    assert {len(code) for code in plain} == {24}
    for place in range(24):
        assert len({code[place] for code in plain}) == len(totp.ALPHABET) == 32


async def test_v6_5_5_codes_and_challenges_have_their_time(shared: Pulse) -> None:
    """An app's code is good for its half minute, with one before and after for slow clocks; the question for five."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    secret, _ = await with_two_factor(browser)
    good = await Browser(shared, browser.email).challenge()
    asked = shared.house.signer.read_challenge(good, now())
    late = Challenge(asked.person, asked.since, int((now() - CHALLENGE_LIFE - timedelta(minutes=1)).timestamp()))
    for challenge, steps, code in (
        (good, -4, "wrong-code"), (good, 4, "wrong-code"), (shared.house.signer.challenge(late), 1, "not-authentic"),
    ):  # fmt: skip
        answer = await Browser(shared, browser.email).post(
            CODE, {"challenge": challenge, "code": code_of(secret, steps)}
        )
        is_problem(answer, 401, code)
    answer = await Browser(shared, browser.email).post(CODE, {"challenge": good, "code": code_of(secret, 1)})
    assert answer.status_code == 200


async def test_v6_5_6_a_lost_factor_is_revoked_by_an_admin_and_never_ones_own(shared: Pulse, desk: Desk) -> None:
    """With every session, and the person is told who did it; an admin's own takes a code, as everybody's."""
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    await with_two_factor(browser)
    thief = await signed_in(shared, await an_account(shared, "admin", "admin"))  # at an open window
    await with_two_factor(thief)
    is_problem(await thief.ask("DELETE", f"/api/users/{thief.account}/2fa"), 403, "your-own-factor")
    admin = await desk.headers("admin")
    assert (await shared.http.delete(f"/api/users/{browser.account}/2fa", headers=admin)).status_code == 200
    assert not await browser.is_in()
    browser = await signed_in(shared, email)
    await settled(shared)
    [told] = (await browser.get("/api/notifications")).json()["items"]
    assert (told["kind"], told["by"]["name"]) == ("two-factor-reset", "Admin")
