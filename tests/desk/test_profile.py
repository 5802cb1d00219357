"""What people set about themselves: name, language, password."""

from __future__ import annotations

from typing import Any

import pytest

from pulse.desk.tries import GUESSER
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, signed_in
from tests.world import is_problem

PROFILE = "/api/settings/profile"
NEW_PASSWORD = "/api/settings/password"


async def test_a_profile_is_shown_and_changed(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    shown = {"id": str(browser.account), "email": email, "name": "Anna", "locale": None}
    assert (await browser.get(PROFILE)).json() == shown
    changed = await browser.ask("PATCH", PROFILE, {"locale": "ru"})
    assert changed.json()["version"] == 2
    assert (await browser.get(PROFILE)).json() == shown | {"locale": "ru"}
    assert (await browser.ask("PATCH", PROFILE, {"name": " Аня "})).status_code == 200
    assert (await browser.get(PROFILE)).json() == shown | {"locale": "ru", "name": "Аня"}
    assert (await browser.get("/api/users/me")).json()["user"]["name"] == "Аня"
    assert (await browser.ask("PATCH", PROFILE, {"name": "Аня"})).json()["version"] == 3, "nothing to do, no event"


@pytest.mark.parametrize(
    "body",
    [{"locale": "de"}, {"name": ""}, {"name": "x" * 101}, {"name": "a\0b"}, {"email": "a@b.c"}, {"role": "admin"}],
)
async def test_no_more_than_that(shared: Pulse, body: dict[str, Any]) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    is_problem(await browser.ask("PATCH", PROFILE, body), 422, "invalid")


async def test_a_name_of_blanks_is_none(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    is_problem(await browser.ask("PATCH", PROFILE, {"name": "   "}), 400, "not-a-name")


@pytest.mark.parametrize("new", ["долгая прогулка к морю " + "ещё " * 20, "🦊 and 🐢 by the sea"])
async def test_a_password_is_changed_with_the_old_one(shared: Pulse, new: str) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    is_problem(await browser.post(NEW_PASSWORD, {"old": "guess", "new": new}), 403, "not-proven")
    assert (await browser.post(NEW_PASSWORD, {"old": PASSWORD, "new": new})).status_code == 200
    is_problem(await Browser(shared, email).login(), 401, "wrong-password")
    assert (await Browser(shared, email).login(new)).status_code == 200


async def test_a_bad_password_is_not_taken(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    for new, code in (("short", "not-a-password"), ("iloveyou", "too-common"), (email, "too-common")):
        is_problem(await browser.post(NEW_PASSWORD, {"old": PASSWORD, "new": new}), 400, code)
    is_problem(await browser.post(NEW_PASSWORD, {"old": PASSWORD, "new": "x" * 1025}), 422, "invalid")
    assert (await Browser(shared, email).login()).status_code == 200


async def test_a_stolen_session_is_no_way_to_guess_the_password(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    body = {"old": "guess", "new": "another walk to the sea"}
    answers = [await browser.post(NEW_PASSWORD, body) for _ in range(GUESSER.free + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {403}
    is_problem(answers[-1], 429, "too-many-tries")


async def test_nobody_else_has_settings(shared: Pulse) -> None:
    for method, address in (
        ("GET", PROFILE), ("PATCH", PROFILE), ("POST", NEW_PASSWORD), ("GET", "/api/settings/2fa"),
        ("POST", "/api/settings/2fa"), ("DELETE", "/api/settings/2fa"), ("GET", "/api/settings/sessions"),
        ("DELETE", "/api/settings/sessions"),
    ):  # fmt: skip
        body = {"old": "x", "new": "x", "password": "x", "code": "1"} if method != "GET" else None
        answer = await shared.http.request(method, address, json=body)
        assert answer.status_code in (401, 422), address
    is_problem(await shared.http.get(PROFILE), 401, "not-authentic")
