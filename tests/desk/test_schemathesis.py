"""schemathesis against every operation of the document, at a running Pulse: no 500, and no answer outside the document.

Bounded and always the same: few examples for each, from a fixed seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pulse.aggregates.source import source_id
from tests.conftest import Pulse
from tests.desk.signing import an_account, signed_in
from tests.ingest.test_widget import a_visitor
from tests.producing import described
from tests.promises import address_of_nothing, document, operation_of
from tests.world import Desk, a_name, settled, vera_writes

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
EXAMPLES = 10
BOUNDED = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# Answers that go on, or wait; tests/push asks for them.
LASTING = {"open_xhr_stream", "poll_xhr"}
FOUND = [said["operationId"] for methods in document()["paths"].values() for said in methods.values()]
NAMES = [name for name in FOUND if name not in LASTING]
OWN = {"sign in", "settings"}  # tags
SIMULATOR = "the demo's simulator"


@cache
def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(document())
    return {found.ok().definition.raw["operationId"]: found.ok() for found in schema.get_all_operations()}


@dataclass(frozen=True)
class World:
    """A running Pulse in which every kind of thing is there once, so that not all is 404."""

    pulse: Pulse
    ids: dict[str, Any]
    headers: dict[str, dict[str, str]]

    def headers_for(self, operation: Any) -> dict[str, str]:
        return self.headers["widget" if "widget" in operation.definition.raw["tags"] else "desk"]

    def ids_for(self, operation: Any) -> dict[str, Any]:
        ids = self.ids | ({"source_id": self.ids[SIMULATOR]} if "webhooks" in operation.definition.raw["tags"] else {})
        return {one.name: ids[one.name] for one in operation.path_parameters if one.name in ids}


@pytest.fixture(scope="module")
async def world(shared: Pulse, desk: Desk) -> World:
    """Only the demo's simulator takes messages without a secret; whatever else may be disabled is the world's own."""
    chat = await vera_writes(shared, a_name(), "Where is my order?")
    reply = (await desk.reply("admin", chat)).json()["id"]
    await settled(shared)
    row = (await desk.get("admin", f"/api/chats/{chat}")).json()
    deliveries = (await desk.get("admin", "/api/deliveries", limit=1)).json()["items"]
    visitor = await a_visitor(shared)
    ids = {
        "chat_id": str(chat), "number": reply, "customer_id": row["customer_id"], "delivery_id": deliveries[0]["id"],
        "channel": "simulator", "provider": "telegram", "tag": "invoice", "shortcut": "hello", "name": "Late",
        SIMULATOR: str(source_id("simulator", "simulator")),
    }  # fmt: skip
    headers = {"desk": await desk.headers("admin"), "widget": visitor.headers}
    return World(shared, ids | await made_by_admins(desk), headers)


async def made_by_admins(desk: Desk) -> dict[str, str]:
    async def made(what: str, **body: object) -> Any:
        return (await desk.post("admin", f"/api/{what}", body)).json()

    department = await made("departments", name="Claims")
    source = await made("sources", type="simulator", identifier="claims", departments=[department["id"]])
    subscriber = await made("subscribers", url="https://crm.example/hooks", types=["customer.*"])
    user = await made("users", email="zoe@pulse.example", name="Zoe")
    producer = await made("producers", name="shop", event_types=[described()])
    await made(f"producers/{producer['id']}/secrets")
    known = (await desk.get("admin", f"/api/producers/{producer['id']}")).json()
    return {
        "department_id": department["id"], "source_id": source["id"], "subscriber_id": subscriber["id"],
        "user_id": user["id"], "token": user["invitation"]["token"], "producer_id": producer["id"],
        "secret_id": known["secrets"][0],
    }  # fmt: skip


async def as_somebody(world: World) -> World:
    """What people decide about themselves may end their session, or change how they sign in."""
    email = await an_account(world.pulse, "olga")
    _, here = [await signed_in(world.pulse, email) for _ in range(2)]
    sessions = (await here.get("/api/settings/sessions")).json()["items"]
    other = next(row["id"] for row in sessions if not row["this"])
    return replace(world, ids=world.ids | {"session_id": other}, headers=world.headers | {"desk": here.bearer})


def strategies(world: World, operation: Any) -> Iterator[Any]:
    """Sound and unsound requests, for what is there and for what is not."""
    yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if known := world.ids_for(operation):
        yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=known)
    if operation.body or operation.query or operation.path_parameters:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def try_out(world: World, operation: Any) -> int:
    """How many requests were answered as they should be."""
    base, asked = str(world.pulse.http.base_url).rstrip("/"), 0
    with requests.Session() as session:
        for strategy in strategies(world, operation):

            @BOUNDED
            @given(case=strategy)
            def holds(case: schemathesis.Case) -> None:
                nonlocal asked
                asked += 1
                session.cookies.clear()
                answered = case.call(base_url=base, session=session, headers=world.headers_for(operation))
                case.validate_response(answered, checks=CHECKS)

            with suppress(Unsatisfiable):  # there is nothing unsound to say to a few
                holds()
    return asked


@pytest.mark.parametrize("name", NAMES)
async def test_whatever_is_asked_is_answered_as_the_document_says(world: World, name: str) -> None:
    operation = operations()[name]
    if OWN & set(operation.definition.raw["tags"]):
        world = await as_somebody(world)
    assert await asyncio.to_thread(try_out, world, operation)


@pytest.mark.parametrize("path", document()["paths"])
async def test_another_method_is_told_which_there_are(world: World, path: str) -> None:
    methods = {method.upper() for method in document()["paths"][path]}
    address = address_of_nothing(path)
    for odd in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
        if operation_of(odd, address):  # of a neighbour, which takes this word for an id
            continue
        refused: httpx2.Response = await world.pulse.http.request(odd, address)
        assert (odd, refused.status_code) == (odd, 405), path
        assert methods <= set(refused.headers["allow"].split(", ")), path
