"""Every route of the admins' answers 403 to moderators and 401 to strangers, whatever they send."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.promises import document
from tests.world import Desk, is_problem

ADMINS = {
    "users", "departments", "producers", "retention", "sources", "subscribers", "routing", "deliveries",
    "canned replies", "reports",
}  # fmt: skip
EVERYBODYS = {
    ("get", "/api/colleagues"), ("get", "/api/colleagues/departments"), ("get", "/api/sources/mine"), ("get", "/api/canned-replies"),
    ("post", "/api/canned-replies/{shortcut}/fill"), ("get", "/api/reports/mine"),
}  # fmt: skip


def operations() -> list[tuple[str, str, Any]]:
    found = [
        (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if ADMINS & set(operation.get("tags", ())) and (method, path) not in EVERYBODYS
    ]
    assert len(found) >= 25
    return found


def example(operation: Any) -> Any:
    """A body that fits, made of the document's own examples."""
    body = operation.get("requestBody")
    return None if body is None else made(body["content"]["application/json"]["schema"])


def required(operation: Any) -> dict[str, Any]:
    """What has to be in the address' query."""
    parameters = [one for one in operation.get("parameters", ()) if one["in"] == "query" and one["required"]]
    return {one["name"]: made(one["schema"]) for one in parameters}


def made(schema: Any) -> Any:
    if "$ref" in schema:
        return made(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if schema.get("examples") or schema.get("enum"):
        return (schema.get("examples") or schema["enum"])[0]
    if "anyOf" in schema:
        return made(schema["anyOf"][0])
    if schema.get("type") == "object":
        wanted = schema.get("required", ())
        return {name: made(said) for name, said in schema.get("properties", {}).items() if name in wanted}
    return {"string": "https://crm.example/", "integer": 1, "array": [], "boolean": True}.get(schema.get("type", ""))


def test_whatever_the_document_promises_to_admins_alone_is_asked_here() -> None:
    promised = {
        (method, path)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if "admins-only" in str(operation["responses"].get("403"))
    }
    assert promised <= {(method, path) for method, path, _ in operations()}


@pytest.mark.parametrize(
    ("method", "path", "operation"), operations(), ids=lambda one: one if isinstance(one, str) else ""
)
async def test_moderators_and_strangers_are_sent_away(desk: Desk, method: str, path: str, operation: Any) -> None:
    address = re.sub(r"\{\w+\}", lambda _: str(uuid4()), path)
    before = await desk.pulse.house.log.last_position()
    for headers, status, code in (({}, 401, "not-authentic"), (await desk.headers("anna"), 403, "admins-only")):
        answer = await desk.pulse.http.request(
            method.upper(), address, params=required(operation), json=example(operation), headers=headers
        )
        is_problem(answer, status, code)
    assert await desk.pulse.house.log.last_position() == before
