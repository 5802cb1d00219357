"""The chat list over HTTP: views, filters, orders and counters; one chat, its thread around a message, its history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse import demo
from pulse.aggregates.chat import Chat
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import source_id
from pulse.desk.answers import Listed
from pulse.desk.chat_rows import ChatList, Deed
from pulse.house import now
from pulse.shapes.chats import ChatRow
from pulse.shapes.entries import EntryRow
from tests.conftest import Pulse
from tests.desk.test_chats import a_thread, someone
from tests.world import SALES, SUPPORT, Desk, a_name, accounts, is_problem, settled, vera_writes

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))


async def decide(pulse: Pulse, chat: UUID, decision: Any, by: str = f"moderator:{ANNA.hex}") -> int:
    def on_chat(known: Chat | None) -> Chat:
        assert known is not None
        decision(known)
        return known

    return (await pulse.house.store.decide(Chat, chat, on_chat, by=by)).position


@pytest.fixture(scope="module")
async def shop(shared: Pulse) -> tuple[dict[str, str], list[str], UUID]:
    """A moderator of a department with four chats: free, snoozed, theirs and tagged, closed; and its source."""
    name = a_name("olga")
    me = moderator_id(f"{name}@pulse.example")
    await accounts(shared).create_department("Shop")
    invited = await accounts(shared).invite(
        f"{name}@pulse.example", name, "moderator", (department_id("Shop"),), demo.PASSWORD
    )
    await shared.house.directory.wait_for(invited.position)
    headers = await shared.sign_in(name)
    department = department_id("Shop")
    made = await accounts(shared).connect_source("simulator", "shop", "Shop", (department,), settings={}, secrets={})
    await shared.house.directory.wait_for(made.position)
    source = source_id("simulator", "shop")
    for peer in ("vera", "kirill", "olga", "pavel"):
        body = {"from": peer, "message": f"{peer} here", "message_id": a_name("m")}
        assert (await shared.http.post(f"/webhook/simulator/{source}", json=body)).status_code == 200
    await settled(shared)
    listed = (await shared.http.get("/api/chats?sort=oldest", headers=headers)).json()["items"]
    free, snoozed, mine, closed = (UUID(row["id"]) for row in listed)
    await decide(shared, snoozed, lambda chat: chat.snooze(now() + timedelta(days=1), moderator_id=me, now=now()))
    await decide(shared, mine, lambda chat: chat.assign(me, now=now()))
    await decide(shared, mine, lambda chat: chat.tag("refund", now=now()))
    await decide(shared, mine, lambda chat: chat.prioritise("high", now=now()))
    await decide(shared, closed, lambda chat: chat.close(me, now=now()))
    await settled(shared)
    return headers, [str(chat) for chat in (free, snoozed, mine, closed)], source


LISTS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [3, 2, 1, 0]), ({"sort": "oldest"}, [0, 1, 2, 3]), ({"view": "mine"}, [2]), ({"view": "unassigned"}, [1, 0]),
    ({"view": "unread"}, [2, 1, 0]), ({"view": "waiting"}, [0, 1, 2]), ({"view": "open"}, [2, 0]),
    ({"view": "snoozed"}, [1]), ({"view": "closed"}, [3]), ({"status": "open", "view": "unassigned"}, [0]),
    ({"sort": "priority"}, [2, 1, 0]), ({"priority": "high"}, [2]), ({"tag": " Refund "}, [2]), ({"text": "ver"}, [0]),
    ({"text": "PAVEL H"}, [3]), ({"unread": "true"}, [2, 1, 0]), ({"channel": "telegram"}, []),
    ({"channel": "simulator", "view": "open"}, [2, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "wanted"), LISTS, ids=str)
async def test_a_list_shows_what_was_asked_for(
    shared: Pulse, shop: Any, asked: dict[str, Any], wanted: list[int]
) -> None:
    headers, chats, source = shop
    for more in ({}, {"source": str(source)}, {"department": str(department_id("Shop"))}):
        answer = await shared.http.get("/api/chats", params={**asked, **more}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert [row["id"] for row in answer.json()["items"]] == [chats[number] for number in wanted]
        ChatList.model_validate(answer.json())


async def test_every_answer_counts_the_views(shared: Pulse, shop: Any) -> None:
    headers, _, _ = shop
    for asked in ({}, {"view": "closed"}):
        counters = (await shared.http.get("/api/chats", params=asked, headers=headers)).json()["counters"]
        assert counters == {"all": 4, "mine": 1, "unassigned": 2, "unread": 3, "waiting": 3, "open": 2, "snoozed": 1,
                            "closed": 1}  # fmt: skip


async def test_what_does_not_go_together_is_refused(shared: Pulse, shop: Any) -> None:
    headers, _, _ = shop
    refused: list[tuple[dict[str, Any], str]] = [
        ({"view": "mine", "status": "closed"}, "not-offered"), ({"view": "waiting", "sort": "newest"}, "not-offered"),
        ({"view": "mine", "holder": str(BORIS)}, "not-offered"), ({"tag": " "}, "not-a-tag"),
    ]  # fmt: skip
    for asked, code in refused:
        is_problem(await shared.http.get("/api/chats", params=asked, headers=headers), 400, code)
    for asked in ({"view": "everything"}, {"sort": "name"}, {"mood": "good"}, {"text": ""}, {"source": "x"}):
        is_problem(await shared.http.get("/api/chats", params=asked, headers=headers), 422, "invalid")


async def test_a_cursor_of_another_list_is_refused(shared: Pulse, shop: Any) -> None:
    headers, chats, _ = shop
    page = (await shared.http.get("/api/chats", params={"limit": 2}, headers=headers)).json()
    again = {"limit": 3, "cursor": page["next"]}
    found = (await shared.http.get("/api/chats", params=again, headers=headers)).json()
    assert [row["id"] for row in found["items"]] == [chats[1], chats[0]]
    for other in ({"sort": "oldest"}, {"view": "open"}, {"tag": "refund"}):
        refused = is_problem(
            await shared.http.get("/api/chats", params=again | other, headers=headers), 400, "bad-input"
        )
        assert "other filters" in refused["title"]


async def test_a_chat_shows_how_it_stands_and_whether_its_customer_is_blocked(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    await decide(shared, chat, lambda known: known.tag("vip", now=now()))
    at = await settled(shared)
    row = (await desk.get("anna", f"/api/chats/{chat}", at=at)).json()
    ChatRow.model_validate(row)
    assert (row["blocked"], row["tags"], row["priority"], row["status"]) == (None, ["vip"], "normal", "open")
    assert row["waiting_since"]
    await desk.post("anna", f"/api/customers/{row['customer_id']}/block", {"reason": "spam"})
    assert (await desk.get("anna", f"/api/chats/{chat}")).json()["blocked"]["reason"] == "spam"


# Around a message


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 50])
async def test_a_thread_is_shown_around_a_message_and_paged_on_from_there(
    shared: Pulse, desk: Desk, limit: int
) -> None:
    address = f"/api/chats/{await a_thread(shared, 12)}/messages"
    whole = (await desk.get("anna", address, limit=50)).json()["items"]
    middle = whole[6]["id"]
    page = (await desk.get("anna", address, limit=limit, aroundId=middle)).json()
    Listed[EntryRow].model_validate(page)
    assert middle in [entry["id"] for entry in page["items"]]
    assert len(page["items"]) == min(limit, 12)
    found, before, after = page["items"], page["prev"], page["next"]
    while before is not None:
        earlier = (await desk.get("anna", address, limit=limit, beforeId=before)).json()
        found, before = earlier["items"] + found, earlier["prev"]
    while after is not None:
        later = (await desk.get("anna", address, limit=limit, afterId=after)).json()
        found, after = found + later["items"], later["next"]
    assert found == whole


async def test_a_thread_is_asked_for_one_way_at_a_time(shared: Pulse, desk: Desk) -> None:
    address = f"/api/chats/{await a_thread(shared, 2)}/messages"
    is_problem(await desk.get("anna", address, aroundId=1, beforeId=5), 400, "bad-input")
    assert (await desk.get("anna", address, aroundId=2**31 - 1, limit=4)).json()["next"] is None


# The history


async def test_a_chats_history_says_who_did_what(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name(), "What a secret", name="Vera")
    await desk.post("anna", f"/api/chats/{chat}/assign-operator")
    await decide(shared, chat, lambda known: known.tag("refund", now=now()))
    await decide(shared, chat, lambda known: known.prioritise("high", now=now()))
    await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    await desk.post("admin", f"/api/chats/{chat}/close")
    at = await settled(shared)
    answer = await desk.get("admin", f"/api/chats/{chat}/events", at=at)
    Listed[Deed].model_validate(answer.json())
    items, anna = answer.json()["items"], {"id": str(ANNA), "name": "Anna"}
    assert [(item["type"], item["by"]["kind"], item["by"]["name"]) for item in items] == [
        ("chat.opened", "customer", "Vera"),
        ("chat.message-received", "customer", "Vera"),
        ("chat.assigned", "moderator", "Anna"),
        ("chat.tags-changed", "moderator", "Anna"),
        ("chat.priority-changed", "moderator", "Anna"),
        ("chat.transferred", "moderator", "Anna"),
        ("chat.closed", "moderator", "Admin"),
    ]
    assert items[2]["moderator"] == anna
    assert (items[3]["tags"], items[4]["priority"]) == (["refund"], "high")
    assert items[5]["department"] == {"id": str(SUPPORT), "name": "Support"}
    assert (items[5]["from_department"]["id"], items[5]["from_moderator"]) == (str(SALES), anna)
    assert "secret" not in answer.text
    assert (answer.json()["next"], answer.json()["prev"]) == (None, None)


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_a_history_is_paged_both_ways(shared: Pulse, desk: Desk, limit: int) -> None:
    chat = await a_thread(shared, 8)
    for number in range(3):
        await decide(shared, chat, lambda known, n=number: known.see(ANNA, n + 3, now=now()))  # tells people nothing
        await decide(shared, chat, lambda known, n=number: known.tag(f"t{n}", now=now()))
    await settled(shared)
    address = f"/api/chats/{chat}/events"
    whole = (await desk.get("anna", address)).json()["items"]
    assert len(whole) == 12
    for way, cursor, start in (("prev", "beforeId", None), ("next", "afterId", 0)):
        found: list[Any] = []
        at: Any = start
        while True:
            page = (await desk.get("anna", address, limit=limit, **{cursor: at})).json()
            assert len(page["items"]) <= limit
            found = page["items"] + found if way == "prev" else found + page["items"]
            at = page[way]
            if at is None:
                break
        assert found == whole


async def test_the_history_of_a_chat_one_may_not_see_does_not_exist(shared: Pulse) -> None:
    chat, stranger = await vera_writes(shared, a_name()), await someone(shared, "Warehouse")
    await settled(shared)
    for one in (chat, uuid4()):
        is_problem(await shared.http.get(f"/api/chats/{one}/events", headers=stranger), 404, "not-found")
