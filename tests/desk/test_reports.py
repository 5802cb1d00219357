"""Reports over HTTP: whose they are, what they link to, and what is refused. The sums are held by tests/projections."""

from __future__ import annotations

import codecs
import csv
from typing import Any, get_args
from urllib.parse import parse_qsl
from uuid import UUID

import httpx2
import pytest

from pulse import demo
from pulse.aggregates.moderator import moderator_id
from pulse.desk.report_rows import By
from pulse.projections import facts
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.world import SALES, Desk, a_name, accounts, is_problem, settled, vera_writes

ANNA, BORIS = moderator_id("anna@pulse.example"), moderator_id("boris@pulse.example")


@pytest.fixture
async def answered(shared: Pulse, desk: Desk) -> UUID:
    """A chat that Anna answered and Boris closed."""
    chat = await vera_writes(shared, a_name())
    assert (await desk.reply("anna", chat)).status_code == 201
    assert (await desk.post("boris", f"/api/chats/{chat}/close")).status_code == 200
    await settled(shared)
    return chat


async def follow(desk: Desk, name: str, link: str) -> httpx2.Response:
    address, _, query = link.partition("?")
    return await desk.get(name, address, **dict(parse_qsl(query, keep_blank_values=True)))


async def rows(desk: Desk, name: str, address: str = "/api/reports", **query: object) -> dict[str | None, Any]:
    found = await desk.get(name, address, **query)
    assert found.status_code == 200, found.text
    return {row["key"]: row for row in found.json()["items"]}


@pytest.mark.usefixtures("answered")
async def test_each_number_is_whose_it_is_and_lists_the_events_behind_it(desk: Desk) -> None:
    by_moderator = await rows(desk, "admin", by="moderator", hours="clock")
    assert by_moderator[str(ANNA)]["name"] == "Anna"
    assert by_moderator[str(ANNA)]["first_reply"]["n"] > 0
    assert by_moderator[str(BORIS)]["resolution"]["n"] > 0
    for by in get_args(By):
        for row in (await rows(desk, "admin", by=by)).values():
            assert (row["events"]["waiting"] is None) == (by in ("day", "week"))
            for metric, link in row["events"].items():
                if link is None:
                    continue
                listed = (await follow(desk, "admin", f"{link}&limit=200")).json()["items"]
                number = row[metric]["n"] if isinstance(row[metric], dict) else row[metric]
                assert len(listed) == number, (by, metric, link)


async def test_a_stretch_names_its_events_and_the_chats_pages_show_them(desk: Desk, answered: UUID) -> None:
    found = (await desk.get("admin", "/api/reports/events", metric="first_reply")).json()["items"]
    [mine] = [row for row in found if row["chat_id"] == str(answered)]
    assert mine["moderator"] == {"id": str(ANNA), "name": "Anna"}
    assert mine["department"] == {"id": str(SALES), "name": "Sales"}
    assert mine["from"]["position"] < mine["to"]["position"]
    happened = (await follow(desk, "admin", mine["events"])).json()["items"]
    assert happened[0]["id"] == mine["from"]["version"]
    shown = (await follow(desk, "admin", mine["messages"])).json()["items"]
    assert [entry["id"] for entry in shown] == [mine["from"]["version"], mine["to"]["version"]]


async def test_who_waits_is_counted_now_and_in_the_backlog(shared: Pulse, desk: Desk) -> None:
    before = (await desk.get("admin", "/api/reports")).json()["total"]["waiting"]
    chat = await vera_writes(shared, a_name())
    await settled(shared)
    assert (await desk.get("admin", "/api/reports")).json()["total"]["waiting"] == before + 1
    today = (await desk.get("admin", "/api/reports/backlog")).json()["items"][-1]
    assert today["waiting"] == before + 1 <= today["open"]
    listed = (await follow(desk, "admin", today["events"]["waiting"] + "&limit=200")).json()["items"]
    assert str(chat) in {row["chat_id"] for row in listed}
    assert all(row["to"] is None and row["seconds"] >= 0 for row in listed)


@pytest.mark.usefixtures("answered")
async def test_moderators_see_their_own_numbers_and_no_others(shared: Pulse, desk: Desk) -> None:
    for address in ("/api/reports", "/api/reports/backlog", f"/api/reports/events?metric=replies&moderator={BORIS}",
                    "/api/reports/events?metric=replies", "/api/reports/events?metric=opened&moderator=none"):  # fmt: skip
        is_problem(await follow(desk, "anna", address), 403, "admins-only")
        assert (await shared.http.get(address)).status_code == 401
    mine = (await desk.get("anna", "/api/reports/mine")).json()["total"]
    hers = await rows(desk, "admin", by="moderator")
    assert mine["replies"] == hers[str(ANNA)]["replies"] > 0
    listed = (await follow(desk, "anna", mine["events"]["replies"] + "&limit=200")).json()["items"]
    assert len(listed) == mine["replies"]
    headers = await someone(shared, "Support")
    nothing = (await shared.http.get("/api/reports/mine", headers=headers)).json()["total"]
    assert (nothing["replies"], nothing["waiting"], nothing["first_reply"]["n"]) == (0, 0, 0)


