"""Home, sign-in, and what stands behind the addresses of the desk: pages without a script, in two languages."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
import pytest

from pulse import demo
from pulse.desk.html import own_path
from pulse.desk.pages import BEHIND
from pulse.desk.words import ENGLISH, RUSSIAN
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, an_account, code_of, signed_in, with_two_factor
from tests.desk.test_sign_in import a_cookie
from tests.promises import operation_of

FORM = {"email": "anna@pulse.example", "password": demo.PASSWORD}


def is_plain(page: httpx2.Response) -> None:
    """A page that runs nothing, loads nothing and is framed by nobody."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert " on" + "click" not in page.text


async def test_home_says_what_this_is_and_leads_on(shared: Pulse) -> None:
    for language, words in (("ru-RU,en;q=0.8", RUSSIAN), ("de,en", ENGLISH), ("", ENGLISH)):
        home = await shared.http.get("/", headers={"Accept-Language": language})
        is_plain(home)
        assert words["what"] in home.text
        assert f'lang="{words["language"]}"' in home.text
    for address in ("/login", "/docs", "/openapi.json"):
        assert f'href="{address}"' in home.text
        assert (await shared.http.get(address)).status_code == 200


@pytest.mark.parametrize("address", BEHIND)
async def test_whoever_is_not_signed_in_is_led_to_the_door(shared: Pulse, address: str) -> None:
    answer = await shared.http.get(address)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/login?next={quote(address)}")


@pytest.mark.parametrize("address", BEHIND)
async def test_whoever_is_signed_in_sees_what_stands_behind(shared: Pulse, address: str) -> None:
    page = await shared.http.get(address, headers=await a_cookie(shared))
    is_plain(page)
    assert "Anna" in page.text
    for one in BEHIND[address]:
        assert one in page.text
        assert operation_of(*one.split(" ")), one


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


async def test_a_wrong_password_is_told_in_the_form(shared: Pulse) -> None:
    answer = await shared.http.post("/login", data=FORM | {"password": "guess", "next": '"><script>'})
    assert answer.status_code == 401
    is_plain(answer)
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "guess" not in answer.text


async def test_another_websites_form_signs_nobody_in(shared: Pulse) -> None:
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await shared.http.post("/login", data=FORM, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "asked",
    ["", "//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)", "/a\r\nb"],
)
def test_nobody_is_led_to_another_website(asked: str) -> None:
    assert own_path(asked, "/dashboard") == "/dashboard"


def test_both_languages_say_the_same_things() -> None:
    assert ENGLISH.keys() == RUSSIAN.keys()


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
