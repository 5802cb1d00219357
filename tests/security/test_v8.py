"""V8 Authorization."""

from __future__ import annotations

from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pulse.aggregates.moderator import Moderator, moderator_id
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger
from tests.desk.test_one_style import ADDRESSES
from tests.ingest.test_widget import a_visitor
from tests.promises import document, operation_of
from tests.world import Desk, a_name, is_problem, settled, vera_writes

SECURED = {
    operation["operationId"]
    for methods in document()["paths"].values()
    for operation in methods.values()
    if {} not in operation.get("security", [{}]) and "widget" not in operation["tags"]
}
OF_THE_DESK = [one for one in ADDRESSES if (found := operation_of(*one)) and found.id in SECURED]
OF_ADMINS = [
    one
    for one in OF_THE_DESK
    if ("/sources" in one[1] and "/mine" not in one[1]) or "/deliveries" in one[1] or "/subscribers" in one[1]
]


@pytest.mark.parametrize(("method", "address"), OF_THE_DESK)
async def test_v8_2_1_whoever_is_not_signed_in_may_do_nothing(shared: Pulse, method: str, address: str) -> None:
    """Every operation that the document calls secured answers 401 to a stranger."""
    is_problem(await shared.http.request(method, address), 401, "not-authentic")


@pytest.mark.parametrize(("method", "address"), OF_ADMINS)
async def test_v8_2_1_what_is_the_admins_is_no_moderators(shared: Pulse, desk: Desk, method: str, address: str) -> None:
    """403 for a moderator, before anything of the request is judged."""
    answer = await shared.http.request(method, address, headers=await desk.headers("anna"))
    if answer.status_code != 422:
        is_problem(answer, 403, "admins-only")


async def test_v8_2_2_anothers_chat_is_as_one_that_is_not_there(shared: Pulse, desk: Desk) -> None:
    """The same answer for a chat that one may not see and for none, whatever is asked of it."""
    stranger, chat = await a_stranger(shared), await vera_writes(shared, a_name())
    await settled(shared)
    for more, body in (("", None), ("/messages", None), ("/open", {}), ("/close", {}), ("/messages", {"text": "Hi"})):
        told = []
        for one in (chat, uuid4()):
            method = "GET" if body is None else "POST"
            address = f"/api/chats/{one}{more}"
            told.append(await shared.http.request(method, address, json=body, headers=stranger))
        assert is_problem(told[0], 404, "not-found") == is_problem(told[1], 404, "not-found")


@pytest.mark.parametrize(
    "field",
    [{"role": "admin"}, {"departments": []}, {"disabled": False}, {"email": "other@pulse.example"}, {"id": "x"}],
)
async def test_v8_2_3_of_themselves_people_change_their_own_fields_only(
    shared: Pulse, desk: Desk, field: dict[str, object]
) -> None:
    """Role, departments and email are an admin's to change; colleagues are shown without emails."""
    headers = await desk.headers("anna")
    is_problem(await shared.http.patch("/api/settings/profile", json=field, headers=headers), 422, "invalid")
    anna = moderator_id("anna@pulse.example")
    is_problem(
        await shared.http.patch(f"/api/users/{anna}", json={"role": "admin"}, headers=headers), 403, "admins-only"
    )
    assert "@" not in (await desk.get("anna", "/api/colleagues")).text


async def test_v8_4_1_what_opens_one_sources_chat_opens_no_others(shared: Pulse) -> None:
    """A visitor's token is for one chat of one source: with another's address it is a stranger's."""
    vera, other = await a_visitor(shared, name="Vera"), await a_visitor(shared, name="Vlad")
    assert (await vera.write("My secret", "m1")).status_code == 201
    answer = await shared.http.get(f"/chat/session/{vera.chat}/channel-token", headers=other.headers)
    assert answer.status_code in (401, 403, 404), answer.text
    assert "My secret" not in (await other.read()).text
    token = (await shared.http.get(f"/chat/session/{other.chat}/channel-token", headers=other.headers)).json()["token"]
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{shared.push}/channel/ws?session={vera.chat}&token={token}")
    assert refused.value.response.status_code in (401, 403)


async def test_v8_3_1_what_a_body_says_of_its_sender_counts_nothing(shared: Pulse, desk: Desk) -> None:
    """Who writes is who is signed in; a field that says otherwise is refused."""
    chat = await vera_writes(shared, a_name())
    body = {"text": "Hi", "moderatorId": str(moderator_id("admin@pulse.example"))}
    is_problem(await desk.post("anna", f"/api/chats/{chat}/messages", body), 422, "invalid")


async def test_v8_3_2_who_is_disabled_is_out_at_once(shared: Pulse, desk: Desk) -> None:
    """Rights are looked up for every request, a token still being good makes no difference."""
    boris = await desk.headers("boris")

    def disabled(moderator: Moderator | None) -> Moderator:
        assert moderator is not None
        moderator.disable(now=moderator.modified_on)
        return moderator

    decided = await shared.house.store.decide(Moderator, moderator_id("boris@pulse.example"), disabled, by="test")
    await shared.house.directory.wait_for(decided.position)
    is_problem(await shared.http.get("/api/chats", headers=boris), 401, "not-authentic")