@pytest.mark.usefixtures("answered")
async def test_a_table_is_asked_for_twice_over_and_holds_no_formula(shared: Pulse, desk: Desk) -> None:
    """OWASP ASVS 5.0, 1.2.10: somebody is called like a formula, and counted."""
    email, name = a_name("olga"), "=HYPERLINK(1)"
    made = await accounts(shared).invite(f"{email}@pulse.example", name, "moderator", (SALES,), demo.PASSWORD)
    await shared.house.directory.wait_for(made.position)
    assert (await desk.reply(email, await vera_writes(shared, a_name()))).status_code == 201
    await settled(shared)
    asked = await desk.get("admin", "/api/reports", by="moderator", format="csv")
    accepted = await shared.http.get(
        "/api/reports?by=moderator", headers=await desk.headers("admin") | {"Accept": "text/csv"}
    )
    for found in (asked, accepted):
        assert found.headers["content-type"].startswith("text/csv")
        assert "attachment" in found.headers["content-disposition"]
        assert found.content.startswith(codecs.BOM_UTF8)
        table = list(csv.DictReader(found.content.decode("utf-8-sig").splitlines()))
        assert {"name", "opened", "first_reply_median_seconds", "resolution_p90_seconds"} <= table[0].keys()
        assert not any(name.startswith("events") for name in table[0])
        assert f"'{name}" in {row["name"] for row in table}
        assert table[-1]["name"] == "Total"
    backlog = await desk.get("admin", "/api/reports/backlog", format="csv", links=True, separator="semicolon")
    assert backlog.text.removeprefix("\ufeff").startswith("day;at;open;waiting;events_open;events_waiting")


async def test_a_tables_file_is_called_after_what_it_holds(desk: Desk) -> None:
    november = {"from": "2026-11-01", "to": "2026-11-30", "zone": "Europe/Moscow", "format": "csv"}
    for address, by, name in (
        ("", "week", "report-by-week"),
        ("/mine", "day", "my-report-by-day"),
        ("/backlog", None, "backlog"),
    ):
        found = await desk.get("admin", f"/api/reports{address}", **november, **({"by": by} if by else {}))
        wanted = f'attachment; filename="{name}-2026-11-01-to-2026-11-30.csv"'
        assert found.headers["content-disposition"] == wanted


async def test_a_bare_day_is_the_whole_of_it_where_people_work(shared: Pulse, desk: Desk) -> None:
    day = {"from": "2026-11-21", "to": "2026-11-21"}
    there = (await desk.get("admin", "/api/reports", **day, zone="Asia/Tokyo")).json()
    assert (there["from"], there["to"]) == ("2026-11-20T15:00:00+00:00", "2026-11-21T15:00:00+00:00")
    assert [row["key"] for row in there["items"]] == ["2026-11-21"]
    assert (await desk.get("admin", "/api/reports", **day)).json()["zone"] == "UTC"
    hours = f"/api/departments/{SALES}/hours"
    headers = await desk.headers("admin")
    try:
        office = {"zone": "Europe/Moscow", "days": {"mon": ["09:00-18:00"]}, "closed": []}
        assert (await shared.http.put(hours, json={"hours": office}, headers=headers)).status_code == 200
        for more in ({}, {"department": str(SALES)}):
            here = (await desk.get("admin", "/api/reports", **day, **more)).json()
            assert (here["zone"], here["from"]) == ("Europe/Moscow", "2026-11-20T21:00:00+00:00")
    finally:
        await shared.http.put(hours, json={"hours": None}, headers=headers)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from": "2026-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, 400, "bad-input"),
        ({"from": "2024-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "bad-input"),
        ({"from": "2026-01-01T00:00:00"}, 422, "invalid"),
        ({"from": "2026-02-30"}, 422, "invalid"),
        ({"from": "1999-12-31"}, 422, "invalid"),
        ({"tag": "x" * 41}, 400, "not-a-tag"),
        ({"to": "9999-12-31T23:59:59Z"}, 422, "invalid"),
        ({"by": "shoe size"}, 422, "invalid"),
        ({"hours": "office"}, 422, "invalid"),
        ({"zone": "Mars/Base"}, 422, "invalid"),
        ({"zone": "../../etc/passwd"}, 422, "invalid"),
        ({"channel": "fax"}, 422, "invalid"),
        ({"moderator": "anna"}, 422, "invalid"),
        ({"departmnt": "none"}, 422, "invalid"),
    ],
)
async def test_an_odd_report_is_refused(desk: Desk, query: dict[str, str], status: int, code: str) -> None:
    is_problem(await desk.get("admin", "/api/reports", **query), status, code)


@pytest.mark.usefixtures("answered")
async def test_too_much_for_one_report_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "SECONDS", 0.001)
    monkeypatch.setitem(facts.SQL._by_name, "counts", "select pg_sleep(1), %(since)s")
    told = is_problem(await desk.get("admin", "/api/reports"), 400, "too-much")
    assert "shorter" in told["title"]


async def test_nobody_asks_for_the_events_of_numbers_without_end(shared: Pulse, desk: Desk) -> None:
    olga = await someone(shared, "Sales")
    me = (await shared.http.get("/api/settings/profile", headers=olga)).json()["id"]
    asked = {"metric": "closed", "moderator": me}
    answers = [await shared.http.get("/api/reports/events", params=asked, headers=olga) for _ in range(400)]
    assert {answer.status_code for answer in answers} == {200, 429}
