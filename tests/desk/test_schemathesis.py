"""schemathesis against every operation of the document, at a running Pulse: no 500, and no answer outside the document.

Bounded and always the same: few examples for each, from a fixed seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
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

from pulse import demo
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from tests.conftest import Pulse
from tests.ingest.test_widget import a_visitor
from tests.promises import document, operation_of
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
NAMES = [said["operationId"] for methods in document()["paths"].values() for said in methods.values()]
UNKNOWN = "0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11"
PARAMETERS = (
    "channel", "source_id", "producer_id", "chat_id", "customer_id", "department_id", "subscriber_id", "file_id",
)  # fmt: skip


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
        return {one.name: self.ids[one.name] for one in operation.path_parameters if one.name in self.ids}


@pytest.fixture(scope="module")
async def world(shared: Pulse, desk: Desk) -> World:
    chat = await vera_writes(shared, a_name(), "Where is my order?")
    reply = (await desk.reply("admin", chat)).json()["id"]
    made = await desk.post("admin", "/api/subscribers", {"url": "https://crm.example/hooks", "types": ["customer.*"]})
    await settled(shared)
    row = (await desk.get("admin", f"/api/chats/{chat}")).json()
    deliveries = (await desk.get("admin", "/api/deliveries", limit=1)).json()["items"]
    visitor = await a_visitor(shared)
    ids = {
        "chat_id": str(chat), "number": reply, "customer_id": row["customer_id"], "delivery_id": deliveries[0]["id"],
        "subscriber_id": made.json()["id"], "source_id": str(source_id("simulator", "simulator")),
        "department_id": str(department_id(demo.DEPARTMENTS[0])), "channel": "simulator",
    }  # fmt: skip
    return World(shared, ids, {"desk": await desk.headers("admin"), "widget": visitor.headers})


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
    assert await asyncio.to_thread(try_out, world, operations()[name])


@pytest.mark.parametrize("path", document()["paths"])
async def test_another_method_is_told_which_there_are(world: World, path: str) -> None:
    methods = {method.upper() for method in document()["paths"][path]}
    address = path.format(**{"id": "x", "number": 1, "delivery_id": 1} | dict.fromkeys(PARAMETERS, UNKNOWN))
    for odd in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
        if operation_of(odd, address):  # of a neighbour, which takes this word for an id
            continue
        refused: httpx2.Response = await world.pulse.http.request(odd, address)
        assert (odd, refused.status_code) == (odd, 405), path
        assert methods <= set(refused.headers["allow"].split(", ")), path
