"""A walk over all routes as somebody they are not for: nobody gets in, and nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pulse.aggregates.moderator import Moderator
from pulse.house import now
from pulse.tokens import Challenge, Visit
from pulse.wiring.desk_parts import no_desk_parts
from pulse.wiring.desk_routes import desk_routers
from tests.access.asking import Operation, about, ask, operations, ruled
from tests.access.rules import (
    ADMIN,
    ANYBODY,
    CHANNEL,
    CHAT,
    CUSTOMER,
    FILE,
    NOT_FOUND,
    NOT_SIGNED_IN,
    NOTIFICATION,
    NUMBERS,
    ROOM,
    SIGNED_IN,
    VISITOR,
)
from tests.access.world import (
    Known,
    WantedChat,
    WantedPerson,
    WantedWorld,
    World,
    a_world,
    change,
    cookie_of,
    fresh_things,
)
from tests.conftest import Pulse
from tests.ingest.test_widget import a_visitor
from tests.world import Desk, settled

ANNA, BORIS = WantedPerson("moderator", (0,)), WantedPerson("moderator", (2,))
# The document is for whoever is signed in anyhow; these few are for anybody who finds them.
# The last are signed with the app's secret, or for programs of this machine: tests/push/test_app_api.py, test_scraping.py.
PUBLIC = {
    "receive_webhook", "publish_events", "ask_to_publish", "open_widget_session", "log_in", "log_in_with_code",
    "begin_provider_sign_in", "finish_provider_sign_in", "post_provider_answer", "accept_invitation", "show_health",
    "publish_app_event", "publish_app_events", "list_app_channels", "show_app_channel", "list_app_channel_users",
    "terminate_app_user", "show_metrics",
    "open_xhr_stream", "poll_xhr", "send_xhr",
}  # fmt: skip
# Beside the document: the same route by another method, and pages for browsers, which tests/desk/test_pages.py walks.
PAGES = {
    ("GET", "/"), ("GET", "/login"), ("POST", "/login"), ("GET", "/login/code"), ("POST", "/login/code"),
    ("GET", "/dashboard"), ("GET", "/admin"), ("GET", "/settings/profile"), ("GET", "/settings/password"),
    ("GET", "/settings/2fa"), ("GET", "/settings"), ("GET", "/docs"), ("POST", "/logout"),
    ("GET", "/settings/2fa"), ("GET", "/invitations/{token}"), ("POST", "/invitations/{token}"),
}  # fmt: skip
UNDOCUMENTED = {("HEAD", "/api/files/{file_id}"), *PAGES}
THEIRS = (CHAT, FILE, CUSTOMER, ROOM, NOTIFICATION)
STAFF = (SIGNED_IN, *THEIRS, CHANNEL, NUMBERS, ADMIN)
SAFE = {"GET", "HEAD", "OPTIONS"}
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
async def world(shared: Pulse, desk: Desk) -> World:
    """Anna and Boris, each in a department with a chat of its own."""
    made = await a_world(shared, WantedWorld((ANNA, BORIS), (WantedChat(0, None), WantedChat(2, None))))
    made.things |= await fresh_things(desk)
    return made


async def walk(
    world: World, through: Sequence[Operation], headers: Headers, expected: tuple[int, str], chat: Known | None = None
) -> list[str]:
    """What was answered otherwise, or left something in the log."""
    wrong, theirs = [], chat or world.chats[0]
    for operation in through:
        before = await settled(world.pulse)
        answer = await ask(world.pulse, about(operation, theirs, theirs, world.things), dict(headers))
        if (answer.status_code, code_of(answer)) != expected:
            wrong.append(f"{operation.id}: {answer.status_code} {answer.text[:200]}")
        if await world.pulse.house.log.last_position() != before:
            wrong.append(f"{operation.id} left something")
    return wrong


def code_of(answer: httpx2.Response) -> str:
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    return str(answer.json()["code"]) if is_problem else ""


def test_what_is_open_to_anybody_is_named() -> None:
    assert {operation.id for operation in ruled(ANYBODY)} == PUBLIC


def test_no_route_of_the_desk_is_outside_the_document() -> None:
    routes: list[Any] = [route for router in desk_routers(no_desk_parts()) for route in router.routes]
    known = {(operation.method, operation.path) for operation in operations()}
    there = {(method, route.path.replace(":path}", "}")) for route in routes for method in route.methods}
    assert there - known == UNDOCUMENTED


async def test_nobody_gets_in(world: World) -> None:
    assert await walk(world, ruled(VISITOR, *STAFF), {}, NOT_SIGNED_IN) == []


@pytest.mark.parametrize("token", ["x", "v1.e30.x", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_token_of_nobodys_opens_nothing(world: World, token: str) -> None:
    assert await walk(world, ruled(*STAFF), {"Authorization": f"Bearer {token}"}, NOT_SIGNED_IN) == []
    assert await walk(world, ruled(*STAFF), {"Cookie": f"pulse_session={token}"}, NOT_SIGNED_IN) == []


async def test_what_is_anothers_is_not_there(world: World) -> None:
    """Nor can it be told from what never was."""
    boris, theirs = world.cookies[world.people[1]], world.chats[0]
    assert await walk(world, ruled(*THEIRS), boris, NOT_FOUND) == []
    nothing = Known(uuid4(), uuid4(), str(uuid4()), theirs.reply, theirs.callback)
    no_things = world.things | {"room_id": str(uuid4()), "notification": "1"}
    for operation in ruled(*THEIRS, CHANNEL):
        there, never = [
            await ask(world.pulse, about(operation, chat, chat, things), boris)
            for chat, things in ((theirs, world.things), (nothing, no_things))
        ]
        assert (there.status_code, said(there)) == (never.status_code, said(never)), operation.id


def said(answer: httpx2.Response) -> dict[str, Any]:
    """Without what every answer has of its own."""
    return {name: value for name, value in answer.json().items() if name not in {"instance", "request_id"}}


async def test_a_file_is_not_even_counted_for_whoever_may_not_have_it(world: World) -> None:
    address = f"/api/files/{world.chats[0].file}"
    anna, boris = (world.cookies[who] for who in world.people)
    for headers, status in (({}, 401), (boris, 404), (anna, 200)):
        assert (await world.pulse.http.head(address, headers=headers)).status_code == status


async def test_moderators_do_not_manage(world: World) -> None:
    for who in world.people:
        assert await walk(world, ruled(ADMIN), world.cookies[who], (403, "admins-only")) == []
    assert await walk(world, ruled(NUMBERS), world.cookies[world.people[1]], (403, "admins-only")) == []


@pytest.mark.parametrize(
    "sender",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)  # fmt: skip
async def test_another_website_can_not_use_a_signed_in_browser(world: World, sender: Headers) -> None:
    unsafe = [operation for operation in ruled(*STAFF) if operation.method not in SAFE]
    assert await walk(world, unsafe, world.cookies[world.people[0]] | dict(sender), (403, "not-from-here")) == []


async def test_what_a_browser_may_fetch_for_another_website_changes_nothing(world: World) -> None:
    """A safe method has no Origin to look at."""
    for operation in ruled(*STAFF):
        if operation.method in SAFE:
            before = await settled(world.pulse)
            await ask(world.pulse, about(operation, *world.chats, world.things), world.cookies[world.people[0]])
            assert await world.pulse.house.log.last_position() == before, operation.id


async def test_signing_in_is_for_our_own_pages_only(world: World) -> None:
    elsewhere = {"Origin": "https://evil.example"}
    ours = [one for one in ruled(ANYBODY) if one.id in {"log_in", "log_in_with_code", "accept_invitation"}]
    assert await walk(world, ours, elsewhere, (403, "not-from-here")) == []


async def test_an_ended_session_opens_nothing(world: World) -> None:
    cookie = await cookie_of(world.pulse, world.people[0])
    token = (await world.pulse.http.get("/api/users/me", headers=cookie)).json()["access_token"]
    assert (await world.pulse.http.post("/api/users/logout", headers=cookie)).status_code == 204
    for headers in (cookie, {"Authorization": f"Bearer {token}"}):
        assert await walk(world, ruled(*STAFF), headers, NOT_SIGNED_IN) == []


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(lambda one: one.disable(now=now()), id="closed"),
        pytest.param(lambda one: one.change_role("moderator", (), now=now()), id="an admin no more"),
    ],
)
async def test_an_account_that_lost_its_rights_opens_nothing_with_what_it_had(
    shared: Pulse, world: World, what: Callable[[Moderator], object]
) -> None:
    other = await a_world(shared, WantedWorld((WantedPerson("admin", (0,)),), ()))
    [who] = other.people
    token = (await shared.http.get("/api/users/me", headers=other.cookies[who])).json()["access_token"]
    await change(shared, who, what)
    for headers in (other.cookies[who], {"Authorization": f"Bearer {token}"}):
        assert await walk(world, ruled(*STAFF), headers, NOT_SIGNED_IN) == []


async def test_no_other_token_of_ours_opens_the_desk(shared: Pulse, world: World) -> None:
    """A visitor's of either kind, a challenge, and a staff token whose five minutes are over."""
    visitor, signer, person = await a_visitor(shared), shared.house.signer, world.people[0]
    chat_token = visitor.headers["Authorization"].removeprefix("Bearer ")
    channel = signer.channel_token(Visit(world.chats[0].id, uuid4(), "77", "Vera", None, int(now().timestamp())))
    challenge = signer.challenge(Challenge(person, 1, int(now().timestamp())))
    old = signer.staff_token(person, now() - timedelta(minutes=6))
    for token in (chat_token, channel, challenge, old):
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"pulse_session={token}"}):
            assert await walk(world, ruled(*STAFF), headers, NOT_SIGNED_IN) == []


async def test_a_moderators_token_is_no_visitors(world: World) -> None:
    cookie = world.cookies[world.people[0]]
    token = world.pulse.house.signer.staff_token(world.people[0], now())
    for headers in (cookie, {"Authorization": f"Bearer {token}"}):
        assert await walk(world, ruled(VISITOR), headers, NOT_SIGNED_IN) == []
