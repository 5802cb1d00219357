"""V7 Session management."""

from __future__ import annotations

import hashlib
import random
from datetime import timedelta
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pulse.push.codes import Code
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, signed_in, with_two_factor
from tests.desk.test_my_sessions import MINE, is_in, is_out, sessions
from tests.push.test_sign_outs import staff_window
from tests.world import Desk, is_problem, rows

COOKIE = "pulse_session"


async def backdate(browser: Browser, column: str, by: timedelta) -> None:
    """This browser's session, as if so much more time had gone by."""
    token = hashlib.sha256(browser.cookies[COOKIE].encode()).digest()
    statement = f"update desk.sessions set {column} = {column} - %(by)s where token_hash = %(token)s"
    await rows(browser.pulse, statement, by=by, token=token)


async def test_v7_2_1_whose_a_session_is_decides_the_server(shared: Pulse) -> None:
    """A cookie says nothing by itself: without its row, or with another letter, it opens nothing."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    good = browser.cookies[COOKIE]
    for forged in (
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        str(browser.account),
        hashlib.sha256(good.encode()).hexdigest(),
    ):
        answer = await shared.http.get("/api/chats", headers={"Cookie": f"{COOKIE}={forged}"})
        is_problem(answer, 401, "not-authentic")
    await rows(shared, "delete from desk.sessions where moderator_id = %(anna)s", anna=browser.account)
    is_problem(await browser.get("/api/chats"), 401, "not-authentic")


async def test_v7_2_2_nobody_signs_in_with_a_key_that_stays(shared: Pulse) -> None:
    """Sessions are made at sign-in; there is no static key for the API, and none of the installation's keys is one."""
    first, second = [await signed_in(shared, await an_account(shared, "anna")) for _ in range(2)]
    assert first.cookies[COOKIE] != second.cookies[COOKIE]
    for key in ("pulse", shared.house.vault.derive("staff").hex(), first.cookies["pulse_device"], str(first.account)):
        for headers in ({"Authorization": f"Bearer {key}"}, {"Cookie": f"{COOKIE}={key}"}, {"X-Api-Key": key}):
            is_problem(await shared.http.get("/api/chats", headers=headers), 401, "not-authentic")


async def test_v7_2_3_a_cookie_can_not_be_guessed(shared: Pulse) -> None:
    """256 random bits, of the system's generator, and each its own."""
    email, made = await an_account(shared, "anna"), set()
    for _ in range(5):
        random.seed(7)
        made.add((await signed_in(shared, email)).cookies[COOKIE])
    assert len(made) == 5
    assert all(len(cookie) * 6 >= 256 for cookie in made)


