"""Working hours over HTTP, for admins."""

from __future__ import annotations

from uuid import uuid4

import httpx2
import pytest

from tests.world import SUPPORT, Desk, is_problem, settled

ADDRESS = f"/api/departments/{SUPPORT}/hours"
OFFICE = {"zone": "Europe/Moscow", "days": {"mon": ["09:00-13:00", "14:00-18:00"]}, "closed": ["2027-01-01"]}


async def put(desk: Desk, name: str, body: object, address: str = ADDRESS) -> httpx2.Response:
    return await desk.pulse.http.put(address, json=body, headers=await desk.headers(name))


async def test_hours_are_set_shown_and_taken_back(desk: Desk) -> None:
    assert (await desk.get("admin", ADDRESS)).json() == {"hours": None}
    changed = await put(desk, "admin", {"hours": OFFICE})
    assert changed.status_code == 200, changed.text
    assert (await desk.get("admin", ADDRESS)).json() == {"hours": OFFICE}
    again = await put(desk, "admin", {"hours": OFFICE})
    assert again.json()["version"] == changed.json()["version"], "nothing to do is no event"
    assert (await put(desk, "admin", {"hours": None})).status_code == 200
    assert (await desk.get("admin", ADDRESS)).json() == {"hours": None}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"days": {"monday": []}}, "'monday' is no day"),
        ({"days": {"tue": ["18:00-09:00"]}}, "spans of tue"),
        ({"closed": ["31.12.2026"]}, "closed days"),
        ({"closed": ["2026-12-31"] * 401}, "400 days"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_stored(desk: Desk, more: dict[str, object], says: str) -> None:
    before = await settled(desk.pulse)
    told = is_problem(await put(desk, "admin", {"hours": OFFICE | more}), 400, "not-working-hours")
    assert says in told["title"]
    assert await settled(desk.pulse) == before


@pytest.mark.parametrize(
    "body", [{}, None, {"hours": {"zone": "UTC"}}, {"hours": OFFICE | {"lunch": 1}}, {"hous": None}]
)
async def test_another_shape_is_invalid(desk: Desk, body: object) -> None:
    is_problem(await put(desk, "admin", body), 422, "invalid")


async def test_they_are_for_admins_and_of_departments_there_are(desk: Desk) -> None:
    is_problem(await put(desk, "anna", {"hours": None}), 403, "admins-only")
    is_problem(await desk.get("anna", ADDRESS), 403, "admins-only")
    nowhere = f"/api/departments/{uuid4()}/hours"
    is_problem(await put(desk, "admin", {"hours": None}, nowhere), 404, "not-found")
    is_problem(await desk.get("admin", nowhere), 404, "not-found")
