"""`/api/producers`: registered, configured, given secrets and shut out, as `pulse producer` does it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson

from tests.conftest import Pulse
from tests.producing import PLAIN, described, signed
from tests.world import Desk, a_name, is_problem

LIST = "/api/producers"


async def ask(desk: Desk, method: str, address: str, body: object = None) -> httpx2.Response:
    return await desk.pulse.http.request(method, address, json=body, headers=await desk.headers("admin"))


async def registered(desk: Desk, **more: object) -> dict[str, Any]:
    name = a_name("shop")
    answer = await desk.post("admin", LIST, {"name": name, "event_types": [described()], **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json() | {"name": name}
    return found


async def shown(desk: Desk, producer: str) -> dict[str, Any]:
    answer = await desk.get("admin", f"{LIST}/{producer}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def posts(desk: Desk, producer: str, secret: str) -> int:
    """What a signed event is answered with."""
    body = orjson.dumps({"type": "shop.order.paid", "timestamp": "2026-11-21T09:30:00Z", "data": {"order": 1}})
    headers = signed(body, secret) | PLAIN
    return (await desk.pulse.http.post(f"/webhook/events/{producer}", content=body, headers=headers)).status_code


async def test_a_registered_producer_may_post_and_its_secret_is_shown_once(shared: Pulse, desk: Desk) -> None:
    made = await registered(desk)
    assert await posts(desk, made["id"], made["secret"]) == 202
    listed = await desk.get("admin", LIST)
    [row] = [row for row in listed.json()["items"] if row["id"] == made["id"]]
    assert row == await shown(desk, made["id"])
    assert (row["name"], row["scheme"], row["disabled"], len(row["secrets"])) == (made["name"], "standard", False, 1)
    assert row["event_types"] == [described()]
    assert row["webhook_url"].endswith(f"/webhook/events/{made['id']}")
    assert made["secret"] not in listed.text
    for stored in await shared.house.log.read_all(f"pulse.ev.producer.*.{UUID(made['id']).hex}"):
        assert made["secret"].removeprefix("whsec_").encode() not in stored.body


async def test_registering_again_changes_nothing_and_shows_nothing(shared: Pulse, desk: Desk) -> None:
    made = await registered(desk)
    before = await shared.house.log.last_position()
    again = await desk.post("admin", LIST, {"name": made["name"], "event_types": [described("shop.other")]})
    assert (again.status_code, again.json()["id"], again.json()["secret"]) == (200, made["id"], None)
    assert await shared.house.log.last_position() == before


async def test_a_secret_of_the_services_own_is_never_shown(desk: Desk) -> None:
    made = await registered(desk, scheme="github", secret="a secret that GitHub knows")
    assert made["secret"] is None
    without = await desk.post("admin", LIST, {"name": a_name(), "scheme": "github", "event_types": [described()]})
    is_problem(without, 400, "secret-is-theirs")


async def test_what_it_may_say_is_replaced(desk: Desk) -> None:
    made = await registered(desk)
    address = f"{LIST}/{made['id']}/event-types"
    for _ in range(2):
        answer = await ask(desk, "PUT", address, {"event_types": [described("shop.order.opened")]})
        assert answer.status_code == 200, answer.text
    assert [one["type"] for one in (await shown(desk, made["id"]))["event_types"]] == ["shop.order.opened"]
    assert await posts(desk, made["id"], made["secret"]) == 422
    wrong = await ask(desk, "PUT", address, {"event_types": [described(channel="private-chat.{data.order}")]})
    is_problem(wrong, 400, "not-a-configuration")
    is_problem(await ask(desk, "PUT", address, {"event_types": []}), 422, "invalid")


async def test_secrets_are_added_and_retired_and_one_always_stays(desk: Desk) -> None:
    made = await registered(desk)
    added = await ask(desk, "POST", f"{LIST}/{made['id']}/secrets", {})
    assert added.status_code == 201, added.text
    assert [await posts(desk, made["id"], one) for one in (made["secret"], added.json()["secret"])] == [202, 202]
    old, new = (await shown(desk, made["id"]))["secrets"]
    for _ in range(2):
        assert (await ask(desk, "DELETE", f"{LIST}/{made['id']}/secrets/{old}")).status_code == 200
    assert [await posts(desk, made["id"], one) for one in (made["secret"], added.json()["secret"])] == [401, 202]
    is_problem(await ask(desk, "DELETE", f"{LIST}/{made['id']}/secrets/{new}"), 409, "last-secret")
    is_problem(await ask(desk, "POST", f"{LIST}/{made['id']}/secrets", {"secret": "no key"}), 400, "not-a-key")


async def test_a_disabled_producer_is_a_stranger_until_it_is_enabled(desk: Desk) -> None:
    made = await registered(desk)
    for word, status in (("disable", 401), ("enable", 202)):
        assert (await desk.post("admin", f"{LIST}/{made['id']}/{word}")).status_code == 200
        assert await posts(desk, made["id"], made["secret"]) == status
        assert (await shown(desk, made["id"]))["disabled"] is (word == "disable")


async def test_nobody_there_is_not_found(desk: Desk) -> None:
    for method, rest in (("GET", ""), ("POST", "/disable"), ("POST", "/enable"), ("DELETE", f"/secrets/{uuid4()}")):
        is_problem(await ask(desk, method, f"{LIST}/{uuid4()}{rest}"), 404, "not-found")
