"""Rules, policies, being away and dry runs over HTTP: for admins, but one's own switch."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.world import SALES, SUPPORT, Desk, a_name, accounts, connect, is_problem, kinds, settled, since, vera_writes

ANNA = moderator_id("anna@pulse.example")
REFUNDS: dict[str, Any] = {"department": str(SUPPORT), "words": ["refund"]}
DRY_RUN = "/api/routing/dry-run"


async def put(desk: Desk, name: str, address: str, body: object) -> httpx2.Response:
    return await desk.pulse.http.put(address, json=body, headers=await desk.headers(name))


async def a_simulator(pulse: Pulse) -> UUID:
    return await connect(pulse, "simulator", a_name("simulator"))


async def writes(pulse: Pulse, source: UUID, text: str) -> dict[str, Any]:
    """Vera's first word on a source; returns her chat's row."""
    body = {"from": a_name(), "message": text, "type": "text", "message_id": a_name("m")}
    assert (await pulse.http.post(f"/webhook/simulator/{source}", json=body)).status_code == 200
    await settled(pulse)
    return (await pulse.http.get("/api/chats", params={"limit": "1"}, headers=await pulse.sign_in("admin"))).json()[
        "items"
    ][0]


async def test_rules_send_the_next_new_chat_and_are_shown(shared: Pulse, desk: Desk) -> None:
    source = await a_simulator(shared)
    address = f"/api/sources/{source}/rules"
    answer = await put(desk, "admin", address, {"rules": [REFUNDS]})
    assert answer.status_code == 200, answer.text
    assert (await writes(shared, source, "A REFUND, please"))["department"]["id"] == str(SUPPORT)
    assert (await writes(shared, source, "Hello"))["department"]["id"] == str(SALES)
    [shown] = (await desk.get("admin", address)).json()["rules"]
    assert {name: value for name, value in shown.items() if value} == REFUNDS
    again = await put(desk, "admin", address, {"rules": [REFUNDS]})
    assert (again.status_code, again.json()) == (200, answer.json())


async def test_a_wrong_rule_is_named_and_nothing_is_stored(shared: Pulse, desk: Desk) -> None:
    source = await a_simulator(shared)
    before = await settled(shared)
    wrong = [REFUNDS, REFUNDS | {"department": str(uuid4())}]
    told = is_problem(await put(desk, "admin", f"/api/sources/{source}/rules", {"rules": wrong}), 400, "not-a-rule")
    assert (told["index"], told["field"]) == (1, "department")
    hours = REFUNDS | {"hours": {"since": "9", "until": "18:00", "zone": "UTC"}}
    told = is_problem(await put(desk, "admin", f"/api/sources/{source}/rules", {"rules": [hours]}), 400, "not-a-rule")
    assert (told["index"], told["field"]) == (0, "hours.since")
    assert await settled(shared) == before


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"words": ["refund"]}, "rules.0.department"),
        (REFUNDS | {"wrods": ["x"]}, "rules.0.wrods"),
        (REFUNDS | {"hours": {"since": "09:00"}}, "rules.0.hours.until"),
        (REFUNDS | {"hours": {"since": "09:00", "until": "10:00", "zone": "UTC", "days": 5}}, "rules.0.hours.days"),
        (REFUNDS | {"words": "refund"}, "rules.0.words"),
    ],
)
async def test_a_rule_of_another_shape_is_invalid(desk: Desk, rule: object, field: str) -> None:
    answer = await put(desk, "admin", f"/api/sources/{uuid4()}/rules", {"rules": [rule]})
    told = is_problem(answer, 422, "invalid")
    assert field in [fault["field"] for fault in told["errors"]]


async def test_a_policy_is_set_and_shown(desk: Desk) -> None:
    address = f"/api/departments/{SUPPORT}/policy"
    assert (await put(desk, "admin", address, {"assign": "least-busy", "max_chats": 5})).status_code == 200
    assert (await desk.get("admin", address)).json() == {"assign": "least-busy", "max_chats": 5}
    for wrong in ({"assign": "dice"}, {"assign": "none", "max_chats": 0}):
        is_problem(await put(desk, "admin", address, wrong), 400, "not-a-policy")
    assert (await put(desk, "admin", address, {"assign": "none"})).status_code == 200


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for address, body in ((f"/api/sources/{uuid4()}/rules", {"rules": []}), (f"/api/departments/{uuid4()}/policy", {"assign": "none"})):  # fmt: skip
        is_problem(await put(desk, "admin", address, body), 404, "not-found")
        is_problem(await desk.get("admin", address), 404, "not-found")


async def test_all_of_it_is_for_admins(desk: Desk) -> None:
    rules, policy = f"/api/sources/{uuid4()}/rules", f"/api/departments/{SALES}/policy"
    answers = [
        await put(desk, "anna", rules, {"rules": []}), await desk.get("anna", rules),
        await put(desk, "anna", policy, {"assign": "none"}), await desk.get("anna", policy),
        await desk.post("anna", DRY_RUN, {}),
    ]  # fmt: skip
    for answer in answers:
        is_problem(answer, 403, "admins-only")


async def test_away_is_ones_own_switch_and_said_once(shared: Pulse, desk: Desk) -> None:
    headers, before = await someone(shared, "Sales"), await settled(shared)
    http = shared.http

    async def is_away() -> bool:
        return bool((await http.get("/api/users/me", headers=headers)).json()["user"]["away"])

    for away in (True, True, False):
        answer = await http.post("/api/me/away", json={"away": away}, headers=headers)
        assert answer.status_code == 200
        assert int(answer.headers["X-Pulse-Position"]) == answer.json()["position"]
        assert await is_away() is away
    said = await since(shared, before)
    assert kinds(said) == ["moderator.went-away", "moderator.came-back"]
    assert {event.envelope.by for event in said} == {f"moderator:{said[0].aggregate_id.hex}"}
    assert (await http.post("/api/me/away", json={"away": True})).status_code == 401


async def test_a_dry_run_says_who_would_have_got_recorded_chats_and_changes_nothing(shared: Pulse, desk: Desk) -> None:
    source = await a_simulator(shared)
    await writes(shared, source, "Hello")
    await writes(shared, source, "refund")
    before = await settled(shared)
    asked = {
        "source": str(source), "rules": [REFUNDS], "policy": {"assign": "round-robin"}, "moderators": [str(ANNA)],
    }  # fmt: skip
    answer = await desk.post("admin", DRY_RUN, asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [one["department"]["name"] for one in found["items"]] == ["Sales", "Sales"]
    assert [one["by_rules"] for one in found["items"]] == [
        {"department": {"id": str(SALES), "name": "Sales"}, "rule": None},
        {"department": {"id": str(SUPPORT), "name": "Support"}, "rule": 0},
    ]
    assert [one["by_policy"]["moderator"]["name"] for one in found["items"]] == ["Anna", "Anna"]
    assert "counted as online" in found["assumed_online"]
    assert (found["next"], found["prev"]) == (None, None)
    first = (await desk.post("admin", DRY_RUN, asked | {"limit": 1})).json()
    rest = (await desk.post("admin", DRY_RUN, asked | {"cursor": first["next"]})).json()
    assert [one["chat_id"] for one in first["items"] + rest["items"]] == [one["chat_id"] for one in found["items"]]
    assert await settled(shared) == before
    nothing = {"source": str(source), "from": "2999-01-01T00:00:00Z"}
    assert (await desk.post("admin", DRY_RUN, nothing)).json()["items"] == []


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"rules": [REFUNDS]}, 400, "bad-input"),
        ({"source": str(uuid4())}, 404, "not-found"),
        ({"policy": {"assign": "dice"}}, 400, "not-a-policy"),
        ({"limit": 1001}, 422, "invalid"),
        ({"from": "2026-01-01T00:00:00"}, 422, "invalid"),
        ({"cursor": "x"}, 422, "invalid"),
        ({"polizy": {}}, 422, "invalid"),
    ],
)
async def test_an_odd_dry_run_is_refused(shared: Pulse, asked: object, status: int, code: str) -> None:
    """Each as an admin of its own, because how often one may ask is limited."""
    name = a_name("ada")
    invited = await accounts(shared).invite(f"{name}@pulse.example", name, "admin", (), "password")
    await shared.house.directory.wait_for(invited.position)
    headers = await shared.sign_in(name)
    is_problem(await shared.http.post(DRY_RUN, json=asked, headers=headers), status, code)


async def test_how_often_one_may_dry_run_is_limited(shared: Pulse) -> None:
    name = a_name("ada")
    invited = await accounts(shared).invite(f"{name}@pulse.example", name, "admin", (), "password")
    await shared.house.directory.wait_for(invited.position)
    headers = await shared.sign_in(name)
    asked = {"from": "2999-01-01T00:00:00Z"}
    for _ in range(50):
        answer = await shared.http.post(DRY_RUN, json=asked, headers=headers)
        if answer.status_code != 200:
            break
    is_problem(answer, 429, "too-often")


async def test_a_chat_is_given_by_its_departments_policy_and_all_are_told(whole_pulse: Pulse) -> None:
    from tests.push.ears import staff_ear

    shared, desk = whole_pulse, Desk(whole_pulse)
    address = f"/api/departments/{SALES}/policy"
    assert (await put(desk, "admin", address, {"assign": "round-robin"})).status_code == 200
    try:
        async with staff_ear(shared, ANNA) as ear:
            chat = await vera_writes(shared, a_name())
            told = await ear.until(lambda frame: frame["type"] == "chat.session.assigned" and frame["session_id"] == str(chat))  # fmt: skip
            assert told[-1]["data"]["holder"] == {"id": str(ANNA), "name": "Anna"}
        known = await shared.house.store.load(Chat, chat)
        assert known is not None
        assert known.holder_id == ANNA
    finally:
        await put(desk, "admin", address, {"assign": "none"})
