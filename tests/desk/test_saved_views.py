"""A saved view is applied by its id: narrowed by more filters, never widened, and never another's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Pulse
from tests.world import Desk, a_name, is_problem, settled, vera_writes


async def saved(
    pulse: Pulse, desk: Desk, name: str, query: dict[str, Any], *, by: str = "anna", all_: bool = False
) -> str:
    body = {"query": query, "everybody": all_}
    answer = await pulse.http.put(f"/api/views/{name}", json=body, headers=await desk.headers(by))
    assert answer.status_code == 200, answer.text
    rows = (await desk.get(by, "/api/views")).json()["items"]
    return str(next(row["id"] for row in rows if row["name"] == name))


async def listed(desk: Desk, who: str, **query: Any) -> set[str]:
    return {row["id"] for row in await desk.items(who, "/api/chats", **query)}


async def test_a_view_lists_what_its_filters_list_and_more_filters_narrow_it(shared: Pulse, desk: Desk) -> None:
    tag, urgent, other = a_name("late"), *[await vera_writes(shared, a_name()) for _ in range(2)]
    for chat in (urgent, other):
        await desk.post("anna", f"/api/chats/{chat}/tags", {"tag": tag})
    headers = await desk.headers("anna")
    await shared.http.put(f"/api/chats/{urgent}/priority", json={"priority": "urgent"}, headers=headers)
    await settled(shared)
    view = await saved(shared, desk, a_name("view"), {"tag": tag, "status": "open"})
    assert await listed(desk, "anna", saved=view) == {str(urgent), str(other)}
    assert await listed(desk, "anna", saved=view, priority="urgent") == {str(urgent)}
    assert await listed(desk, "anna", saved=view, tag=tag) == {str(urgent), str(other)}
    wrong = is_problem(await desk.get("anna", "/api/chats", saved=view, status="closed"), 400, "bad-input")
    assert "`status`" in wrong["title"]


async def test_pages_of_a_view_go_on(shared: Pulse, desk: Desk) -> None:
    tag = a_name("many")
    chats = [await vera_writes(shared, a_name()) for _ in range(3)]
    for chat in chats:
        await desk.post("anna", f"/api/chats/{chat}/tags", {"tag": tag})
    await settled(shared)
    view = await saved(shared, desk, a_name("view"), {"tag": tag})
    first = (await desk.get("anna", "/api/chats", saved=view, limit=2)).json()
    rest = (await desk.get("anna", "/api/chats", saved=view, limit=2, cursor=first["next"])).json()
    assert [row["id"] for row in first["items"] + rest["items"]] == [str(chat) for chat in reversed(chats)]


async def test_everybodys_view_is_everybodys_and_ones_own_nobody_elses(shared: Pulse, desk: Desk) -> None:
    own = await saved(shared, desk, a_name("own"), {"view": "mine"})
    ours = await saved(shared, desk, a_name("ours"), {"view": "unassigned"}, by="admin", all_=True)
    assert (await desk.get("boris", "/api/chats", saved=ours)).status_code == 200
    for who, view in (("boris", own), ("admin", own), ("anna", uuid4())):
        is_problem(await desk.get(who, "/api/chats", saved=view), 404, "not-found")


@pytest.mark.parametrize("query", [{"saved": str(uuid4())}, {"limit": "5"}, {"cursor": "a"}])
async def test_a_page_or_another_view_is_no_filter(shared: Pulse, desk: Desk, query: dict[str, str]) -> None:
    headers = await desk.headers("anna")
    is_problem(await shared.http.put("/api/views/Odd", json={"query": query}, headers=headers), 422, "invalid")
