"""Search over HTTP: what somebody may see of it, page by page, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.moderator import moderator_id
from pulse.desk.search import AT_ONCE, Hits
from pulse.house import now
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.insisting import insist
from tests.world import SUPPORT, Desk, a_name, is_problem, vera_writes


async def found(desk: Desk, name: str, q: str, **query: Any) -> list[dict[str, Any]]:
    """What is found once anything is: what is searched follows the lists in a moment of its own."""

    async def ask() -> list[dict[str, Any]]:
        answer = await desk.get(name, "/api/search", q=q, **query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = Hits.model_validate(answer.json()).model_dump(mode="json")["items"]
        return items

    return await insist(ask, bool, pause=0.2)


async def test_a_message_a_reply_and_a_note_are_found(shared: Pulse, desk: Desk) -> None:
    word = a_name("needle").replace("-", "")
    chat = await vera_writes(shared, a_name(), f"Где мой {word}?", name="Vera")
    assert (await desk.reply("anna", chat, f"Ваш {word} в пути")).status_code == 201

    def noted(found: Chat | None) -> Chat:
        assert found is not None
        found.note(f"{word}!", moderator_id=moderator_id("anna@pulse.example"), now=now())
        return found

    at = (await shared.house.store.decide(Chat, chat, noted, by="system")).position

    async def three() -> Any:
        return (await desk.get("anna", "/api/search", q=word[:-1], at=at)).json()

    body = await insist(three, lambda body: len(body.get("items", ())) == 3, pause=0.2)
    assert [hit["kind"] for hit in body["items"]] == ["note", "reply", "message"]
    assert {hit["chat_id"] for hit in body["items"]} == {str(chat)}
    assert body["items"][1]["sender"]["name"] == "Anna"
    assert {"text": word, "hit": True} in body["items"][2]["snippet"]
    assert (body["next"], body["prev"], body["partial"]) == (None, None, False)


async def test_own_words_are_found_at_once(shared: Pulse, desk: Desk) -> None:
    word = a_name("mine").replace("-", "")
    chat = await vera_writes(shared, a_name())
    at = (await desk.reply("anna", chat, word)).json()["position"]
    assert [hit["kind"] for hit in await found(desk, "anna", word, at=at)] == ["reply"]


async def test_what_moved_away_is_no_longer_found(shared: Pulse, desk: Desk) -> None:
    word = a_name("moving").replace("-", "")
    chat = await vera_writes(shared, a_name(), word)
    headers = await someone(shared, "Support")

    async def theirs() -> int:
        answer = await shared.http.get("/api/search", params={"q": word}, headers=headers)
        return len(answer.json()["items"])

    assert len(await found(desk, "anna", word)) == 1
    assert await theirs() == 0
    moved = await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    assert moved.status_code == 200, moved.text
    assert await insist(theirs, bool, pause=0.2) == 1


async def test_filters_are_taken_from_the_query(shared: Pulse, desk: Desk) -> None:
    word = a_name("filter").replace("-", "")
    chat = await vera_writes(shared, a_name(), word)
    await vera_writes(shared, a_name(), word)
    assert len(await found(desk, "anna", word, chat=chat, channel="simulator", **{"from": "2020-01-01T00:00:00Z"})) == 1
    for nothing in (
        {"chat": UUID(int=1)},
        {"customer": UUID(int=1)},
        {"channel": "vk"},
        {"to": "2020-01-01T00:00:00Z"},
    ):
        assert (await desk.get("anna", "/api/search", q=word, **nothing)).json()["items"] == [], nothing


@pytest.mark.parametrize(
    "query",
    [
        {}, {"q": ""}, {"q": "a" * 201}, {"q": "nul\0"}, {"q": "a", "limit": 0}, {"q": "a", "limit": 101},
        {"q": "a", "chat": "1"}, {"q": "a", "from": "yesterday"}, {"q": "a", "to": "2026-01-01T00:00:00"},
        {"q": "a", "colour": "red"},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(desk: Desk, query: dict[str, Any]) -> None:
    is_problem(await desk.get("boris", "/api/search", **query), 422, "invalid")


async def test_words_are_needed_and_cursors_come_from_pages(desk: Desk) -> None:
    is_problem(await desk.get("boris", "/api/search", q="!!"), 400, "bad-input")
    is_problem(await desk.get("boris", "/api/search", q="a", cursor="x"), 400, "bad-input")


async def test_strangers_find_nothing(shared: Pulse) -> None:
    is_problem(await shared.http.get("/api/search", params={"q": "order"}), 401, "not-authentic")


@pytest.mark.parametrize("address", ["/api/search", "/api/search/rooms"])
async def test_a_position_that_is_none_is_refused_once_it_is_known_who_asks(
    shared: Pulse, desk: Desk, address: str
) -> None:
    said = {"X-Pulse-Position": "soon"}
    asked = shared.http.build_request("GET", address, params={"q": "order"}, headers=said)
    is_problem(await shared.http.send(asked), 401, "not-authentic")
    asked.headers.update(await desk.headers("boris"))
    is_problem(await shared.http.send(asked), 400, "bad-input")


async def test_nobody_searches_without_end(shared: Pulse, desk: Desk) -> None:
    headers = await someone(shared, "Sales")

    async def ask() -> httpx2.Response:
        return await shared.http.get("/api/search", params={"q": "order"}, headers=headers)

    answers = await asyncio.gather(*(ask() for _ in range(AT_ONCE * 3)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    is_problem(refused[0], 429, "too-often")
