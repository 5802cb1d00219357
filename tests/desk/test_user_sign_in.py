"""What admins do about how somebody signs in: see and end their sessions, and reset a second factor."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.access import by_moderator
from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.desk.signing import Browser, an_account, signed_in, with_two_factor
from tests.desk.test_my_sessions import is_in, is_out, sessions
from tests.world import Desk, is_problem, settled, since

ADMIN = moderator_id("admin@pulse.example")
CODE = "/api/users/login/code"


@pytest.fixture
async def admin(shared: Pulse) -> Browser:
    return await signed_in(shared, await an_account(shared, "admin", "admin"))


def of(browser: Browser, what: str = "sessions") -> str:
    return f"/api/users/{browser.account}/{what}"


async def has_two_factors(admin: Browser, whose: UUID) -> bool:
    rows: list[dict[str, Any]] = (await admin.get("/api/users")).json()["items"]
    [listed] = [row["two_factor"] for row in rows if row["id"] == str(whose)]
    assert (await admin.get(f"/api/users/{whose}")).json()["two_factor"] is listed
    return bool(listed)


# The second factor


async def test_admins_see_who_has_two_factors_on(shared: Pulse, admin: Browser) -> None:
    browser = await signed_in(shared, await an_account(shared, "anna"))
    begun = await browser.post("/api/settings/2fa", {"password": "a long walk to the sea"})
    assert begun.status_code == 200
    assert not await has_two_factors(admin, browser.account), "begun is not on"
    await with_two_factor(browser)
    assert await has_two_factors(admin, browser.account)


async def test_who_lost_the_phone_is_let_in_again_by_an_admin(shared: Pulse, admin: Browser) -> None:
    email = await an_account(shared, "anna")
    browser = await signed_in(shared, email)
    await with_two_factor(browser)
    challenge = await Browser(shared, email).challenge()
    before = await shared.house.log.last_position()
    reset = await admin.ask("DELETE", of(browser, "2fa"))
    assert reset.status_code == 200, reset.text
    [event] = await since(shared, before)
    assert (event.envelope.type, event.envelope.by) == ("moderator.two-factor-reset", by_moderator(admin.account))
    assert not await has_two_factors(admin, browser.account)
    again = await admin.ask("DELETE", of(browser, "2fa"))
    assert (again.status_code, again.json()) == (200, reset.json()), "nothing is left to reset"
    is_problem(await browser.post(CODE, {"challenge": challenge, "code": "123456"}), 401, "not-authentic")
    assert "access_token" in (await Browser(shared, email).login()).json()


async def test_a_reset_factor_ends_every_session_and_the_person_is_told(shared: Pulse, admin: Browser) -> None:
    email = await an_account(shared, "anna")
    laptop = await signed_in(shared, email)
    await with_two_factor(laptop)
    assert (await admin.ask("DELETE", of(laptop, "2fa"))).status_code == 200
    await is_out(laptop)
    laptop = await signed_in(shared, email)
    await settled(shared)
    [told] = (await laptop.get("/api/notifications")).json()["items"]
    assert (told["kind"], told["by"]["id"], told["read"]) == ("two-factor-reset", str(admin.account), False)


async def test_nobody_resets_their_own_factor_and_no_moderator_anothers(shared: Pulse, admin: Browser) -> None:
    anna, boris = [await signed_in(shared, await an_account(shared, name)) for name in ("anna", "boris")]
    await with_two_factor(anna)
    await with_two_factor(admin)
    before = await shared.house.log.last_position()
    is_problem(await admin.ask("DELETE", of(admin, "2fa")), 403, "your-own-factor")
    is_problem(await boris.ask("DELETE", of(anna, "2fa")), 403, "admins-only")
    is_problem(await admin.ask("DELETE", f"/api/users/{uuid4()}/2fa"), 404, "not-found")
    assert await shared.house.log.last_position() == before


# Sessions


async def test_admins_see_where_somebody_is_signed_in_as_they_see_it_themselves(shared: Pulse, admin: Browser) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = [await signed_in(shared, email, agent) for agent in ("Laptop", "Phone")]
    answer = await admin.get(of(laptop))
    rows = answer.json()["items"]
    mine = [row | {"this": False} for row in await sessions(laptop)]
    assert sorted(rows, key=lambda row: row["id"]) == sorted(mine, key=lambda row: row["id"])
    assert not any(browser.cookies["pulse_session"] in answer.text for browser in (laptop, phone))
    assert [row["this"] for row in (await admin.get(of(admin))).json()["items"]] == [True]
    is_problem(await admin.get(f"/api/users/{uuid4()}/sessions"), 404, "not-found")


async def test_admins_end_one_session_of_somebody(shared: Pulse, admin: Browser) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = [await signed_in(shared, email, agent) for agent in ("Laptop", "Phone")]
    boris = await signed_in(shared, await an_account(shared, "boris"))
    [row] = [row for row in await sessions(laptop) if row["agent"] == "Phone"]
    before = await shared.house.log.last_position()
    is_problem(await admin.ask("DELETE", f"{of(boris)}/{row['id']}"), 404, "not-found")
    assert await shared.house.log.last_position() == before
    ended = await admin.ask("DELETE", f"{of(laptop)}/{row['id']}")
    assert ended.status_code == 200, ended.text
    [event] = await since(shared, before)
    assert (event.envelope.type, event.envelope.by) == ("moderator.session-ended", by_moderator(admin.account))
    await is_out(phone)
    await is_in(laptop)
    assert (await admin.ask("DELETE", f"{of(laptop)}/{row['id']}")).json() == ended.json()


async def test_admins_end_all_sessions_of_somebody(shared: Pulse, desk: Desk) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = [await signed_in(shared, email, agent) for agent in ("Laptop", "Phone")]
    boris = await signed_in(shared, await an_account(shared, "boris"))
    before = await shared.house.log.last_position()
    admin = await desk.headers("admin")
    assert (await shared.http.delete(of(laptop), headers=admin)).status_code == 200
    [event] = await since(shared, before)
    assert (event.envelope.type, event.envelope.by) == ("moderator.sessions-ended", by_moderator(ADMIN))
    await is_out(laptop)
    await is_out(phone)
    await is_in(boris)
    assert (await shared.http.get(of(laptop), headers=admin)).json()["items"] == []
    await is_in(await signed_in(shared, email))
    is_problem(await shared.http.delete(f"/api/users/{uuid4()}/sessions", headers=admin), 404, "not-found")
