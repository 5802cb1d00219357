"""`/api/subscribers`: admins register other systems, see how they do, and change them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from pulse.desk import subscriber_desk
from pulse.eventlog.envelope import new_event_id
from tests.conftest import Pulse
from tests.desk.test_customers import lagging
from tests.world import Desk, a_name, is_problem

LIST = "/api/subscribers"
NOBODY = "https://crm.example/hooks"
ASKED = [
    ("GET", ""), ("POST", ""), ("GET", "/{id}"), ("PATCH", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/rotate"),
    ("POST", "/{id}/pause"), ("POST", "/{id}/resume"), ("POST", "/{id}/replay"), ("POST", "/{id}/test"),
]  # fmt: skip
BODIES = {"": {"url": NOBODY, "types": ["*"]}, "/{id}/replay": {"position": 1}, "/{id}": {"title": "x"}}


async def ask(desk: Desk, who: str, method: str, address: str, body: object = None) -> httpx2.Response:
    return await desk.pulse.http.request(method, address, json=body, headers=await desk.headers(who))


async def registered(desk: Desk, **more: object) -> dict[str, Any]:
    """Of a system that is not there, paused before anything has to be told."""
    answer = await desk.post("admin", LIST, {"url": NOBODY, "types": ["department.*"], "title": a_name("crm"), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(desk: Desk, subscriber: str) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get("admin", f"{LIST}/{subscriber}")).json()
    return found


async def test_a_registered_subscriber_is_listed_and_its_secret_is_shown_once(shared: Pulse, desk: Desk) -> None:
    made = await registered(desk, title="The CRM", types=["department.*", "chat.opened"])
    assert made["secret"].startswith("whsec_")
    listed = await desk.get("admin", LIST)
    one = next(row for row in listed.json()["items"] if row["id"] == made["id"])
    assert one == await shown(desk, made["id"]) | {"lag": one["lag"], "position": one["position"]}
    assert (one["url"], one["title"], one["types"]) == (NOBODY, "The CRM", ["department.*", "chat.opened"])
    assert (one["status"], one["failed_attempts"], one["last_error"], one["next_try_at"]) == ("active", 0, None, None)
    assert made["secret"] not in listed.text
    stored = await shared.house.log.read_all(">", made["position"])
    assert made["secret"].removeprefix("whsec_").encode() not in stored[0].body


async def test_registering_again_under_the_same_id_changes_nothing(desk: Desk) -> None:
    own = str(new_event_id())
    made = await registered(desk, id=own)
    again = await desk.post("admin", LIST, {"url": NOBODY, "types": ["*"], "id": own})
    assert (again.status_code, again.json()["secret"], again.json()["position"]) == (200, None, made["position"])
    assert (await shown(desk, own))["types"] == ["department.*"]


async def test_the_id_of_one_that_was_removed_is_refused(desk: Desk) -> None:
    own = str(new_event_id())
    await registered(desk, id=own)
    assert (await ask(desk, "admin", "DELETE", f"{LIST}/{own}")).status_code == 200
    again = await desk.post("admin", LIST, {"url": NOBODY, "types": ["*"], "id": own})
    is_problem(again, 409, "subscriber-is-gone")


async def test_registering_waits_only_so_long_for_the_directory(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lagging(shared, monkeypatch):
        assert (await registered(desk))["secret"]


async def test_a_list_asks_once_how_far_the_log_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await registered(desk)
    log, asked = desk.pulse.house.log, []
    last_position = log.last_position

    async def counted() -> int:
        asked.append(1)
        return await last_position()

    monkeypatch.setattr(log, "last_position", counted)
    assert len((await desk.get("admin", LIST)).json()["items"]) >= 2
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"types": ["chat.mesage-received"]}, "unknown-event-type"),
        ({"types": ["moderator.*"]}, "unknown-event-type"),
        ({"types": ["source.secrets-changed"]}, "unknown-event-type"),
        ({"types": []}, "not-a-subscriber"),
        ({"url": "http://crm.example/"}, "forbidden-address"),
        ({"url": "https://127.0.0.1/"}, "forbidden-address"),
        ({"url": "https://[::1]/"}, "forbidden-address"),
        ({"url": "https://169.254.169.254/latest"}, "forbidden-address"),
        ({"url": "https://2130706433/"}, "forbidden-address"),
        ({"url": "https://localhost/"}, "forbidden-address"),
        ({"url": "https://crm.example:6379/"}, "forbidden-address"),
        ({"url": "https://user:secret@crm.example/"}, "forbidden-address"),
        ({"url": "crm.example"}, "forbidden-address"),
        ({"url": "https://crm.example/#fragment"}, "not-a-subscriber"),
        ({"position": 10**9}, "not-in-the-log"),
    ],
    ids=str,
)
async def test_what_can_not_be_told_is_refused_when_it_is_registered(
    shared: Pulse, desk: Desk, wrong: dict[str, object], code: str
) -> None:
    before = await shared.house.log.last_position()
    is_problem(await desk.post("admin", LIST, {"url": NOBODY, "types": ["*"], **wrong}), 400, code)
    assert await shared.house.log.last_position() == before


@pytest.mark.parametrize(("method", "address"), ASKED, ids=str)
async def test_it_is_for_admins(desk: Desk, method: str, address: str) -> None:
    answer = await ask(desk, "anna", method, LIST + address.format(id=new_event_id()), BODIES.get(address))
    is_problem(answer, 403, "admins-only")


@pytest.mark.parametrize(("method", "address"), ASKED[2:], ids=str)
async def test_one_that_is_not_there_is_not_found(desk: Desk, method: str, address: str) -> None:
    gone = (await registered(desk))["id"]
    await ask(desk, "admin", "DELETE", f"{LIST}/{gone}")
    for unknown in (gone, new_event_id()):
        answer = await ask(desk, "admin", method, LIST + address.format(id=unknown), BODIES.get(address))
        if (method, unknown) != ("DELETE", gone):
            is_problem(answer, 404, "not-found")
    assert gone not in (await desk.get("admin", LIST)).text


async def test_one_that_left_may_be_sent_away_again(shared: Pulse, desk: Desk) -> None:
    made = await registered(desk)
    first = await ask(desk, "admin", "DELETE", f"{LIST}/{made['id']}")
    before = await shared.house.log.last_position()
    again = await ask(desk, "admin", "DELETE", f"{LIST}/{made['id']}")
    assert (again.status_code, again.json()) == (200, first.json())
    assert await shared.house.log.last_position() == before


async def test_what_is_given_is_changed_and_the_rest_stays(desk: Desk) -> None:
    made = await registered(desk)
    moved = await ask(desk, "admin", "PATCH", f"{LIST}/{made['id']}", {"url": "https://crm.example/2"})
    again = await ask(desk, "admin", "PATCH", f"{LIST}/{made['id']}", {"url": "https://crm.example/2"})
    assert moved.json()["position"] == again.json()["position"]
    one = await shown(desk, made["id"])
    assert (one["url"], one["types"]) == ("https://crm.example/2", ["department.*"])
    wrong = await ask(desk, "admin", "PATCH", f"{LIST}/{made['id']}", {"types": ["fax.*"]})
    is_problem(wrong, 400, "unknown-event-type")
    is_problem(await ask(desk, "admin", "PATCH", f"{LIST}/{made['id']}", {"address": "x"}), 422, "invalid")


async def test_a_new_secret_is_shown_once_and_differs(desk: Desk) -> None:
    made = await registered(desk)
    rotated = (await desk.post("admin", f"{LIST}/{made['id']}/rotate")).json()
    ended = (await desk.post("admin", f"{LIST}/{made['id']}/rotate", {"oldHours": 0})).json()
    assert len({made["secret"], rotated["secret"], ended["secret"]}) == 3
    assert rotated["secret"] not in (await desk.get("admin", f"{LIST}/{made['id']}")).text


async def test_it_is_paused_and_resumed(desk: Desk) -> None:
    made = await registered(desk)
    for _ in range(2):
        assert (await desk.post("admin", f"{LIST}/{made['id']}/pause")).status_code == 200
    one = await shown(desk, made["id"])
    assert (one["status"], one["paused_for"]) == ("paused", "asked")
    await desk.post("admin", f"{LIST}/{made['id']}/resume")
    assert (await shown(desk, made["id"]))["status"] == "active"


async def test_a_replay_begins_at_a_position_of_the_log(desk: Desk) -> None:
    made = await registered(desk)
    await desk.post("admin", f"{LIST}/{made['id']}/pause")
    assert (await desk.post("admin", f"{LIST}/{made['id']}/replay", {"position": 3})).status_code == 200
    assert (await shown(desk, made["id"]))["position"] == 2
    for wrong in (0, -1, "x", None):
        is_problem(await desk.post("admin", f"{LIST}/{made['id']}/replay", {"position": wrong}), 422, "invalid")
    is_problem(await desk.post("admin", f"{LIST}/{made['id']}/replay", {"position": 10**9}), 400, "not-in-the-log")


async def test_a_test_says_how_it_would_be_taken(desk: Desk) -> None:
    made = await registered(desk)
    tried = (await desk.post("admin", f"{LIST}/{made['id']}/test")).json()
    assert (tried["taken"], tried["status"]) == (False, None)
    assert tried["error"]


async def test_there_is_room_for_so_many_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    own = str(new_event_id())
    await registered(desk, id=own)
    monkeypatch.setattr(subscriber_desk, "SUBSCRIBERS_LIMIT", 1)
    is_problem(await desk.post("admin", LIST, {"url": NOBODY, "types": ["*"]}), 409, "too-many-subscribers")
    assert (await desk.post("admin", LIST, {"url": NOBODY, "types": ["*"], "id": own})).status_code == 200
