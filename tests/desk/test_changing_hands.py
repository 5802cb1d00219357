"""Taking a chat out of somebody's hands: never by mistake, and never behind their back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.desk.test_rooms import who
from tests.world import SUPPORT, Desk, a_name, is_problem, settled, vera_writes

ANNA, BORIS, ADMIN = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris", "admin"))
TAKING = {
    "assign-operator": {"moderatorId": str(BORIS)},
    "unassign": {},
    "transfer": {"departmentId": str(SUPPORT), "note": "Yours"},
    "close": {},
}


async def seen_by(desk: Desk, name: str, chat: UUID) -> int:
    return int((await desk.get(name, f"/api/chats/{chat}")).headers["etag"].strip('"'))


@pytest.mark.parametrize("how", ["If-Match", "seen_version", "from"])
@pytest.mark.parametrize("command", TAKING)
async def test_a_chat_that_changed_hands_since_one_looked_is_not_taken(
    shared: Pulse, desk: Desk, command: str, how: str
) -> None:
    chat = await vera_writes(shared, a_name())
    address = f"/api/chats/{chat}"
    await desk.post("boris", f"{address}/open")
    await settled(shared)
    version, headers = await seen_by(desk, "admin", chat), await desk.headers("admin")
    await desk.post("boris", f"{address}/transfer", {"moderatorId": str(ANNA)})
    await settled(shared)

    async def take(version: int, holder: UUID) -> Any:
        body = {"seen_version": {"seen_version": version}, "from": {"from": str(holder)}}.get(how, {})
        more = {"If-Match": f'"{version}"'} if how == "If-Match" else {}
        return await shared.http.post(f"{address}/{command}", json=TAKING[command] | body, headers=headers | more)

    before = await shared.house.log.last_position()
    refused = is_problem(await take(version, BORIS), 409, "held-by-another" if how == "from" else "changed-hands")
    assert refused["holder"] == {"id": str(ANNA), "name": "Anna"}
    assert await shared.house.log.last_position() == before
    taken = await take(await seen_by(desk, "admin", chat), ANNA)
    assert taken.status_code == 200, taken.text


async def test_a_chat_that_was_let_go_since_one_looked_has_changed_hands_too(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    await desk.post("boris", f"/api/chats/{chat}/open")
    await settled(shared)
    version = await seen_by(desk, "admin", chat)
    await desk.post("boris", f"/api/chats/{chat}/unassign")
    refused = await desk.post("admin", f"/api/chats/{chat}/close", {"seen_version": version})
    assert is_problem(refused, 409, "changed-hands")["holder"] is None


@pytest.mark.parametrize("command", TAKING)
async def test_whose_chat_it_was_is_told_who_took_it_and_why(shared: Pulse, desk: Desk, command: str) -> None:
    olga = await someone(shared, "Sales")
    mine, chat = await who(shared, olga), await vera_writes(shared, a_name())
    await shared.http.post(f"/api/chats/{chat}/open", headers=olga)
    taken = await desk.post("admin", f"/api/chats/{chat}/{command}", TAKING[command] | {"from": str(mine)})
    assert taken.status_code == 200, taken.text
    await settled(shared)
    [told] = (await shared.http.get("/api/notifications", headers=olga)).json()["items"]
    assert told["kind"] == ("closed" if command == "close" else "taken-away")
    assert (told["chat_id"], told["by"]["id"]) == (str(chat), str(ADMIN))
    assert told["text"] == TAKING[command].get("note", "")
    read = await shared.http.post(f"/api/notifications/{told['id']}/read", headers=olga)
    assert read.status_code == 200, "even where they can't see the chat any more"


async def test_nobody_is_told_of_what_they_let_go_themselves(shared: Pulse, desk: Desk) -> None:
    olga = await someone(shared, "Sales")
    for command, body in TAKING.items():
        chat = await vera_writes(shared, a_name())
        await shared.http.post(f"/api/chats/{chat}/open", headers=olga)
        done = await shared.http.post(f"/api/chats/{chat}/{command}", json=body, headers=olga)
        assert done.status_code == 200, done.text
    await settled(shared)
    assert (await shared.http.get("/api/notifications", headers=olga)).json()["items"] == []


async def test_a_transfer_to_nobody_or_to_two_says_what_it_needs(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    for wanted in ({}, {"departmentId": str(SUPPORT), "moderatorId": str(ANNA)}):
        refused = is_problem(await desk.post("boris", f"/api/chats/{chat}/transfer", wanted), 422, "invalid")
        assert refused["errors"][0]["message"] == "Name either a department or a person."


async def test_an_empty_reply_says_what_it_needs(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    refused = is_problem(await desk.post("boris", f"/api/chats/{chat}/messages", {}), 422, "invalid")
    assert refused["errors"][0]["message"] == "A reply needs a text or a file."
