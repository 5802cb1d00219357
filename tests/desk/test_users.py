"""`/api/users`, `/api/invitations` and `/api/colleagues`: who is here, and what they may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2

from pulse import demo
from pulse.aggregates.moderator import moderator_id
from pulse.house import now
from pulse.tokens import INVITATION_LIFE, RESET_LIFE, Invitation
from tests.conftest import Pulse
from tests.insisting import insist
from tests.roster.talkers import talking
from tests.world import SALES, SUPPORT, Desk, a_name, is_problem, kinds, since

USERS = "/api/users"
ADMIN, ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("admin", "anna", "boris"))
CHOSEN = {"password": "a long sentence"}


async def ask(desk: Desk, method: str, address: str, body: object = None, who: str = "admin") -> httpx2.Response:
    return await desk.pulse.http.request(method, address, json=body, headers=await desk.headers(who))


async def invited(desk: Desk, **more: object) -> dict[str, Any]:
    email = f"{a_name('olga')}@pulse.example"
    answer = await desk.post("admin", USERS, {"email": email, "name": "Olga", **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json() | {"email": email}
    return found


async def shown(desk: Desk, user: object) -> dict[str, Any]:
    answer = await desk.get("admin", f"{USERS}/{user}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def signs_in(pulse: Pulse, email: str, password: str = CHOSEN["password"]) -> httpx2.Response:
    answer = await pulse.http.post("/api/users/login", json={"email": email, "password": password})
    pulse.http.cookies.clear()
    return answer


async def test_all_people_are_listed_with_what_they_may(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, role="moderator", departments=[str(SALES)])
    listed = (await desk.get("admin", USERS)).json()
    assert (listed["next"], listed["prev"]) == (None, None)
    [row] = [row for row in listed["items"] if row["id"] == olga["id"]]
    assert row == await shown(desk, olga["id"]) == {
        "id": olga["id"], "email": olga["email"], "name": "Olga", "role": "moderator",
        "departments": [{"id": str(SALES), "name": "Sales"}], "disabled": False, "away": False, "online": False,
        "invited": True, "two_factor": False, "last_sign_in_at": None,
    }  # fmt: skip
    before = now()
    await signs_in(shared, "anna@pulse.example", demo.PASSWORD)
    assert (await shown(desk, ANNA))["last_sign_in_at"] >= before.isoformat()
    is_problem(await desk.get("admin", f"{USERS}/{uuid4()}"), 404, "not-found")


async def test_who_has_an_open_socket_is_online_for_admins_and_colleagues(shared: Pulse, desk: Desk) -> None:
    async with talking(shared.house.log) as push:
        push.come(str(BORIS))
        await insist(lambda: shown(desk, BORIS), lambda row: row["online"])
        rows = (await desk.get("anna", "/api/colleagues")).json()["items"]
        assert {row["id"] for row in rows if row["online"]} == {str(BORIS)}


async def test_an_invited_person_sets_a_password_once_and_signs_in(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    address = olga["invitation"]["address"]
    assert address == f"/api/invitations/{olga['invitation']['token']}"
    assert olga["invitation"]["url"] == f"{shared.house.settings.http_address}{address.removeprefix('/api')}"
    answer = await shared.http.post(address, json=CHOSEN)
    assert answer.status_code == 200, answer.text
    assert (await signs_in(shared, olga["email"])).status_code == 200
    assert (await shown(desk, olga["id"]))["invited"] is False
    before = await shared.house.log.last_position()
    is_problem(await shared.http.post(address, json={"password": "another one"}), 401, "not-an-invitation")
    assert await shared.house.log.last_position() == before
    stored = await shared.house.log.read_all(f"pulse.ev.moderator.*.{UUID(olga['id']).hex}")
    assert all(CHOSEN["password"].encode() not in one.body for one in stored)
    assert all(olga["invitation"]["token"].encode() not in one.body for one in stored)


async def test_inviting_again_changes_nothing_and_shows_no_link(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    before = await shared.house.log.last_position()
    again = await desk.post("admin", USERS, {"email": olga["email"].upper(), "name": "Another", "role": "admin"})
    assert (again.status_code, again.json()["id"], again.json()["invitation"]) == (200, olga["id"], None)
    assert await shared.house.log.last_position() == before


async def test_an_admin_may_choose_the_password(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, **CHOSEN)
    assert olga["invitation"] is None
    assert (await signs_in(shared, olga["email"])).status_code == 200


async def test_forged_old_and_replaced_invitations_are_refused_in_the_same_words(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    signer, person, link = shared.house.signer, UUID(olga["id"]), olga["version"]
    old = int((now() - INVITATION_LIFE - timedelta(minutes=1)).timestamp())
    yesterday = int((now() - RESET_LIFE - timedelta(seconds=2)).timestamp())
    tokens = [
        olga["invitation"]["token"][:-1] + ("0" if olga["invitation"]["token"][-1] != "0" else "1"),
        signer.invitation(Invitation(person, link, old)),
        signer.invitation(Invitation(person, link, yesterday, int(RESET_LIFE.total_seconds()))),
        signer.invitation(Invitation(uuid4(), link, int(now().timestamp()))),
        signer.invitation(Invitation(person, link + 5, int(now().timestamp()))),
        "v1.x.y",
    ]
    newer = (await desk.post("admin", f"{USERS}/{olga['id']}/reset-password")).json()["invitation"]
    said = set()
    for token in [*tokens, olga["invitation"]["token"]]:
        answer = await shared.http.post(f"/api/invitations/{token}", json=CHOSEN)
        said.add(is_problem(answer, 401, "not-an-invitation")["title"])
    assert len(said) == 1
    assert datetime.fromisoformat(olga["invitation"]["expires_at"]) - now() > INVITATION_LIFE / 2 > RESET_LIFE
    assert RESET_LIFE / 2 < datetime.fromisoformat(newer["expires_at"]) - now() <= RESET_LIFE
    assert (await shared.http.post(newer["address"], json=CHOSEN)).status_code == 200


async def test_a_reset_ends_every_session_once_it_is_used_and_not_before(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, **CHOSEN)
    credentials = {"email": olga["email"], **CHOSEN}
    cookie = (await shared.http.post("/api/users/login", json=credentials)).cookies
    shared.http.cookies.clear()
    session = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookie.items())}
    made = await desk.post("admin", f"{USERS}/{olga['id']}/reset-password")
    assert (await shared.http.get("/api/users/me", headers=session)).status_code == 200
    await shared.http.post(made.json()["invitation"]["address"], json={"password": "quite another"})
    is_problem(await shared.http.get("/api/users/me", headers=session), 401, "not-authentic")
    is_problem(await signs_in(shared, olga["email"]), 401, "wrong-password")
    assert (await signs_in(shared, olga["email"], "quite another")).status_code == 200


async def test_another_website_sets_nobodys_password(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk)
    answer = await shared.http.post(
        olga["invitation"]["address"], json=CHOSEN, headers={"Origin": "https://evil.example"}
    )
    is_problem(answer, 403, "not-from-here")


async def test_what_is_given_is_changed_and_the_rest_stays(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, departments=[str(SALES)])
    before = await shared.house.log.last_position()
    for _ in range(2):
        changed = await ask(desk, "PATCH", f"{USERS}/{olga['id']}", {"name": "Olya", "departments": [str(SUPPORT)]})
        assert changed.status_code == 200, changed.text
    assert kinds(await since(shared, before)) == ["moderator.profile-changed", "moderator.role-changed"]
    row = await shown(desk, olga["id"])
    assert (row["name"], row["role"], [one["name"] for one in row["departments"]]) == ("Olya", "moderator", ["Support"])
    wrong = await ask(desk, "PATCH", f"{USERS}/{olga['id']}", {"departments": [str(uuid4())]})
    is_problem(wrong, 400, "unknown-department")
    is_problem(await ask(desk, "PATCH", f"{USERS}/{olga['id']}", {"role": "owner"}), 422, "invalid")
    is_problem(await ask(desk, "PATCH", f"{USERS}/{uuid4()}", {"name": "x"}), 404, "not-found")


async def test_a_disabled_person_is_out_at_once_and_back_when_enabled(shared: Pulse, desk: Desk) -> None:
    olga = await invited(desk, **CHOSEN)
    token = (await signs_in(shared, olga["email"])).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await shared.http.get("/api/users/me", headers=bearer)).status_code == 200
    assert (await desk.post("admin", f"{USERS}/{olga['id']}/disable")).status_code == 200
    is_problem(await shared.http.get("/api/users/me", headers=bearer), 401, "not-authentic")
    is_problem(await signs_in(shared, olga["email"]), 401, "wrong-password")
    is_problem(await desk.post("admin", f"{USERS}/{olga['id']}/reset-password"), 409, "person-is-disabled")
    assert (await shown(desk, olga["id"]))["disabled"] is True
    assert olga["id"] not in (await desk.get("anna", "/api/colleagues")).text
    assert (await desk.post("admin", f"{USERS}/{olga['id']}/enable")).status_code == 200
    assert (await signs_in(shared, olga["email"])).status_code == 200


async def test_the_last_active_admin_stays(desk: Desk) -> None:
    is_problem(await desk.post("admin", f"{USERS}/{ADMIN}/disable"), 409, "last-admin")
    is_problem(await ask(desk, "PATCH", f"{USERS}/{ADMIN}", {"role": "moderator"}), 409, "last-admin")
    olga = await invited(desk, role="admin")
    assert (await desk.post("admin", f"{USERS}/{ADMIN}/disable")).status_code == 200
    is_problem(await desk.get("admin", USERS), 401, "not-authentic")
    # Somebody has to let them in again: the newcomer.
    await desk.pulse.http.post(olga["invitation"]["address"], json=CHOSEN)
    token = (await signs_in(desk.pulse, olga["email"])).json()["access_token"]
    theirs = {"Authorization": f"Bearer {token}"}
    assert (await desk.pulse.http.post(f"{USERS}/{ADMIN}/enable", headers=theirs)).status_code == 200
    is_problem(await desk.get("admin", USERS), 401, "not-authentic")
    desk.forget("admin")  # they sign in anew: no session from before comes back
    assert (await desk.get("admin", USERS)).status_code == 200


async def test_colleagues_are_everybody_who_may_sign_in_with_the_departments_one_shares(desk: Desk) -> None:
    olga = await invited(desk, departments=[str(SUPPORT)])
    rows = {row["id"]: row for row in (await desk.get("anna", "/api/colleagues")).json()["items"]}
    assert {"id", "name", "online", "away", "departments"} == set(rows[str(BORIS)])
    assert rows[str(BORIS)]["departments"] == sorted(map(str, (SALES, SUPPORT)))
    assert rows[olga["id"]]["departments"] == [str(SUPPORT)]
    assert rows[str(ADMIN)]["departments"] == []
