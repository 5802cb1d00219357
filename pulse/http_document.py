"""The words in which plain routes are written into the API's document by hand: parameters, bodies, answers."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
FORMATS = ("uuid", "date-time")
GOOD = ("200", "201", "202", "206")


def path_parameter(name: str, says: str, example: str = "73803345-05ec-5922-81a8-7f2f572c0bdc") -> Schema:
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": says}


def parameter(place: str, name: str, says: str, kind: str = "integer", **limits: int) -> Schema:
    """One that need not be there, in a query or a header."""
    return {"name": name, "in": place, "required": False, "schema": {"type": kind, **limits}, "description": says}


def field(example: Any, says: str = "", *, null: bool = False, **more: Any) -> Schema:
    """A field of an object, by what one looks like; `uuid` and `date-time` say it themselves."""
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}[type(example)]
    shown: Schema = (
        {"type": "string", "format": example} if example in FORMATS else {"type": kind, "examples": [example]}
    )
    described: Schema = {"description": says} if says else {}
    return ({"anyOf": [shown | more, {"type": "null"}]} if null else shown | more) | described


def shape(required: str = "", **fields: Schema) -> Schema:
    """An object with these fields and no others; `required` names those that are always there."""
    return {"type": "object", "properties": fields, "required": required.split(), "additionalProperties": False}


def listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def json_body(schema: Schema) -> Schema:
    """Plain routes' bodies may hold more than this: older pages and others' libraries send what nobody reads."""
    return {"required": True, "content": as_json({**schema, "additionalProperties": True})}


def answers(content: Schema | None = None, **said: str) -> dict[str, Any]:
    """`_200="…"` and so on: a status and what it means; `content` is what answers hold where it went well."""
    found: dict[str, Any] = {status.lstrip("_"): {"description": meaning} for status, meaning in said.items()}
    for status in found.keys() & set(GOOD) if content else ():
        found[status]["content"] = content
    return found


def as_json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
