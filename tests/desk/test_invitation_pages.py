"""The page behind a link by which somebody sets their password: two languages, no script, once."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from pulse.desk.words import ENGLISH, RUSSIAN
from tests.conftest import Pulse
from tests.desk.test_pages import is_plain
from tests.desk.test_users import CHOSEN, USERS, invited, signs_in
from tests.world import Desk

IN_RUSSIAN = {"Accept-Language": "ru"}


def page_of(invitation: dict[str, str]) -> str:
    return urlsplit(invitation["url"]).path


async def test_a_link_leads_to_a_form_that_sets_the_password_and_on_to_the_sign_in(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    page = page_of(olga["invitation"])
    form = await shared.http.get(page, headers=IN_RUSSIAN)
    is_plain(form)
    assert (form.status_code, RUSSIAN["set_password"] in form.text) == (200, True)
    assert form.headers["referrer-policy"] == "same-origin", "else a browser's form would come from nowhere"
    for said in (f'action="{page}"', 'autocomplete="new-password"', f'autocomplete="username" value="{olga["email"]}"'):
        assert said in form.text
    answer = await shared.http.post(page, data=CHOSEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "set-cookie" not in answer.headers
    assert (await signs_in(shared, olga["email"])).status_code == 200
    for used in (await shared.http.get(page), await shared.http.post(page, data={"password": "quite another"})):
        is_plain(used)
        assert (used.status_code, escape(ENGLISH["not-an-invitation"]) in used.text) == (401, True)
        assert ("<form" in used.text, olga["email"] in used.text) == (False, False)


async def test_looking_at_the_page_uses_nothing_up(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    before = await shared.house.log.last_position()
    for _ in range(2):
        assert (await shared.http.get(page_of(olga["invitation"]))).status_code == 200
    assert await shared.house.log.last_position() == before


async def test_what_is_no_good_password_is_told_in_the_form(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    page = page_of(olga["invitation"])
    for password, code in (("password1", "too-common"), ("short", "not-a-password"), ("", "not-a-password")):
        answer = await shared.http.post(page, data={"password": password}, headers=IN_RUSSIAN)
        is_plain(answer)
        assert (answer.status_code, escape(RUSSIAN[code]) in answer.text) == (400, True)
        assert "<form" in answer.text
    assert (await shared.http.post(page, data={"password": "🦊" * 1025})).status_code == 400
    assert (await shared.http.post(page, data={"password": "🦊 and 🐢 " * 100})).status_code == 303


async def test_a_forged_link_and_another_websites_form_set_nothing(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    page = page_of(olga["invitation"])
    before = await shared.house.log.last_position()
    for forged in ("/invitations/v1.x.y", page[:-1] + ("0" if page[-1] != "0" else "1")):
        assert (await shared.http.get(forged)).status_code == 401
        assert (await shared.http.post(forged, data=CHOSEN)).status_code == 401
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await shared.http.post(page, data=CHOSEN, headers=headers)).status_code == 403
    assert await shared.house.log.last_position() == before


async def test_a_forgotten_password_is_set_anew_by_the_same_page(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, **CHOSEN)
    made = (await desk.post("admin", f"{USERS}/{olga['id']}/reset-password")).json()["invitation"]
    assert (await shared.http.post(page_of(made), data={"password": "quite another"})).status_code == 303
    assert (await signs_in(shared, olga["email"], "quite another")).status_code == 200
