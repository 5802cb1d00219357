"""Where one is signed in: the list, and ending sessions. What has ended is out at once, by cookie and by token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.aggregates.moderator import Moderator
from pulse.house import now
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, signed_in
from tests.world import SALES, SUPPORT, is_problem, rows

MINE = "/api/settings/sessions"


async def sessions(browser: Browser) -> list[dict[str, Any]]:
    answer = await browser.get(MINE)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def is_out(browser: Browser) -> None:
    """Neither its cookie nor its token opens anything."""
    is_problem(await browser.get("/api/chats"), 401, "not-authentic")
    is_problem(await browser.pulse.http.get("/api/chats", headers=browser.bearer), 401, "not-authentic")
    is_problem(await browser.pulse.http.get("/api/users/me", headers=browser.bearer), 401, "not-authentic")
    asked = {"socket_id": "1.2", "channel_name": f"private-moderator.{browser.account}"}
    answer = await browser.pulse.http.post("/broadcasting/auth", json=asked, headers=browser.bearer)
    is_problem(answer, 401, "not-authentic")


async def is_in(browser: Browser) -> None:
    assert (await browser.get("/api/chats")).status_code == 200
    assert (await browser.pulse.http.get("/api/chats", headers=browser.bearer)).status_code == 200
    assert (await browser.pulse.http.get("/api/users/me", headers=browser.bearer)).status_code == 200


async def test_the_list_names_each_sign_in_and_this_one(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = [await signed_in(shared, email, agent) for agent in ("Laptop", "Phone")]
    told = {row["agent"]: row for row in await sessions(laptop)}
    assert {agent: row["this"] for agent, row in told.items()} == {"Laptop": True, "Phone": False}
    assert told["Phone"]["address"] == "127.0.0.1"
    assert told["Phone"]["created_at"] <= told["Phone"]["seen_at"] < told["Phone"]["expires_at"]
    assert [row["this"] for row in await sessions(phone) if row["agent"] == "Phone"] == [True]
    cookies = {laptop.cookies["pulse_session"], phone.cookies["pulse_session"]}
    assert not any(cookie in str(row) for cookie in cookies for row in told.values())
    by_token = await shared.http.get(MINE, headers=phone.bearer)
    assert {row["agent"] for row in by_token.json()["items"] if row["this"]} == {"Phone"}


async def test_one_can_be_ended_and_the_others_stay(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = [await signed_in(shared, email, agent) for agent in ("Laptop", "Phone")]
    [row] = [row for row in await sessions(laptop) if row["agent"] == "Phone"]
    ended = await laptop.ask("DELETE", f"{MINE}/{row['id']}")
    assert ended.status_code == 200
    await is_out(phone)
    await is_in(laptop)
    again = await laptop.ask("DELETE", f"{MINE}/{row['id']}")
    assert again.json() == ended.json(), "what has ended already is answered the same"
    assert [row["agent"] for row in await sessions(laptop)] == ["Laptop"]


async def test_nobody_ends_anothers(shared: Pulse) -> None:
    anna = await signed_in(shared, await an_account(shared, "anna"))
    boris = await signed_in(shared, await an_account(shared, "boris"))
    before = await shared.house.log.last_position()
    for wanted in ((await sessions(anna))[0]["id"], str(uuid4())):
        is_problem(await boris.ask("DELETE", f"{MINE}/{wanted}"), 404, "not-found")
    assert await shared.house.log.last_position() == before
    await is_in(anna)


async def test_all_others_can_be_ended(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    browsers = [await signed_in(shared, email, str(number)) for number in range(4)]
    assert (await browsers[1].ask("DELETE", MINE + "?others=true")).status_code == 200
    for browser in (browsers[0], *browsers[2:]):
        await is_out(browser)
    await is_in(browsers[1])
    assert [row["this"] for row in await sessions(browsers[1])] == [True]
    await is_in(await signed_in(shared, email))


async def test_all_can_be_ended(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = await signed_in(shared, email), await signed_in(shared, email)
    ended = await laptop.ask("DELETE", MINE)
    assert 'pulse_session=""' in ended.headers["set-cookie"]
    await is_out(laptop)
    await is_out(phone)
    await is_in(await signed_in(shared, email))


async def test_signing_out_ends_its_tokens_too(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = await signed_in(shared, email), await signed_in(shared, email)
    cookies = dict(laptop.cookies)
    assert (await laptop.post("/api/users/logout")).status_code == 204
    laptop.cookies = cookies
    await is_out(laptop)
    await is_in(phone)


async def decided(pulse: Pulse, who: UUID, what: Any) -> None:
    def decision(known: Moderator | None) -> Moderator:
        assert known is not None
        what(known)
        return known

    done = await pulse.house.store.decide(Moderator, who, decision, by="test")
    await pulse.house.directory.wait_for(done.position)


@pytest.mark.parametrize(
    "change",
    [
        lambda moderator: moderator.change_role("admin", (SALES,), now=now()),
        lambda moderator: moderator.disable(now=now()),
        lambda moderator: moderator.change_password("$argon2id$of an admin", now=now()),
    ],
    ids=["another role", "disabled", "another password"],
)
async def test_whose_account_changes_is_out_everywhere(shared: Pulse, change: Any) -> None:
    """Whoever decides it: nothing but the event is needed."""
    email = await an_account(shared, "anna")
    laptop = await signed_in(shared, email)
    await decided(shared, laptop.account, change)
    await is_out(laptop)


async def test_another_department_ends_nothing(shared: Pulse) -> None:
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    await decided(shared, laptop.account, lambda who: who.change_role("moderator", (SUPPORT,), now=now()))
    await is_in(laptop)


async def test_a_new_password_ends_the_other_sessions(shared: Pulse) -> None:
    email = await an_account(shared, "anna")
    laptop, phone = await signed_in(shared, email), await signed_in(shared, email)
    changed = await laptop.post("/api/settings/password", {"old": PASSWORD, "new": "another walk to the sea"})
    assert changed.status_code == 200, changed.text
    await is_out(phone)
    await is_in(laptop)
    assert len(await sessions(laptop)) == 1


async def test_when_it_was_last_seen_is_noted_once_a_minute(shared: Pulse) -> None:
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    [row] = await sessions(laptop)
    await laptop.get("/api/chats")
    assert (await sessions(laptop))[0]["seen_at"] == row["seen_at"]
    await rows(
        shared,
        "update desk.sessions set seen_at = %(at)s where id = %(id)s",
        at=now() - timedelta(minutes=2),
        id=row["id"],
    )
    await laptop.get("/api/chats")
    assert (await sessions(laptop))[0]["seen_at"] > row["seen_at"]


async def test_a_token_of_a_session_that_is_over_gets_no_fresh_one(shared: Pulse) -> None:
    laptop = await signed_in(shared, await an_account(shared, "anna"))
    [row] = await sessions(laptop)
    await rows(shared, "update desk.sessions set expires_at = now() where id = %(id)s", id=row["id"])
    is_problem(await shared.http.get("/api/users/me", headers=laptop.bearer), 401, "not-authentic")
