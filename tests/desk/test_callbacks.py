"""Callback requests over HTTP: the list of those in chats one may see, and what came of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.house import now
from pulse.message import Author
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.world import SUPPORT, Desk, a_name, is_problem, kinds, settled, since, vera_writes

ANNA = moderator_id("anna@pulse.example")


async def a_request(pulse: Pulse, phone: str = "+7 999", wanted_at: datetime | None = None) -> tuple[UUID, int]:
    """The chat, and the request's number in it."""
    chat = await vera_writes(pulse, a_name(), name="Vera")

    def ask(found: Chat | None) -> Chat:
        assert found is not None
        found.request_callback(
            author=Author("77", "Vera"), phone=phone, wanted_at=wanted_at, comment="", external_id=a_name(), raw="{}",
            now=now(),
        )  # fmt: skip
        return found

    return chat, (await pulse.house.store.decide(Chat, chat, ask, by="customer")).version


async def requests(desk: Desk, name: str, status: str = "open") -> list[tuple[str, int]]:
    return [(one["chat_id"], one["id"]) for one in await desk.items(name, "/api/callbacks", status=status)]


async def test_a_request_is_listed_until_somebody_called(shared: Pulse, desk: Desk) -> None:
    chat, number = await a_request(shared)
    [shown] = [one for one in await desk.items("boris", "/api/callbacks") if one["chat_id"] == str(chat)]
    assert {key: shown[key] for key in ("id", "name", "phone", "status", "outcome", "done_by")} == {
        "id": number, "name": "Vera", "phone": "+7 999", "status": "open", "outcome": None, "done_by": None,
    }  # fmt: skip
    before = await settled(shared)
    address = f"/api/chats/{chat}/callbacks/{number}/done"
    first = await desk.post("anna", address, {"outcome": "reached"})
    again = await desk.post("boris", address, {"outcome": "nobody answered"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert kinds(await since(shared, before)) == ["chat.callback-done"]
    assert (str(chat), number) not in await requests(desk, "anna")
    [shown] = [one for one in await desk.items("anna", "/api/callbacks", status="done") if one["chat_id"] == str(chat)]
    assert (shown["outcome"], shown["done_by"]) == ("reached", {"id": str(ANNA), "name": "Anna"})


async def test_a_request_moves_with_its_chat(shared: Pulse, desk: Desk) -> None:
    chat, number = await a_request(shared)
    support = await someone(shared, "Support")
    await settled(shared)
    assert str(chat) not in (await shared.http.get("/api/callbacks", headers=support)).text
    await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    await settled(shared)
    assert str(chat) in (await shared.http.get("/api/callbacks", headers=support)).text
    cellar = department_id("Cellar")
    await someone(shared, "Cellar")
    await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(cellar)})
    assert (str(chat), number) not in await requests(desk, "anna")
    assert (str(chat), number) in await requests(desk, "admin")
    given = {"moderatorId": str(ANNA)}
    assert (await desk.post("admin", f"/api/chats/{chat}/assign-operator", given)).status_code == 200
    assert (str(chat), number) in await requests(desk, "anna")  # held by her, wherever it stands


async def test_a_request_in_a_chat_one_may_not_see_does_not_exist(shared: Pulse) -> None:
    chat, number = await a_request(shared)
    stranger = await someone(shared, "Attic")
    address = f"/api/chats/{chat}/callbacks/{number}/done"
    answer = await shared.http.post(address, json={"outcome": "reached"}, headers=stranger)
    is_problem(answer, 404, "not-found")
    assert (await shared.http.get("/api/callbacks", headers=stranger)).json()["items"] == []


async def test_a_request_that_nobody_made_is_not_there(shared: Pulse, desk: Desk) -> None:
    chat, number = await a_request(shared)
    for address in (f"/api/chats/{chat}/callbacks/{number - 1}/done", f"/api/chats/{uuid4()}/callbacks/1/done"):
        assert (await desk.post("anna", address, {"outcome": "reached"})).status_code == 404
    for odd in ("0", "x", str(2**31)):
        address = f"/api/chats/{chat}/callbacks/{odd}/done"
        is_problem(await desk.post("anna", address, {"outcome": "reached"}), 422, "invalid")


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_the_list_is_paged_both_ways(shared: Pulse, desk: Desk, limit: int) -> None:
    made = [await a_request(shared) for _ in range(3)]
    await settled(shared)
    for name in ("anna", "admin"):
        page = (await desk.get(name, "/api/callbacks", limit=limit)).json()
        down = [*page["items"]]
        while page["next"]:
            page = (await desk.get(name, "/api/callbacks", limit=limit, cursor=page["next"])).json()
            down += page["items"]
        up = [*page["items"]]
        while page["prev"]:
            page = (await desk.get(name, "/api/callbacks", limit=limit, cursor=page["prev"])).json()
            up = [*page["items"], *up]
        assert down == up
        assert [one["chat_id"] for one in down[:3]] == [str(chat) for chat, _ in reversed(made)]
