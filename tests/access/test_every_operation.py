"""Every operation of the document, asked as generated people about generated chats, answers as access.py says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import httpx2
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from pulse.house import now
from tests.access.asking import Operation, about, ask, operations
from tests.access.rules import ADMIN, ANYBODY, CHAT, CUSTOMER, FILE, NOT_SIGNED_IN, NOTIFICATION, NUMBERS, ROOM, RULES
from tests.access.world import (
    CLOSED,
    PLAIN,
    Known,
    WantedWorld,
    World,
    a_world,
    cookie_of,
    decide,
    departments,
    fresh_things,
    worlds,
)
from tests.conftest import Pulse
from tests.world import Desk, settled

BOUNDED = settings(
    max_examples=2, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# Answers that come after permission: it is their own, but the password was not said; there is none of theirs.
OWN = {"not-proven", "provider-off"}
NONE_OF_THEIRS = {"unlink_identity", "end_user_session"}
ENDS = {"end_my_session", "end_my_sessions", "log_out"}
PER_CHAT = {CHAT, FILE, CUSTOMER}
NOT_FOR_ALL = {ADMIN, ROOM, NOTIFICATION, NUMBERS, *PER_CHAT}
Verdicts = dict[str, set[bool]]


@pytest.fixture(scope="module")
def verdicts() -> Iterator[Verdicts]:
    """What was said of each operation; of those that are not for everybody, both yes and no."""
    said: Verdicts = {}
    yield said
    both = {operation for operation, rule in RULES.items() if rule in NOT_FOR_ALL}
    assert {operation for operation in both if said.get(operation) != {True, False}} == set()


def test_every_operation_has_a_rule_and_every_rule_an_operation() -> None:
    assert {operation.id for operation in operations()} == set(RULES)


@BOUNDED
@example(PLAIN)
@example(CLOSED)
@given(wanted=worlds)
async def test_every_operation_is_answered_as_access_says(
    shared: Pulse, desk: Desk, verdicts: Verdicts, wanted: WantedWorld
) -> None:
    world = await a_world(shared, wanted)
    for who in world.people:
        world.things |= await fresh_things(desk)
        assert await ask_everything(world, who, verdicts) == []


async def ask_everything(world: World, who: UUID, verdicts: Verdicts) -> list[str]:
    """As one person; what was answered otherwise than access.py says."""
    headers, wrong = world.cookies[who], []
    for operation in operations():
        if RULES[operation.id] is ANYBODY:
            continue
        if operation.id in ENDS and world.person(who):
            headers = await cookie_of(world.pulse, who)
        for chat in world.chats if RULES[operation.id] in PER_CHAT else world.chats[:1]:
            wrong += await ask_one(world, who, operation, chat, headers, verdicts)
    return wrong


async def ask_one(
    world: World, who: UUID, operation: Operation, chat: Known, headers: dict[str, str], verdicts: Verdicts
) -> list[str]:
    before = await settled(world.pulse)
    rule, person, asked = RULES[operation.id], world.person(who), await world.asked(chat)
    if operation.id == "join_customers":
        asked = replace(asked, customer=await world.seen_in_both(person))
    expected = person is not None and rule.may(person, asked)
    other = world.chats[1] if chat is world.chats[0] else world.chats[0]
    answer = await ask(
        world.pulse, about(operation, chat, other, world.things | await own(world, operation, headers)), headers
    )
    if expected:
        right = is_allowed(operation, answer)
    else:
        refused = NOT_SIGNED_IN if person is None else rule.refused
        told = (answer.status_code, answer.json().get("code"))
        right = told == refused and await world.pulse.house.log.last_position() == before
    world.joined = joined_after(operation, world.joined, expected=expected)
    if person is not None:
        verdicts.setdefault(operation.id, set()).add(expected)
    said = (
        f"{operation.id} ({rule.words}) by {person} about {asked}: {expected}, but {answer.status_code} {answer.text}"
    )
    return [] if right else [said]


async def own(world: World, operation: Operation, headers: dict[str, str]) -> dict[str, str]:
    """The session that asks, where it is named."""
    if operation.id != "end_my_session":
        return {}
    mine = (await world.pulse.http.get("/api/settings/sessions", headers=headers)).json()
    return dict(zip(["session_id"], [row["id"] for row in mine.get("items", ()) if row["this"]], strict=False))


def is_allowed(operation: Operation, answer: httpx2.Response) -> bool:
    """Whatever else was in the way, it was not permission; and the request was one that fits."""
    if answer.is_success:
        return True
    if operation.id in NONE_OF_THEIRS and answer.status_code == 404:
        return True
    return answer.json()["code"] in OWN or answer.status_code in {400, 409, 429, 503}


def joined_after(operation: Operation, joined: bool, *, expected: bool) -> bool:
    """Are the two customers one person now?"""
    if not expected or operation.id not in {"join_customers", "part_customers"}:
        return joined
    return operation.id == "join_customers"


async def test_what_changes_a_chat_is_decided_by_the_log_also_while_the_lists_are_late(shared: Pulse) -> None:
    """A chat that just moved is out of reach, though its row still stands where it was."""
    world = await a_world(shared, PLAIN)
    [anna, *_] = world.people
    writing = [operation for operation in operations() if RULES[operation.id] is CHAT and operation.method != "GET"]
    async with late_lists(shared):
        await decide(shared, world.chats[0].id, lambda chat: chat.transfer(departments()[2], now=now()))
        for operation in writing:
            answer = await ask(shared, about(operation, *world.chats, {}), world.cookies[anna])
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), operation.id


@asynccontextmanager
async def late_lists(pulse: Pulse) -> AsyncIterator[None]:
    """The projector can't write meanwhile; readers go on."""
    await settled(pulse)
    async with await psycopg.AsyncConnection.connect(pulse.house.addresses.database_url) as connection:
        await connection.execute("lock table read.inbox in share mode")
        yield
