"""Customers over HTTP: who sees whom, which of them are one person, and nothing is lost by saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.aggregates.customer import customer_id
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger, someone
from tests.world import Desk, a_bot, a_name, accounts, is_problem, kinds, settled, since, update, vera_writes

SIMULATOR = source_id("simulator", "simulator")
CHANGES = {"join": {"with": str(uuid4())}, "part": None, "block": {"reason": "spam"}, "unblock": None}


async def a_customer(pulse: Pulse, **more: object) -> UUID:
    peer = a_name()
    await vera_writes(pulse, peer, **more)  # type: ignore[arg-type]
    return customer_id(SIMULATOR, peer)


async def page_of(desk: Desk, customer: UUID, name: str = "anna") -> dict[str, Any]:
    answer = await desk.get(name, f"/api/customers/{customer}", at=await settled(desk.pulse))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def join(desk: Desk, one: UUID, other: UUID) -> None:
    await settled(desk.pulse)
    answer = await desk.post("anna", f"/api/customers/{one}/join", {"with": str(other)})
    assert answer.status_code == 200, answer.text


async def part(desk: Desk, one: UUID, other: UUID | None = None) -> None:
    await settled(desk.pulse)
    answer = await desk.post("anna", f"/api/customers/{one}/part", {"with": str(other)} if other else None)
    assert answer.status_code == 200, answer.text


# One customer


async def test_a_customers_page_shows_who_they_are_and_their_chats(shared: Pulse, desk: Desk) -> None:
    customer = await a_customer(shared, name="Vera")
    shown = await page_of(desk, customer)
    assert {key: shown[key] for key in ("id", "name", "reachable", "messages", "phone", "blocked")} == {
        "id": str(customer), "name": "Vera", "reachable": True, "messages": 1, "phone": None, "blocked": None,
    }  # fmt: skip
    assert [one["id"] for one in shown["identities"]] == [str(customer)]
    assert [(chat["last_text"], chat["unread"]) for chat in shown["chats"]] == [("Hello", 1)]
    assert shown["chats"][0]["department"]["name"] == "Sales"
    assert shown["joins"] == []


async def test_a_customer_whose_chats_one_may_not_see_does_not_exist(shared: Pulse, desk: Desk) -> None:
    customer, stranger = await a_customer(shared), await a_stranger(shared)
    before = await settled(shared)
    for one in (customer, uuid4()):
        address = f"/api/customers/{one}"
        is_problem(await shared.http.get(address, headers=stranger), 404, "not-found")
        for change, body in CHANGES.items():
            answer = await shared.http.post(f"{address}/{change}", json=body, headers=stranger)
            is_problem(answer, 404, "not-found")
    assert await shared.house.log.last_position() == before
    assert (await page_of(desk, customer, "admin"))["id"] == str(customer)


async def test_nobody_is_asked_without_signing_in(shared: Pulse) -> None:
    for address in ("/api/customers", f"/api/customers/{uuid4()}"):
        is_problem(await shared.http.get(address), 401, "not-authentic")


# Joining and parting


def identities(page: dict[str, Any]) -> set[str]:
    return {one["id"] for one in page["identities"]}


async def test_joined_customers_show_all_identities_and_all_chats_from_either_side(shared: Pulse, desk: Desk) -> None:
    one, other = await a_customer(shared), await a_customer(shared)
    before = await settled(shared)
    await join(desk, one, other)
    assert kinds(await since(shared, before)) == ["customer.joined", "customer.joined"]
    for customer in (one, other):
        shown = await page_of(desk, customer)
        assert shown["id"] == str(customer)
        assert identities(shown) == {str(one), str(other)}
        assert {chat["customer_id"] for chat in shown["chats"]} == {str(one), str(other)}
        assert [set(pair["customers"]) for pair in shown["joins"]] == [{str(one), str(other)}]


async def test_joining_again_or_from_the_other_side_changes_nothing(shared: Pulse, desk: Desk) -> None:
    one, other = await a_customer(shared), await a_customer(shared)
    await join(desk, one, other)
    at = await settled(shared)
    await join(desk, one, other)
    await join(desk, other, one)
    assert await shared.house.log.last_position() == at


async def test_parting_restores_exactly_what_was(shared: Pulse, desk: Desk) -> None:
    four = [await a_customer(shared, name=f"Vera {number}") for number in range(4)]
    await join(desk, four[0], four[1])
    await join(desk, four[2], four[3])
    was = [await page_of(desk, customer) for customer in four]
    await join(desk, four[3], four[0])
    for customer in four:
        assert len(identities(await page_of(desk, customer))) == 4
    await part(desk, four[0], four[3])
    assert [await page_of(desk, customer) for customer in four] == was


async def test_who_is_parted_from_all_leaves_the_others_as_they_were(shared: Pulse, desk: Desk) -> None:
    one, two, three = [await a_customer(shared) for _ in range(3)]
    for pair in ((one, two), (two, three), (three, one)):
        await join(desk, *pair)
    await part(desk, one)
    assert identities(await page_of(desk, one)) == {str(one)}
    assert identities(await page_of(desk, two)) == {str(two), str(three)}


async def test_a_stranger_can_not_be_joined_to_see_them(shared: Pulse, desk: Desk) -> None:
    """Whoever joins must see both; afterwards, who sees one of them sees both, and of the chats what they may."""
    await someone(shared, "Cellar")
    cellar = await a_source_of(shared, "Cellar")
    body = {"from": "1", "message": "Hello"}
    await shared.http.post(f"/webhook/simulator/{cellar}", json=body)
    mine, hidden = await a_customer(shared), customer_id(cellar, "1")
    await settled(shared)
    answer = await desk.post("anna", f"/api/customers/{mine}/join", {"with": str(hidden)})
    is_problem(answer, 404, "not-found")
    assert (await desk.post("admin", f"/api/customers/{mine}/join", {"with": str(hidden)})).status_code == 200
    shown = await page_of(desk, hidden)
    assert identities(shown) == {str(mine), str(hidden)}
    assert {chat["customer_id"] for chat in shown["chats"]} == {str(mine)}


async def a_source_of(pulse: Pulse, department: str) -> UUID:
    name = a_name("sim")
    connected = await accounts(pulse).connect_source(
        "simulator", name, name, (department_id(department),), settings={}, secrets={}
    )
    await pulse.house.directory.wait_for(connected.position)
    return source_id("simulator", name)


async def test_a_customer_is_not_joined_with_itself(shared: Pulse, desk: Desk) -> None:
    customer = await a_customer(shared)
    await settled(shared)
    answer = await desk.post("anna", f"/api/customers/{customer}/join", {"with": str(customer)})
    is_problem(answer, 409, "joined-to-itself")


async def test_whoever_only_spoke_in_a_group_can_be_joined_too(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    for number, person in ((1, 77), (2, 78)):
        body = update(number, person=person)
        body["message"]["chat"] = {"id": -5, "type": "group", "title": "Neighbours"}
        await bot.post(body)
    first, second = customer_id(bot.id, "77"), customer_id(bot.id, "78")
    await settled(shared)
    answer = await desk.post("admin", f"/api/customers/{first}/join", {"with": str(second)})
    assert answer.status_code == 200, answer.text
    assert identities(await page_of(desk, second)) == {str(first), str(second)}


async def test_nothing_to_take_back_leaves_no_event(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    for number, person in ((1, 76), (2, 77), (3, 78)):
        body = update(number, person=person)
        body["message"]["chat"] = {"id": -5, "type": "group", "title": "Neighbours"}
        await bot.post(body)
    first, second = customer_id(bot.id, "77"), customer_id(bot.id, "78")
    await settled(shared)
    before = await shared.house.log.last_position()
    for address, body in (
        (f"/api/customers/{first}/unblock", None),
        (f"/api/customers/{first}/part", None),
        (f"/api/customers/{first}/part", {"with": str(second)}),
    ):
        answer = await desk.post("admin", address, body)
        assert answer.status_code == 200, answer.text
    assert await shared.house.log.last_position() == before


async def test_a_block_waits_only_so_long_for_the_directory(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await a_customer(shared)
    await settled(shared)
    async with lagging(shared, monkeypatch):
        answer = await desk.post("anna", f"/api/customers/{customer}/block", {"reason": "spam"})
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def lagging(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The directory learns nothing meanwhile; whoever waits for it goes on after that."""
    after = asyncio.Event()
    with monkeypatch.context() as patch:
        patch.setattr(pulse.house.directory, "wait_for", lambda _: after.wait())
        try:
            async with asyncio.timeout(60):
                yield
        finally:
            after.set()


