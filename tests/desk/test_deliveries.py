"""`/api/deliveries`: the webhook log as admins see it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pulse.aggregates.source import source_id
from tests.conftest import Pulse
from tests.world import Bot, Desk, a_bot, is_problem, settled, update

LIST = "/api/deliveries"


@pytest.fixture(scope="module")
async def bot(shared: Pulse) -> Bot:
    """A bot with 25 messages, 3 updates nobody handles, and 2 that can't be read."""
    bot = await a_bot(shared)
    for number in range(1, 26):
        await bot.post(update(number))
    for number in range(26, 29):
        await bot.post({"update_id": number, "hologram": {}})
    for body in (b"no JSON", b"\xff\0"):
        await bot.post(body)
    return bot


async def test_the_newest_comes_first_with_what_became_of_it(shared: Pulse, desk: Desk, bot: Bot) -> None:
    found = await desk.items("admin", LIST, source=bot.id)
    assert [one["outcome"] for one in found] == ["quarantined"] * 2 + ["unhandled"] * 3 + ["taken"] * 25
    assert [one["position"] for one in found] == sorted((one["position"] for one in found), reverse=True)
    assert (found[0]["raw"], found[0]["raw_base64"]) == ("", "/wA=")
    assert (found[1]["raw"], found[1]["raw_base64"]) == ("no JSON", None)
    assert found[2]["kind"] == "hologram"
    assert (found[-1]["kind"], found[-1]["external_id"]) == ("chat.message-received", "1")


@pytest.mark.parametrize("limit", [1, 4, 7, 30, 200])
async def test_its_pages_lead_through_all_of_it(shared: Pulse, desk: Desk, bot: Bot, limit: int) -> None:
    await settled(shared)
    seen, cursor = [], None
    while True:
        page = (await desk.get("admin", LIST, source=bot.id, limit=limit, cursor=cursor)).json()
        seen += [one["position"] for one in page["items"]]
        assert 1 <= len(page["items"]) <= limit
        cursor, back = page["next"], [one["position"] for one in page["items"]]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 30
    assert seen == sorted(seen, reverse=True)
    while page["prev"] is not None:
        page = (await desk.get("admin", LIST, source=bot.id, limit=limit, cursor=page["prev"])).json()
        back = [one["position"] for one in page["items"]] + back
    assert back == seen


async def test_an_outcome_that_there_is_not_is_named(desk: Desk) -> None:
    answer = await desk.get("admin", LIST, outcome="lost")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "outcome"


@pytest.mark.parametrize(("outcome", "count"), [("taken", 25), ("unhandled", 3), ("quarantined", 2)])
async def test_it_can_be_asked_for_one_outcome(desk: Desk, bot: Bot, outcome: str, count: int) -> None:
    found = await desk.items("admin", LIST, source=bot.id, outcome=outcome)
    assert [one["outcome"] for one in found] == [outcome] * count


async def test_a_delivery_sent_again_can_be_seen(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    found: list[dict[str, Any]] = []
    while not found:  # what is told before somebody keeps it is lost
        assert (await bot.post(update(7, "Hello"))).status_code == 200
        found = (await desk.get("admin", LIST, source=bot.id, outcome="repeated")).json()["items"]
    one = found[-1]
    assert (one["source_id"], one["outcome"], one["external_id"], one["reason"]) == (str(bot.id), "repeated", "7", "")
    assert orjson.loads(one["raw"])["update_id"] == 7
    assert [one["outcome"] for one in await desk.items("admin", LIST, source=bot.id)] == ["taken"]


async def test_what_was_refused_can_be_seen_page_by_page(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    found: list[dict[str, Any]] = []
    while len(found) < 3:
        assert (await bot.post(update(7, "Hello"), secret="wrong")).status_code == 401
        found = (await desk.get("admin", LIST, source=bot.id, outcome="refused")).json()["items"]
    assert {one["reason"] for one in found} == {"not-authentic"}
    first = (await desk.get("admin", LIST, source=bot.id, outcome="refused", limit=2)).json()
    rest = (await desk.get("admin", LIST, source=bot.id, outcome="refused", cursor=first["next"])).json()
    numbers = [one["number"] for one in first["items"] + rest["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert {one["number"] for one in found} <= set(numbers)


async def test_it_is_for_admins(desk: Desk) -> None:
    is_problem(await desk.get("anna", LIST), 403, "admins-only")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "source=x", f"outcome={'x' * 33}"],
)  # fmt: skip
async def test_an_odd_question_names_the_field(shared: Pulse, desk: Desk, query: str) -> None:
    answer = await shared.http.get(f"{LIST}?{query}", headers=await desk.headers("admin"))
    told = is_problem(answer, 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize("cursor", ["x", "before-x", "before--1", "after-", "before-" + "9" * 30, "5"])
async def test_a_made_up_cursor_is_bad_input(desk: Desk, cursor: str) -> None:
    is_problem(await desk.get("admin", LIST, cursor=cursor), 400, "bad-input")


async def test_a_nul_in_a_question_is_bad_input(shared: Pulse, desk: Desk) -> None:
    answer = await shared.http.get(f"{LIST}?outcome=%00", headers=await desk.headers("admin"))
    is_problem(answer, 422, "invalid")


async def test_a_source_without_deliveries_has_an_empty_list(desk: Desk) -> None:
    assert await desk.items("admin", LIST, source=source_id("web", "web_site")) == []
