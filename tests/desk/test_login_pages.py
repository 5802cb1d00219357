"""Signing in and out by forms, without a script."""

from __future__ import annotations

from html import escape

import pytest

from pulse import demo
from pulse.desk.html import own_path
from pulse.desk.words import ENGLISH, RUSSIAN
from pulse.errors import ReadsDown
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, code_of, signed_in, with_two_factor
from tests.desk.test_pages import is_plain

FORM = {"email": "anna@pulse.example", "password": demo.PASSWORD}
ELSEWHERE = ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"})


def cookie_of(browser: Browser) -> dict[str, str]:
    return {"Cookie": f"pulse_session={browser.cookies['pulse_session']}"}


async def test_the_form_signs_in_and_leads_to_where_one_was_going(shared: Pulse) -> None:
    form = await shared.http.get("/login", params={"next": "/admin"})
    is_plain(form)
    assert 'value="/admin"' in form.text
    assert "/auth/" not in form.text  # nothing is set up to sign in with
    answer = await shared.http.post("/login", data=FORM | {"next": "/admin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    shared.http.cookies.clear()
    signed_in = await shared.http.get("/admin", headers={"Cookie": cookie.partition(";")[0]})
    assert signed_in.status_code == 200


async def test_whoever_forgot_the_password_is_told_what_to_do(shared: Pulse) -> None:
    for language, words in (("en", ENGLISH), ("ru", RUSSIAN)):
        page = (await shared.http.get("/login", headers={"Accept-Language": language})).text
        assert words["forgotten"] in page
        assert words["forgotten_says"] in page


async def test_a_wrong_password_is_told_in_the_form(shared: Pulse) -> None:
    answer = await shared.http.post("/login", data=FORM | {"password": "guess", "next": '"><script>'})
    assert answer.status_code == 401
    is_plain(answer)
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "guess" not in answer.text
    assert 'value="anna@pulse.example"' in answer.text  # which nobody has to type again


async def test_another_websites_form_signs_nobody_in(shared: Pulse) -> None:
    for headers in ELSEWHERE:
        answer = await shared.http.post("/login", data=FORM, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_the_button_signs_out_everywhere(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    answer = await shared.http.post("/logout", headers=cookie_of(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert answer.headers["set-cookie"].startswith('pulse_session=""; ')
    assert "Max-Age=0" in answer.headers["set-cookie"]
    shared.http.cookies.clear()
    assert not await browser.is_in()
    again = await shared.http.post("/logout", headers=cookie_of(browser))
    assert (again.status_code, again.headers["location"]) == (303, "/login"), "out is out"


async def test_another_websites_form_signs_nobody_out(shared: Pulse) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    for headers in ELSEWHERE:
        answer = await shared.http.post("/logout", headers=cookie_of(browser) | headers | {"Accept": "text/html"})
        is_plain(answer)
        assert (answer.status_code, ENGLISH["not-from-here"] in answer.text) == (403, True)
        assert "set-cookie" not in answer.headers
    assert await browser.is_in()


@pytest.mark.parametrize(
    "asked",
    ["", "//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)", "/a\r\nb"],
)
def test_nobody_is_led_to_another_website(asked: str) -> None:
    assert own_path(asked, "/dashboard") == "/dashboard"


@pytest.mark.parametrize("by", ["app", "recovery code"])
async def test_the_form_asks_for_the_code_where_there_are_two_factors(shared: Pulse, by: str) -> None:
    email = await an_account(shared, "anna")
    secret, codes = await with_two_factor(await signed_in(shared, email))
    asked = await shared.http.post("/login", data={"email": email, "password": PASSWORD})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login/code")
    challenge = asked.headers["set-cookie"].partition(";")[0]
    shared.http.cookies.clear()
    headers = {"Cookie": challenge, "Accept-Language": "ru"}
    is_plain(await shared.http.get("/login/code", headers=headers))
    wrong = await shared.http.post("/login/code", data={"code": "000000"}, headers=headers)
    is_plain(wrong)
    assert (wrong.status_code, RUSSIAN["wrong-code"] in wrong.text) == (401, True)
    code = code_of(secret, 1) if by == "app" else codes[0]
    done = await shared.http.post("/login/code", data={"code": code}, headers=headers)
    assert (done.status_code, done.headers["location"]) == (303, "/dashboard")
    session = next(one for one in done.headers.get_list("set-cookie") if one.startswith("pulse_session="))
    shared.http.cookies.clear()
    board = await shared.http.get("/dashboard", headers={"Cookie": session.partition(";")[0]})
    assert board.status_code == 200


@pytest.mark.parametrize("code", ["", "1" * 21, "²" * 6, "x" * 300])
async def test_whatever_is_typed_as_a_code_is_refused_in_words(shared: Pulse, code: str) -> None:
    answer = await shared.http.post("/login/code", data={"code": code})
    assert answer.status_code == 401


async def test_the_code_page_lets_nobody_in_without_a_challenge(shared: Pulse) -> None:
    answer = await shared.http.post("/login/code", data={"code": "000000"})
    assert (answer.status_code, ENGLISH["not-authentic"] in answer.text) == (401, True)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("ru", RUSSIAN)])
async def test_a_form_speaks_its_readers_language_also_of_what_has_no_sentence_of_its_own(
    shared: Pulse, monkeypatch: pytest.MonkeyPatch, language: str, words: dict[str, str]
) -> None:
    async def away(*_: object) -> None:
        raise ReadsDown

    monkeypatch.setattr("pulse.desk.login.Login.by_password", away)
    answer = await shared.http.post("/login", data=FORM, headers={"Accept-Language": language})
    assert answer.status_code == 503
    assert escape(words["503-says"]) in answer.text
