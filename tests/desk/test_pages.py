"""Home, and what stands behind the addresses of the desk: pages without a script, in two languages."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
import pytest

from pulse.desk.pages import BEHIND, SETTINGS
from pulse.desk.words import ENGLISH, RUSSIAN
from tests.conftest import Pulse
from tests.desk.signing import an_account, signed_in
from tests.desk.test_sign_in import a_cookie
from tests.promises import operation_of

ADMIN = "admin@pulse.example"


def is_plain(page: httpx2.Response) -> None:
    """A page that runs nothing, loads nothing, is framed by nobody, and whose forms browsers send with our Origin."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "same-origin"
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
    assert 'href="/dashboard"' in (await shared.http.get("/", headers=await a_cookie(shared))).text


@pytest.mark.parametrize("address", BEHIND)
async def test_whoever_is_not_signed_in_is_led_to_the_door(shared: Pulse, address: str) -> None:
    answer = await shared.http.get(address)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/login?next={quote(address)}")


@pytest.mark.parametrize("address", BEHIND)
async def test_whoever_is_signed_in_sees_what_stands_behind(shared: Pulse, address: str) -> None:
    page = await shared.http.get(address, headers=await a_cookie(shared, ADMIN))
    is_plain(page)
    assert "You are signed in as Admin." in page.text
    guide = (await shared.http.get("/docs")).text
    assert f'id="{BEHIND[address].guide}"' in guide
    for one in (*BEHIND[address].operations, *BEHIND[address].admins):
        assert one in page.text
        assert operation_of(*one.split(" ")), one


async def test_every_page_leads_to_all_others_and_out(shared: Pulse) -> None:
    ways = ("/", "/dashboard", "/settings/profile", "/admin", "/docs")
    for address in ways:
        page = await shared.http.get(address, headers=await a_cookie(shared))
        is_plain(page)
        for other in ways:
            assert f'href="{other}"' in page.text
        assert '<form method="post" action="/logout">' in page.text
        assert (f'<a href="{address}" aria-current="page">' in page.text) is (address != "/")
    assert "/logout" not in (await shared.http.get("/")).text


async def test_the_settings_lead_to_each_other(shared: Pulse) -> None:
    cookie = await a_cookie(shared)
    for address in SETTINGS:
        page = (await shared.http.get(address, headers=cookie)).text
        assert all(f'href="{other}"' in page for other in SETTINGS)
    first = await shared.http.get("/settings", headers=cookie)
    assert (first.status_code, first.headers["location"]) == (302, SETTINGS[0])


async def test_moderators_reach_their_panel_and_see_no_part_of_the_admins(shared: Pulse) -> None:
    """S1.4: only admins and moderators reach it, and what is managed there is the admins' business."""
    panel = BEHIND["/admin"]
    theirs = await shared.http.get("/admin", headers=await a_cookie(shared))
    assert theirs.status_code == 200
    assert ENGLISH["panel"].replace("'", "&#x27;") in theirs.text
    assert all(one in theirs.text for one in panel.operations)
    assert not any(f"<code>{one}</code>" in theirs.text for one in panel.admins)
    assert ENGLISH["for_admins"] not in theirs.text


async def test_what_a_moderators_page_links_to_answers_moderators(shared: Pulse) -> None:
    cookie = await a_cookie(shared)
    for behind in BEHIND.values():
        for one in behind.operations:
            method, address = one.split(" ")
            if method == "GET":
                assert (await shared.http.get(address, headers=cookie)).status_code == 200, one
        for one in behind.admins:
            assert (await shared.http.get(one.split(" ")[1], headers=cookie)).status_code == 403, one


async def test_pages_speak_the_language_one_has_chosen(shared: Pulse) -> None:
    """The browser's until then."""
    browser = await signed_in(shared, await an_account(shared, "boris"))
    headers = {"Cookie": f"pulse_session={browser.cookies['pulse_session']}", "Accept-Language": "ru"}
    addresses = (*BEHIND, "/", "/docs")

    async def spoken() -> set[str]:
        pages = [(await shared.http.get(address, headers=headers)).text for address in addresses]
        pages.append((await shared.http.get("/nowhere", headers=headers | {"Accept": "text/html"})).text)
        return {page.partition('lang="')[2][:2] for page in pages}

    assert await spoken() == {"ru"}
    assert (await browser.ask("PATCH", "/api/settings/profile", {"locale": "en"})).status_code == 200
    assert await spoken() == {"en"}
    assert (await browser.ask("PATCH", "/api/settings/profile", {"locale": "ru"})).status_code == 200
    headers["Accept-Language"] = "en"
    assert await spoken() == {"ru"}


def test_both_languages_say_the_same_things() -> None:
    assert ENGLISH.keys() == RUSSIAN.keys()
