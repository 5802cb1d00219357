"""Canned replies: by department and language, with variables; and saved views, one's own and everybody's."""

from __future__ import annotations

from typing import Any

import pytest

from pulse.aggregates.phrasebook import filled
from tests.conftest import Pulse
from tests.world import SALES, SUPPORT, Desk, a_name, is_problem, vera_writes


async def keep(pulse: Pulse, desk: Desk, who: str, shortcut: str, texts: dict[str, str], **more: Any) -> Any:
    body = {"texts": texts} | more
    return await pulse.http.put(f"/api/canned-replies/{shortcut}", json=body, headers=await desk.headers(who))


async def test_a_canned_reply_is_filled_in_for_a_chat(shared: Pulse, desk: Desk) -> None:
    peer, shortcut = a_name(), a_name("hello")
    chat = await vera_writes(shared, peer, name="Vera")
    texts = {"en": "Hello, {customer}! {moderator} of {department}.", "ru": "Здравствуйте, {customer}!"}
    assert (await keep(shared, desk, "admin", shortcut.upper(), texts)).status_code == 200
    address = f"/api/canned-replies/{shortcut}/fill"
    english = await desk.post("anna", address, {"chatId": str(chat), "language": "en"})
    assert english.json() == {"text": "Hello, Vera! Anna of Sales.", "language": "en", "missing": []}
    assert (await desk.post("anna", address, {"chatId": str(chat)})).json()["text"] == "Здравствуйте, Vera!"


async def test_what_nothing_is_known_for_stays_and_is_named(shared: Pulse, desk: Desk) -> None:
    chat, shortcut = await vera_writes(shared, a_name()), a_name("hello")  # the simulator told no name
    await keep(shared, desk, "admin", shortcut, {"en": "Hello, {customer}! {moderator}"})
    told = (await desk.post("anna", f"/api/canned-replies/{shortcut}/fill", {"chatId": str(chat)})).json()
    assert (told["text"], told["missing"]) == ("Hello, {customer}! Anna", ["customer"])


async def test_a_departments_own_counts_before_everybodys_and_others_do_not_see_it(shared: Pulse, desk: Desk) -> None:
    chat, shortcut = await vera_writes(shared, a_name()), a_name("bye")
    await keep(shared, desk, "admin", shortcut, {"en": "Bye"})
    await keep(shared, desk, "admin", shortcut, {"en": "Bye from Sales"}, departmentId=str(SALES))
    await keep(shared, desk, "admin", shortcut, {"en": "Bye from Support"}, departmentId=str(SUPPORT))
    told = await desk.post("anna", f"/api/canned-replies/{shortcut}/fill", {"chatId": str(chat)})
    assert told.json()["text"] == "Bye from Sales"
    rows = await desk.items("admin", "/api/canned-replies", begins=f"/{shortcut[:-1]}")
    assert {row["texts"]["en"] for row in rows if row["shortcut"] == shortcut} == {
        "Bye", "Bye from Sales", "Bye from Support",
    }  # fmt: skip
    headers = await desk.headers("admin")
    gone = await shared.http.delete(f"/api/canned-replies/{shortcut}?departmentId={SALES}", headers=headers)
    assert gone.status_code == 200
    told = await desk.post("anna", f"/api/canned-replies/{shortcut}/fill", {"chatId": str(chat)})
    assert told.json()["text"] == "Bye"


@pytest.mark.parametrize(
    ("shortcut", "texts", "status", "code"),
    [
        ("hello there", {"en": "Hello"}, 400, "not-a-shortcut"),
        ("hello", {"en": "  "}, 400, "not-a-canned-reply"),
        ("hello", {"en": "Hello, {costumer}"}, 400, "unknown-variable"),
        ("hello", {"de": "Hallo"}, 422, "invalid"),
    ],
)
async def test_what_is_no_canned_reply_is_refused(
    shared: Pulse, desk: Desk, shortcut: str, texts: dict[str, str], status: int, code: str
) -> None:
    before = await shared.house.log.last_position()
    is_problem(await keep(shared, desk, "admin", shortcut, texts), status, code)
    assert await shared.house.log.last_position() == before


async def test_only_admins_keep_canned_replies(shared: Pulse, desk: Desk) -> None:
    is_problem(await keep(shared, desk, "anna", "hello", {"en": "Hello"}), 403, "admins-only")


def test_what_a_value_brings_is_not_filled_in_again() -> None:
    assert filled("{customer} {moderator}", {"customer": "{moderator}", "moderator": "Anna"}) == "{moderator} Anna"


async def test_views_are_ones_own_or_everybodys(shared: Pulse, desk: Desk) -> None:
    async def save(who: str, name: str, **more: object) -> Any:
        body = {"query": {"tag": "delivery"}} | more
        return await shared.http.put(f"/api/views/{name}", json=body, headers=await desk.headers(who))

    assert (await save("anna", "Late")).status_code == 200
    assert (await save("admin", "All of us", everybody=True)).status_code == 200
    is_problem(await save("anna", "All of us", everybody=True), 403, "admins-only")
    assert [{**row, "id": bool(row["id"])} for row in await desk.items("anna", "/api/views")] == [
        {"id": True, "name": "All of us", "query": {"tag": "delivery"}, "everybody": True},
        {"id": True, "name": "Late", "query": {"tag": "delivery"}, "everybody": False},
    ]
    assert [row["name"] for row in await desk.items("boris", "/api/views")] == ["All of us"]
    gone = await shared.http.delete("/api/views/Late", headers=await desk.headers("anna"))
    assert gone.status_code == 200
    assert [row["name"] for row in await desk.items("anna", "/api/views")] == ["All of us"]
    is_problem(await save("anna", "a\u2028b"), 400, "not-a-view")
    wrong = is_problem(await save("anna", "Odd", query={"tags": "delivery", "status": "lost"}), 422, "invalid")
    assert "status: Send one of" in wrong["errors"][0]["message"]
    assert "did you mean `tag`?" in wrong["errors"][0]["message"]
