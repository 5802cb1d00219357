"""Holds answers to the API's document: whatever a test asks for is answered as `/openapi.json` says, or the test fails."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import jsonschema_rs

from pulse.wiring.doors import openapi

# What every address may answer, so that no operation has to say it.
ANYWHERE = {405}
DOCUMENT = "urn:pulse:openapi"
UNKNOWN = "0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11"
NUMBERS = {"number", "delivery_id"}
# What people are never told in: the words of what checks their fields.
PYDANTICS = re.compile(r"[Ii]nput|Field required|should (be|have|match)|Value error")


class Operation(NamedTuple):
    pattern: re.Pattern[str]
    method: str
    id: str
    responses: dict[str, Any]
    place: str


@cache
def document() -> dict[str, Any]:
    return openapi()


@cache
def operations() -> tuple[Operation, ...]:
    """Addresses without parameters first, as the routes stand too."""
    found = [
        Operation(
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path)),
            method.upper(),
            said["operationId"],
            said["responses"],
            f"{DOCUMENT}#/paths/{pointed(path)}/{method}/responses",
        )
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    ]
    return tuple(sorted(found, key=lambda one: one.pattern.pattern.count("[^/]+")))


@lru_cache(maxsize=1000)
def operation_of(method: str, path: str) -> Operation | None:
    return next((one for one in operations() if one.method == method and one.pattern.fullmatch(path)), None)


@cache
def validator_of(operation: str, status: str, media_type: str) -> Any:
    """None where nothing of this media type is promised."""
    [found] = [one for one in operations() if one.id == operation]
    content = found.responses[status].get("content", {})
    if "schema" not in content.get(media_type, {}):
        return None
    schema = {"$ref": f"{found.place}/{status}/content/{pointed(media_type)}/schema"}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, registry=registry())


@cache
def registry() -> jsonschema_rs.Registry:
    """The document, once: a validator with a copy of it keeps more than a megabyte."""
    return jsonschema_rs.Registry([(DOCUMENT, document())], draft=jsonschema_rs.Draft202012)


def pointed(name: str) -> str:
    """A key as a JSON pointer in an address names it (RFC 6901)."""
    return quote(name.replace("~", "~0").replace("/", "~1"))


def address_of_nothing(path: str) -> str:
    """An address of the document's path at which there is nothing, but which reads well."""
    return re.sub(r"\{(\w+)\}", lambda named: "1" if named[1] in NUMBERS else UNKNOWN, path)


async def as_promised(answer: httpx2.Response) -> None:
    """Raises AssertionError unless the answer's status, media type and body are as the document says."""
    operation = operation_of(answer.request.method, answer.request.url.path)
    if operation is None or answer.status_code in ANYWHERE:
        return
    status, where = str(answer.status_code), f"{answer.status_code} of {operation.id}"
    assert status in operation.responses, f"{where} is not promised"
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if "json" in media_type:
        await answer.aread()
        validator = validator_of(operation.id, status, media_type)
        assert validator is not None, f"{media_type} as {where} is not promised"
        faults = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(answer.json())]
        assert not faults, f"{where}: {faults[:5]}"
        if answer.status_code == 422:
            said = [fault["message"] for fault in answer.json().get("errors", ())]
            assert not [words for words in said if PYDANTICS.search(words)], f"{where}: {said}"
