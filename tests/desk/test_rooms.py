"""Moderators among themselves, over HTTP: the general room, and what is between two."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.room import GENERAL, direct_id
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.world import Desk, a_name, is_problem, kinds, settled, since

ADMIN, ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("admin", "anna", "boris"))
WORDS = f"/api/rooms/{GENERAL}/messages"


async def who(pulse: Pulse, headers: dict[str, str]) -> UUID:
    return UUID((await pulse.http.get("/api/users/me", headers=headers)).json()["user"]["id"])


async def a_pair(pulse: Pulse) -> tuple[UUID, dict[str, str], dict[str, str]]:
    """A direct room of two new people, and their headers."""
    one, other = await someone(pulse), await someone(pulse)
    answer = await pulse.http.post("/api/direct", json={"to": str(await who(pulse, other))}, headers=one)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"]), one, other


async def row(desk: Desk, name: str, room: UUID) -> dict[str, Any]:
    await settled(desk.pulse)
    found: dict[str, Any] = (await desk.get(name, f"/api/rooms/{room}")).json()
    return found


async def test_everybody_reads_what_was_said_in_the_general_room(shared: Pulse, desk: Desk) -> None:
    text = a_name("hello")
    said = await desk.post("anna", WORDS, {"text": text, "clientMsgId": text})
    assert said.status_code == 201
    for name in ("anna", "boris", "admin"):
        page = (await desk.get(name, WORDS, at=said.json()["position"])).json()
        last = page["items"][-1]
        assert (last["id"], last["text"]) == (said.json()["id"], text)
        assert last["sender"] == {"id": str(ANNA), "name": "Anna"}


async def test_unread_is_what_others_said_since_one_looked(shared: Pulse, desk: Desk) -> None:
    said = [(await desk.post("anna", WORDS, {"text": a_name()})).json()["id"] for _ in range(3)]
    await desk.post("boris", f"/api/rooms/{GENERAL}/seen", {"upTo": said[0]})
    assert (await row(desk, "boris", GENERAL))["unread"] == 2
    assert (await row(desk, "anna", GENERAL))["unread"] == 0
    await desk.post("boris", f"/api/rooms/{GENERAL}/seen", {"upTo": 2**31 - 1})
    assert (await row(desk, "boris", GENERAL))["unread"] == 0


async def test_a_message_is_one_however_often_it_is_sent(shared: Pulse, desk: Desk) -> None:
    before = await shared.house.log.last_position()
    body = {"text": "Lunch?", "clientMsgId": a_name()}
    first, again = await desk.post("anna", WORDS, body), await desk.post("anna", WORDS, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert kinds(await since(shared, before)).count("room.message-written") == 1


async def test_messages_are_paged_both_ways(shared: Pulse, desk: Desk) -> None:
    room, one, _ = await a_pair(shared)
    address = f"/api/rooms/{room}/messages"
    for number in range(1, 8):
        await shared.http.post(address, json={"text": str(number)}, headers=one)
    await settled(shared)

    async def page(**query: int) -> dict[str, Any]:
        found: dict[str, Any] = (await shared.http.get(address, params=query, headers=one)).json()
        return found

    def numbers(found: dict[str, Any]) -> list[int]:
        return [entry["id"] for entry in found["items"]]

    newest = await page(limit=3)
    assert (numbers(newest), newest["next"], newest["prev"]) == ([5, 6, 7], None, "5")
    older = await page(limit=3, beforeId=5)
    assert (numbers(older), older["next"], older["prev"]) == ([2, 3, 4], "4", "2")
    assert numbers(await page(limit=3, beforeId=2)) == [1]
    assert numbers(await page(limit=3, afterId=4)) == [5, 6, 7]
    assert numbers(await page(limit=2, afterId=0)) == [1, 2]


async def test_a_room_of_two_is_the_same_for_both_and_opened_once(shared: Pulse, desk: Desk) -> None:
    room, one, other = await a_pair(shared)
    back = await shared.http.post("/api/direct", json={"to": str(await who(shared, one))}, headers=other)
    assert (back.status_code, back.json()["id"]) == (200, str(room))
    assert room == direct_id(await who(shared, one), await who(shared, other))


async def test_each_of_two_sees_the_other_and_how_far_they_read(shared: Pulse, desk: Desk) -> None:
    room, one, other = await a_pair(shared)
    await shared.http.post(f"/api/rooms/{room}/messages", json={"text": "Hello"}, headers=one)
    await settled(shared)
    [mine] = [r for r in (await shared.http.get("/api/rooms", headers=one)).json()["items"] if r["kind"] == "direct"]
    [theirs] = [
        r for r in (await shared.http.get("/api/rooms", headers=other)).json()["items"] if r["kind"] == "direct"
    ]
    assert (mine["with"]["id"], theirs["with"]["id"]) == (str(await who(shared, other)), str(await who(shared, one)))
    assert (mine["unread"], theirs["unread"], mine["seen_by_other"], theirs["seen_by_other"]) == (0, 1, 0, 1)
    await shared.http.post(f"/api/rooms/{room}/seen", json={"upTo": 1}, headers=other)
    await settled(shared)
    assert (await shared.http.get(f"/api/rooms/{room}", headers=one)).json()["seen_by_other"] == 1


@pytest.mark.parametrize("name", ["anna", "admin"])
async def test_what_two_say_to_each_other_does_not_exist_for_a_third(shared: Pulse, desk: Desk, name: str) -> None:
    room, one, _ = await a_pair(shared)
    secret = a_name("secret")
    await shared.http.post(f"/api/rooms/{room}/messages", json={"text": secret}, headers=one)
    await settled(shared)
    before = await shared.house.log.last_position()
    for address in (f"/api/rooms/{room}", f"/api/rooms/{room}/messages"):
        is_problem(await desk.get(name, address), 404, "not-found")
    for command, body in (("messages", {"text": "Hi"}), ("seen", {"upTo": 1}), ("typing", None)):
        is_problem(await desk.post(name, f"/api/rooms/{room}/{command}", body), 404, "not-found")
    assert secret not in (await desk.get(name, "/api/rooms")).text
    assert await shared.house.log.last_position() == before


async def test_a_room_nobody_opened_does_not_exist(shared: Pulse, desk: Desk) -> None:
    room = direct_id(ANNA, uuid4())
    is_problem(await desk.get("anna", f"/api/rooms/{room}"), 404, "not-found")
    is_problem(await desk.post("anna", f"/api/rooms/{room}/messages", {"text": "Hi"}), 404, "not-found")


async def test_a_direct_room_is_with_somebody_else_who_is_there(shared: Pulse, desk: Desk) -> None:
    is_problem(await desk.post("anna", "/api/direct", {"to": str(ANNA)}), 409, "with-oneself")
    is_problem(await desk.post("anna", "/api/direct", {"to": str(uuid4())}), 404, "not-found")


async def test_only_who_is_in_the_room_can_be_mentioned(shared: Pulse, desk: Desk) -> None:
    room, one, other = await a_pair(shared)
    address = f"/api/rooms/{room}/messages"
    for stranger in (ANNA, uuid4()):
        said = await shared.http.post(address, json={"text": "@", "mentions": [str(stranger)]}, headers=one)
        is_problem(said, 404, "not-found")
    mentions = [str(await who(shared, other))]
    said = await shared.http.post(address, json={"text": "@", "mentions": mentions}, headers=one)
    assert said.status_code == 201
    await settled(shared)
    told = (await shared.http.get("/api/notifications", headers=other)).json()
    [told] = told["items"]
    assert (told["kind"], told["room_id"], told["number"], told["text"]) == ("mention", str(room), 1, "@")


@pytest.mark.parametrize("text", ["", "a\0b", "x" * 8001])
async def test_a_message_that_could_not_be_shown_is_not_taken(shared: Pulse, desk: Desk, text: str) -> None:
    is_problem(await desk.post("anna", WORDS, {"text": text}), 422, "invalid")
    is_problem(await desk.post("anna", WORDS, {"text": " "}), 409, "empty-word")


async def test_rooms_are_paged_with_the_newest_word_first(shared: Pulse, desk: Desk) -> None:
    me = await someone(shared)
    for _ in range(3):
        other = await someone(shared)
        await shared.http.post("/api/direct", json={"to": str(await who(shared, other))}, headers=me)
    await settled(shared)
    whole = (await shared.http.get("/api/rooms", headers=me)).json()["items"]
    assert {room["kind"] for room in whole} == {"general", "direct"}
    assert len(whole) == 4
    found, cursor = [], None
    while cursor != "end":
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await shared.http.get("/api/rooms", params=query, headers=me)).json()
        found += page["items"]
        cursor = page["next"] or "end"
    assert found == whole
    newer = (await shared.http.get("/api/rooms", params={"limit": "2", "cursor": page["prev"]}, headers=me)).json()
    assert newer["items"] == whole[:2]


async def test_typing_is_limited(shared: Pulse, desk: Desk) -> None:
    room, one, _ = await a_pair(shared)
    answers = [(await shared.http.post(f"/api/rooms/{room}/typing", headers=one)).status_code for _ in range(13)]
    assert answers[0] == 202
    assert answers[-1] == 429


async def test_strangers_get_nothing(shared: Pulse) -> None:
    for address in ("/api/rooms", WORDS, "/api/notifications", "/api/settings/telegram"):
        assert (await shared.http.get(address)).status_code == 401
