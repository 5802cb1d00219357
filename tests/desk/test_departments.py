"""`/api/departments`: made, renamed, archived, and who belongs to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2

from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.world import SALES, Desk, a_name, is_problem, kinds, since, vera_writes

LIST = "/api/departments"
ANNA = moderator_id("anna@pulse.example")


async def ask(desk: Desk, method: str, address: str, body: object = None) -> httpx2.Response:
    return await desk.pulse.http.request(method, address, json=body, headers=await desk.headers("admin"))


async def made(desk: Desk) -> UUID:
    answer = await desk.post("admin", LIST, {"name": a_name("Claims")})
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def shown(desk: Desk, department: UUID) -> dict[str, Any]:
    answer = await desk.get("admin", f"{LIST}/{department}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_department_is_made_once_and_listed(shared: Pulse, desk: Desk) -> None:
    name = a_name("Claims")
    first, again = [await desk.post("admin", LIST, {"name": spelled}) for spelled in (name, name.upper())]
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    row = next(row for row in (await desk.get("admin", LIST)).json()["items"] if row["id"] == first.json()["id"])
    assert row == {
        "id": str(department_id(name)), "name": name, "members": 0, "policy": {"assign": "none", "max_chats": None},
        "sources": [], "archived": False,
    }  # fmt: skip
    sales = await shown(desk, SALES)
    assert sales["members"] == len(sales["people"]) >= 2
    assert {"id": str(ANNA), "name": "Anna"} in sales["people"]
    assert "Simulator" in [source["title"] for source in sales["sources"]]
    is_problem(await desk.post("admin", LIST, {"name": "a\nb"}), 400, "not-a-department")


async def test_a_department_gets_another_name_and_keeps_its_id(desk: Desk) -> None:
    department, name = await made(desk), a_name("Returns")
    assert (await ask(desk, "PATCH", f"{LIST}/{department}", {"name": name})).status_code == 200
    assert (await shown(desk, department))["name"] == name
    is_problem(await ask(desk, "PATCH", f"{LIST}/{department}", {"name": " "}), 400, "not-a-department")
    is_problem(await ask(desk, "PATCH", f"{LIST}/{uuid4()}", {"name": name}), 404, "not-found")


async def test_no_two_departments_have_one_name(desk: Desk) -> None:
    first, other = a_name("Claims"), a_name("Returns")
    claims, returns = [(await desk.post("admin", LIST, {"name": name})).json()["id"] for name in (first, other)]
    refused = is_problem(await ask(desk, "PATCH", f"{LIST}/{returns}", {"name": first.upper()}), 409, "name-taken")
    assert refused["department"] == {"id": claims, "name": first}
    own = await ask(desk, "PATCH", f"{LIST}/{claims}", {"name": first.upper()})
    assert (own.status_code, (await shown(desk, UUID(claims)))["name"]) == (200, first.upper())


async def test_the_first_name_of_a_renamed_department_makes_no_other(desk: Desk) -> None:
    first, now = a_name("Claims"), a_name("Returns")
    claims = (await desk.post("admin", LIST, {"name": first})).json()["id"]
    assert (await ask(desk, "PATCH", f"{LIST}/{claims}", {"name": now})).status_code == 200
    for name in (first, now):
        refused = is_problem(await desk.post("admin", LIST, {"name": name}), 409, "name-taken")
        assert refused["department"] == {"id": claims, "name": now}


async def test_members_come_and_go(shared: Pulse, desk: Desk) -> None:
    department = await made(desk)
    address, before = f"{LIST}/{department}/members/{ANNA}", await shared.house.log.last_position()
    for _ in range(2):
        assert (await ask(desk, "PUT", address)).status_code == 200
    assert (await shown(desk, department))["people"] == [{"id": str(ANNA), "name": "Anna"}]
    assert [one.id for one in shared.house.directory.members_of(department)] == [ANNA]
    for _ in range(2):
        assert (await ask(desk, "DELETE", address)).status_code == 200
    assert (await shown(desk, department))["people"] == []
    assert kinds(await since(shared, before)) == ["moderator.role-changed"] * 2
    is_problem(await ask(desk, "PUT", f"{LIST}/{department}/members/{uuid4()}"), 404, "not-found")
    is_problem(await ask(desk, "PUT", f"{LIST}/{uuid4()}/members/{ANNA}"), 404, "not-found")


async def test_what_is_in_the_way_of_archiving_is_named(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    told = is_problem(await desk.post("admin", f"{LIST}/{SALES}/archive"), 409, "department-in-use")
    assert "Simulator" in [source["title"] for source in told["sources"]]
    assert str(chat) in told["chats"]
    department = await made(desk)
    assert (await ask(desk, "PUT", f"{LIST}/{department}/members/{ANNA}")).status_code == 200
    moved = await desk.post("admin", f"/api/chats/{chat}/transfer", {"departmentId": str(department)})
    assert moved.status_code == 200, moved.text
    told = is_problem(await desk.post("admin", f"{LIST}/{department}/archive"), 409, "department-in-use")
    assert (told["sources"], told["chats"]) == ([], [str(chat)])
    assert (await desk.post("admin", f"/api/chats/{chat}/close")).status_code == 200
    assert (await desk.post("admin", f"{LIST}/{department}/archive")).status_code == 200


async def test_nobody_joins_an_archived_department_until_it_is_restored(shared: Pulse, desk: Desk) -> None:
    department = await made(desk)
    for _ in range(2):
        assert (await desk.post("admin", f"{LIST}/{department}/archive")).status_code == 200
    assert (await shown(desk, department))["archived"] is True
    is_problem(await ask(desk, "PUT", f"{LIST}/{department}/members/{ANNA}"), 409, "department-is-archived")
    email = f"{a_name('olga')}@pulse.example"
    wanted = {"email": email, "name": "Olga", "departments": [str(department)]}
    is_problem(await desk.post("admin", "/api/users", wanted), 409, "department-is-archived")
    assert (await desk.post("admin", f"{LIST}/{department}/restore")).status_code == 200
    assert (await ask(desk, "PUT", f"{LIST}/{department}/members/{ANNA}")).status_code == 200
    await ask(desk, "DELETE", f"{LIST}/{department}/members/{ANNA}")


async def test_the_policy_stands_in_the_row(desk: Desk) -> None:
    department = await made(desk)
    await ask(desk, "PUT", f"{LIST}/{department}/policy", {"assign": "least-busy", "max_chats": 3})
    assert (await shown(desk, department))["policy"] == {"assign": "least-busy", "max_chats": 3}
