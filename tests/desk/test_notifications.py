"""What concerns one moderator: listed, counted, read; and never more than they may see now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pulse.access import by_moderator
from pulse.aggregates.chat import Chat
from pulse.aggregates.moderator import moderator_id
from pulse.house import now
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.desk.test_rooms import who
from tests.world import SUPPORT, Desk, a_name, is_problem, kinds, settled, since, vera_writes

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))

Headers = dict[str, str]


async def mention(pulse: Pulse, chat: UUID, *whom: UUID, text: str = "Look") -> int:
    """Anna does, in a note; returns the position."""

    def decision(found: Chat | None) -> Chat:
        assert found is not None
        found.note(text, moderator_id=ANNA, mentions=whom, now=now())
        return found

    return (await pulse.house.store.decide(Chat, chat, decision, by=by_moderator(ANNA))).position


async def told(pulse: Pulse, headers: Headers, **query: str) -> dict[str, Any]:
    await settled(pulse)
    answer = await pulse.http.get("/api/notifications", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_mention_says_who_where_and_what(shared: Pulse) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    position = await mention(shared, chat, await who(shared, nina), text="x" * 300)
    page = await told(shared, nina)
    [one] = page["items"]
    assert page["unread"] == 1
    assert one | {"at": ""} == {
        "id": position, "kind": "mention", "chat_id": str(chat), "room_id": None, "source_id": None,
        "number": one["number"],
        "by": {"id": str(ANNA), "name": "Anna"}, "text": "x" * 200, "at": "", "read": False,
    }  # fmt: skip


async def test_reading_one_leaves_the_others(shared: Pulse) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    mine = await who(shared, nina)
    first, second = [await mention(shared, chat, mine) for _ in range(2)]
    await settled(shared)
    before = await shared.house.log.last_position()
    for _ in range(2):
        answer = await shared.http.post(f"/api/notifications/{first}/read", headers=nina)
        assert answer.status_code == 200
    assert kinds(await since(shared, before)) == ["notification.begun", "notification.read"]
    page = await told(shared, nina, unread="true")
    assert ([one["id"] for one in page["items"]], page["unread"]) == ([second], 1)
    assert {one["id"]: one["read"] for one in (await told(shared, nina))["items"]} == {first: True, second: False}


async def test_reading_all_reads_what_was_looked_at(shared: Pulse) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    mine = await who(shared, nina)
    positions = [await mention(shared, chat, mine) for _ in range(3)]
    await settled(shared)
    await shared.http.post("/api/notifications/read-all", json={"upTo": positions[1]}, headers=nina)
    assert [one["id"] for one in (await told(shared, nina, unread="true"))["items"]] == positions[2:]
    await shared.http.post("/api/notifications/read-all", headers=nina)
    assert (await told(shared, nina))["unread"] == 0
    later = await mention(shared, chat, mine)
    assert [one["id"] for one in (await told(shared, nina, unread="true"))["items"]] == [later]


async def test_nobody_reads_ahead(shared: Pulse) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    answer = await shared.http.post("/api/notifications/read-all", json={"upTo": 2**53}, headers=nina)
    assert answer.status_code == 200
    await mention(shared, chat, await who(shared, nina))
    assert (await told(shared, nina))["unread"] == 1


async def test_pages_go_both_ways(shared: Pulse) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    mine = await who(shared, nina)
    positions = [await mention(shared, chat, mine) for _ in range(5)][::-1]
    first = await told(shared, nina, limit="2")
    second = await told(shared, nina, limit="2", cursor=first["next"])
    assert [one["id"] for one in first["items"] + second["items"]] == positions[:4]
    back = await told(shared, nina, limit="2", cursor=second["prev"])
    assert back["items"] == first["items"]


async def test_what_one_may_not_see_any_more_is_not_shown(shared: Pulse, desk: Desk) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    position = await mention(shared, chat, await who(shared, nina))
    await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    page = await told(shared, nina)
    assert (page["items"], page["unread"]) == ([], 0)
    is_problem(await shared.http.post(f"/api/notifications/{position}/read", headers=nina), 404, "not-found")


async def test_what_another_was_told_does_not_exist(shared: Pulse, desk: Desk) -> None:
    nina, chat = await someone(shared, "Sales"), await vera_writes(shared, a_name())
    position = await mention(shared, chat, await who(shared, nina))
    await settled(shared)
    for name in ("boris", "admin"):
        is_problem(await desk.post(name, f"/api/notifications/{position}/read"), 404, "not-found")
        assert position not in [one["id"] for one in (await desk.get(name, "/api/notifications")).json()["items"]]


async def test_taking_a_chat_oneself_is_no_news_and_being_given_one_is(shared: Pulse, desk: Desk) -> None:
    nina = await someone(shared, "Sales")
    mine, chat = await who(shared, nina), await vera_writes(shared, a_name())
    address = f"/api/chats/{chat}/assign-operator"
    assert (await shared.http.post(address, headers=nina)).status_code == 200
    assert (await told(shared, nina))["items"] == []
    given = {"moderatorId": str(BORIS), "from": str(mine)}
    assert (await shared.http.post(address, json=given, headers=nina)).status_code == 200
    back = {"moderatorId": str(mine), "from": str(BORIS)}
    assert (await desk.post("boris", address, back)).status_code == 200
    [one] = (await told(shared, nina))["items"]
    assert (one["kind"], one["by"]["name"]) == ("transferred", "Boris")
