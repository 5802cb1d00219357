"""Law: the API's document is whole. Every operation has a name, examples that are true, and its errors."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from pulse.desk.document import operations
from pulse.desk.examples import Examples
from tests.promises import document

DOCUMENT = document()
OPERATIONS = list(operations(DOCUMENT))
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
each_operation = pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)


def contents(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What goes in and what comes out, each with the name of where."""
    found = list(operation.get("requestBody", {}).get("content", {}).items())
    return found + [pair for answer in operation["responses"].values() for pair in answer.get("content", {}).items()]


def test_every_operation_is_called_verb_noun_and_no_two_alike() -> None:
    assert sorted(NAMES) == sorted(set(NAMES))
    assert [name for name in NAMES if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


def test_no_two_models_have_one_name() -> None:
    """Else the document tells them apart by our files' names, or by the way they go."""
    names = DOCUMENT["components"]["schemas"]
    doubled = {
        name.rpartition("__")[2] for name in names if name.startswith("pulse__") or name.endswith(("-Input", "-Output"))
    }
    assert doubled == {"Hours"}  # two values of events, and the schemas of those are frozen


@each_operation
def test_every_body_and_answer_has_an_example_that_fits_its_schema(path: str, method: str, operation: Any) -> None:
    for media_type, content in contents(operation):
        assert "example" in content, (path, method, media_type)
        if "json" in media_type:
            schema = content["schema"] | {"components": DOCUMENT["components"]}
            faults = [
                error.message for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"])
            ]
            assert not faults, (path, method, faults)


def test_no_field_is_without_an_example() -> None:
    """They are looked for once more, because a made example may lie."""
    examples = Examples(DOCUMENT["components"]["schemas"])
    for _, _, operation in OPERATIONS:
        for media_type, content in contents(operation):
            if media_type != "application/problem+json":
                examples.of(content["schema"], operation["operationId"])
    assert examples.missing == []


def test_a_field_without_an_example_is_named() -> None:
    examples = Examples({"Row": {"type": "object", "properties": {"name": {"type": "string"}}}})
    assert examples.of({"$ref": "#/components/schemas/Row"}, "a list") == {"name": None}
    assert examples.missing == ["Row.name"]


@each_operation
def test_every_parameter_is_described(path: str, method: str, operation: Any) -> None:
    assert [one["name"] for one in operation.get("parameters", ()) if not one.get("description")] == []


@each_operation
def test_every_operation_says_what_it_does_and_what_can_go_wrong(path: str, method: str, operation: Any) -> None:
    assert operation.get("description") or operation.get("summary")
    assert operation["tags"]
    errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert errors, "nothing can go wrong?"
    for status, answer in errors.items():
        if status == "416" or path == "/healthz":  # a range has no document, and health is no error
            continue
        [(media_type, content)] = answer["content"].items()
        if path.startswith("/apps/"):  # Pusher's libraries show what they are refused with as it is
            assert media_type == "text/plain"
            continue
        assert (media_type, content["example"]["status"]) == ("application/problem+json", int(status))
    if "security" in operation:
        assert {"401", "429"} <= errors.keys()
    if "requestBody" in operation:
        assert "413" in errors