# Blocking (what it does to their words: tests/ingest/test_customers.py)


async def test_a_block_is_shown_with_its_reason_at_once(shared: Pulse, desk: Desk) -> None:
    customer = await a_customer(shared)
    await settled(shared)
    address = f"/api/customers/{customer}"
    first = await desk.post("anna", f"{address}/block", {"reason": "spam"})
    again = await desk.post("boris", f"{address}/block", {"reason": "other"})
    assert (first.status_code, again.json()) == (200, first.json())
    assert (await page_of(desk, customer))["blocked"]["reason"] == "spam"
    assert (await desk.post("anna", f"{address}/unblock")).status_code == 200
    assert (await page_of(desk, customer))["blocked"] is None


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "a\0"}, {"reason": "x", "y": 1}]
)
async def test_a_block_needs_a_reason(shared: Pulse, desk: Desk, body: dict[str, Any]) -> None:
    customer = await a_customer(shared)
    await settled(shared)
    is_problem(await desk.post("anna", f"/api/customers/{customer}/block", body), 422, "invalid")


# The list


@pytest.fixture(scope="module")
async def ten(shared: Pulse) -> tuple[dict[str, str], list[str]]:
    """A moderator whose department has exactly ten customers, and those; the newest word first."""
    headers = await someone(shared, "Ten customers")
    source = await a_source_of(shared, "Ten customers")
    for peer in range(10):
        body = {"from": str(peer), "message": "Hello", "name": f"{'ЗЯ'[peer % 2]}оя {peer}"}
        assert (await shared.http.post(f"/webhook/simulator/{source}", json=body)).status_code == 200
    await settled(shared)
    return headers, [str(customer_id(source, str(peer))) for peer in reversed(range(10))]