@pytest.mark.parametrize("way", ["the API", "the page"])
async def test_v7_2_4_signing_in_makes_a_new_session_and_ends_the_one_before(shared: Pulse, way: str) -> None:
    """Whatever cookie a browser brought, known or made up, it has another one then, and the old one is out."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    before = Browser(shared, browser.email, cookies=dict(browser.cookies), token=browser.token)
    if way == "the API":
        assert (await browser.login()).status_code == 200
    else:
        sent = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        form = {"email": browser.email, "password": PASSWORD}
        answer = await shared.http.post("/login", data=form, headers={"Cookie": sent})
        shared.http.cookies.clear()
        browser.cookies |= dict(answer.cookies)
    assert browser.cookies[COOKIE] != before.cookies[COOKIE]
    await is_out(before)
    assert await browser.is_in()
    assert len(await sessions(browser)) == 1
    planted = Browser(shared, browser.email, cookies={COOKIE: "planted"})
    assert (await planted.login()).status_code == 200
    assert planted.cookies[COOKIE] != "planted"


async def test_v7_3_1_a_session_that_nobody_uses_ends(shared: Pulse) -> None:
    """After three days without a request, by cookie, by token and in the list; a weekend is shorter."""
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    await backdate(laptop, "seen_at", timedelta(days=2, hours=23))
    assert await laptop.is_in()
    await backdate(laptop, "seen_at", timedelta(days=3, minutes=5))
    is_problem(await laptop.get("/api/chats"), 401, "not-authentic")
    is_problem(await shared.http.get("/api/users/me", headers=laptop.bearer), 401, "not-authentic")
    assert len(await sessions(await signed_in(shared, laptop.email))) == 1


async def test_v7_3_2_no_session_lives_longer_than_a_fortnight(shared: Pulse) -> None:
    """However much it is used: what it is used for moves its end by nothing."""
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    [row] = await sessions(laptop)
    await backdate(laptop, "seen_at", timedelta(hours=1))
    assert await laptop.is_in()
    [used] = await sessions(laptop)
    assert (used["seen_at"] > row["created_at"], used["expires_at"]) == (True, row["expires_at"])
    await backdate(laptop, "expires_at", timedelta(days=14))
    is_problem(await laptop.get("/api/chats"), 401, "not-authentic")
    is_problem(await shared.http.get("/api/users/me", headers=laptop.bearer), 401, "not-authentic")


async def test_v7_4_1_what_has_ended_opens_nothing_any_more(shared: Pulse) -> None:
    """After signing out neither the cookie nor a token from before, and open sockets are closed."""
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    before = Browser(shared, laptop.email, cookies=dict(laptop.cookies), token=laptop.token)
    async with staff_window(shared, laptop) as window:
        assert (await laptop.post("/api/users/logout")).status_code == 204
        assert await window.until_closed() == Code.SESSION_ENDED
    await is_out(before)
    with pytest.raises(InvalidStatus):
        await connect(f"{shared.push}/channel/ws?type=staff&access_token={before.token}")


async def test_v7_4_2_a_disabled_account_has_no_session_left(shared: Pulse, desk: Desk) -> None:
    """All of them end, with their sockets, and being enabled again brings none of them back."""
    email = await an_account(shared, "anna")
    laptop, phone = await signed_in(shared, email, "Laptop"), await signed_in(shared, email, "Phone")
    async with staff_window(shared, phone) as window:
        assert (await desk.post("admin", f"/api/users/{laptop.account}/disable")).status_code == 200
        assert await window.until_closed() == Code.SESSION_ENDED
    await is_out(laptop)
    assert (await desk.post("admin", f"/api/users/{laptop.account}/enable")).status_code == 200
    await is_out(laptop)
    await is_out(phone)
    await is_in(await signed_in(shared, email))


async def test_v7_4_5_an_admin_ends_all_sessions_of_a_person(shared: Pulse, desk: Desk) -> None:
    """With the sockets, by one request; one of them alone too. Nobody else's end by it, and no moderator may."""
    anna, boris = [await signed_in(shared, await an_account(shared, name)) for name in ("anna", "boris")]
    theirs, admin = f"/api/users/{anna.account}/sessions", await desk.headers("admin")
    for method, address in (("GET", theirs), ("DELETE", theirs), ("DELETE", f"{theirs}/{uuid4()}")):
        is_problem(await boris.ask(method, address), 403, "admins-only")
    await is_in(anna)
    async with staff_window(shared, anna) as window:
        assert (await shared.http.delete(theirs, headers=admin)).status_code == 200
        assert await window.until_closed() == Code.SESSION_ENDED
    await is_out(anna)
    await is_in(boris)
    phone, tablet = [await signed_in(shared, anna.email) for _ in range(2)]
    [row] = [row for row in await sessions(tablet) if not row["this"]]
    assert (await shared.http.delete(f"{theirs}/{row['id']}", headers=admin)).status_code == 200
    await is_out(phone)
    await is_in(tablet)


async def test_v7_5_1_how_one_signs_in_is_changed_by_whoever_proves_again_who_they_are(shared: Pulse) -> None:
    """Password and second factor take the password; identities a sign-in of the last quarter of an hour."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    identity = "/api/settings/identities/vk"
    is_problem(await browser.post(identity), 404, "provider-off")  # allowed, were it set up here
    await backdate(browser, "expires_at", timedelta(minutes=16))
    is_problem(await browser.post(identity), 403, "sign-in-again")
    is_problem(await browser.ask("DELETE", identity), 403, "sign-in-again")
    changes = [
        ("POST", "/api/settings/password", {"old": "x", "new": "a way"}),
        ("POST", "/api/settings/2fa", {"password": "x"}),
    ]
    for method, address, body in changes:
        is_problem(await browser.ask(method, address, body), 403, "not-proven")
    _, recovery = await with_two_factor(browser)
    proof = {"password": "x", "recovery_code": recovery[0]}
    is_problem(await browser.ask("DELETE", "/api/settings/2fa", proof), 403, "not-proven")
    is_problem(await browser.post("/api/settings/2fa/recovery-codes", proof), 403, "not-proven")
    is_problem(await browser.ask("PATCH", "/api/settings/profile", {"email": "thief@pulse.example"}), 422, "invalid")


async def test_v7_5_2_people_see_where_they_are_signed_in_and_end_what_they_like(shared: Pulse) -> None:
    """Any of them or all, sockets too, and never somebody else's; who asks is not asked again (see above)."""
    email = await an_account(shared, "anna")
    laptop, phone = await signed_in(shared, email, "Laptop"), await signed_in(shared, email, "Phone")
    boris = await signed_in(shared, await an_account(shared, "boris"))
    [row] = [row for row in await sessions(laptop) if row["agent"] == "Phone"]
    for session in (row["id"], uuid4()):
        is_problem(await boris.ask("DELETE", f"{MINE}/{session}"), 404, "not-found")
    async with staff_window(shared, phone) as window:
        assert (await laptop.ask("DELETE", f"{MINE}/{row['id']}")).status_code == 200
        assert await window.until_closed() == Code.SESSION_ENDED
    await is_out(phone)
    await is_in(laptop)
    cookies = dict(laptop.cookies)
    assert (await laptop.ask("DELETE", MINE)).status_code == 200
    laptop.cookies = cookies
    await is_out(laptop)