async def paged(pulse: Pulse, headers: dict[str, str], **query: str) -> tuple[list[str], list[str]]:
    """The list read down to its end, and up again."""

    async def page(cursor: str | None) -> dict[str, Any]:
        params = query | ({"cursor": cursor} if cursor else {})
        found: dict[str, Any] = (await pulse.http.get("/api/customers", params=params, headers=headers)).json()
        return found

    down = [await page(None)]
    assert down[0]["prev"] is None
    while down[-1]["next"] is not None:
        down.append(await page(down[-1]["next"]))
    up = [down[-1]]
    while up[0]["prev"] is not None:
        up.insert(0, await page(up[0]["prev"]))
    return ids_of(down), ids_of(up)


def ids_of(pages: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for listed in pages for one in listed["items"]]


@pytest.mark.parametrize("limit", [1, 3, 5, 9, 10, 11])
async def test_the_list_is_paged_down_and_up_again(
    shared: Pulse, ten: tuple[dict[str, str], list[str]], limit: int
) -> None:
    headers, expected = ten
    down, up = await paged(shared, headers, limit=str(limit))
    assert down == up == expected


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_names_are_found_by_their_beginning_in_their_order(
    shared: Pulse, ten: tuple[dict[str, str], list[str]], limit: int
) -> None:
    headers, newest_first = ten
    expected = newest_first[::-1][0::2]
    down, up = await paged(shared, headers, limit=str(limit), name="зо")
    assert down == up == expected
    assert await paged(shared, headers, limit=str(limit), name="зоя 4") == ([expected[2]], [expected[2]])
    assert await paged(shared, headers, limit=str(limit), name="зоя 44") == ([], [])


async def test_a_customer_with_two_chats_is_listed_once_by_the_newer(
    shared: Pulse, desk: Desk, ten: tuple[dict[str, str], list[str]]
) -> None:
    bot = await a_bot(shared)
    await bot.post(update(1))
    in_group = update(2)
    in_group["message"]["chat"] = {"id": -5, "type": "group", "title": "Neighbours"}
    await bot.post(in_group)
    mine = str(customer_id(bot.id, "77"))
    for name in ("anna", "admin"):
        listed = [one["id"] for one in await desk.items(name, "/api/customers")]
        assert listed.count(mine) == 1
        assert listed[0] == mine
    listed = [one["id"] for one in await desk.items("anna", "/api/customers")]
    assert not set(listed) & set(ten[1])
    assert set(ten[1]) <= {one["id"] for one in await desk.items("admin", "/api/customers")}


@pytest.mark.parametrize("query", ["cursor=x", f"cursor=after-{UUID(int=1).hex}&name=v", "cursor=after-5x&name=v"])
async def test_a_made_up_cursor_is_bad_input(shared: Pulse, desk: Desk, query: str) -> None:
    answer = await shared.http.get(f"/api/customers?{query}", headers=await desk.headers("anna"))
    is_problem(answer, 400, "bad-input")
