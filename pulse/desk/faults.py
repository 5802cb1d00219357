"""Faults: what is wrong with a request, field by field, in plain words. One table says them, by pydantic's error types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel

from pulse.desk.bodies import WITHOUT_NUL

A_TIME = "Send a time with its zone, such as 2026-11-21T09:30:00Z."
AN_ID = "Send an id: a UUID such as 82f07ad4-49c3-56f2-b5b6-8475e93b86e2."
A_NUMBER, A_WHOLE_NUMBER = "Send a number.", "Send a whole number."
# https://docs.pydantic.dev/latest/errors/validation_errors/
WORDS = {
    "missing": "It is missing.",
    "literal_error": "Send one of {expected}.",
    "enum": "Send one of {expected}.",
    "string_type": "Send text.",
    "string_unicode": "Send text that is Unicode: half of a surrogate pair is no character.",
    "string_too_long": "At most {max_length} characters; these are {length}.",
    "string_too_short": "At least {min_length} characters.",
    "string_pattern_mismatch": "It must match {pattern}.",
    "too_long": "At most {max_length} of them; these are {actual_length}.",
    "too_short": "At least {min_length} of them.",
    "less_than_equal": "At most {le}.",
    "less_than": "Less than {lt}.",
    "greater_than_equal": "At least {ge}.",
    "greater_than": "More than {gt}.",
    "int_type": A_WHOLE_NUMBER,
    "int_parsing": A_WHOLE_NUMBER,
    "int_parsing_size": A_WHOLE_NUMBER,
    "int_from_float": A_WHOLE_NUMBER,
    "float_type": A_NUMBER,
    "float_parsing": A_NUMBER,
    "finite_number": A_NUMBER,
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "uuid_type": AN_ID,
    "uuid_parsing": AN_ID,
    "datetime_type": A_TIME,
    "datetime_parsing": A_TIME,
    "datetime_from_date_parsing": A_TIME,
    "datetime_object_invalid": A_TIME,
    "model_type": "Send an object, {{…}}.",
    "model_attributes_type": "Send an object, {{…}}.",
    "dict_type": "Send an object, {{…}}.",
    "list_type": "Send a list, […].",
    "tuple_type": "Send a list, […].",
    "url_parsing": "Send an address such as https://example.com/hook.",
    "value_error": "{error}",
}
MOST_NAMED = 12

Fault = Mapping[str, Any]


def faults_of(errors: Sequence[Fault], route: APIRoute) -> list[dict[str, str]]:
    """`{"field", "message"}` of each, as problem documents show them."""
    return [
        {"field": ".".join(map(str, fault["loc"][1:])), "message": in_words(fault, known_beside(fault["loc"], route))}
        for fault in errors
    ]


def in_words(fault: Fault, known: Sequence[str] = ()) -> str:
    """What is wrong and what to send instead; pydantic's own words where the table has none.

    `known` are the names that a field could have.
    """
    kind, sent, said = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(str(fault["loc"][-1]), known)
    if kind == "timezone_aware":
        return _without_zone(str(sent))
    if kind == "string_pattern_mismatch" and said["pattern"] == WITHOUT_NUL:
        return "It must not hold the character NUL."
    if kind == "string_too_short" and said["min_length"] == 1:
        return "It must not be empty."
    if kind.startswith("datetime") and isinstance(sent, str) and (meant := _with_plus(sent)):
        return f"In an address a + is written %2B: {meant.replace('+', '%2B')}."
    length = len(sent) if isinstance(sent, str) else 0
    expected = str(said.get("expected", "")).replace("'", "`")
    words = WORDS.get(kind)
    return words.format(**{**said, "length": length, "expected": expected}) if words else str(fault["msg"])


def _unknown(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name.lower(), known, n=1)
    if nearest:
        return f"There is no field `{name[:80]}` here; did you mean `{nearest[0]}`?"
    named = ", ".join(f"`{one}`" for one in known)
    return f"There is no field `{name[:80]}` here" + (f"; there are {named}." if 0 < len(known) <= MOST_NAMED else ".")


def _without_zone(sent: str) -> str:
    try:
        at = datetime.fromisoformat(sent).isoformat()
    except ValueError:
        return A_TIME
    return f"Say the zone: {at}Z is UTC, {at}+03:00 is Moscow."


def _with_plus(sent: str) -> str | None:
    """A time whose plus became a space on its way."""
    try:
        return sent.replace(" ", "+") if datetime.fromisoformat(sent.replace(" ", "+")).tzinfo else None
    except ValueError:
        return None


def known_beside(place: Sequence[str | int], route: APIRoute) -> list[str]:
    """Which fields there are where one was sent, in a query or a body."""
    where, *path = place
    if not path:
        return []
    found = route.dependant.query_params if where == "query" else route.dependant.body_params
    return [name for one in found for name in fields_of(one.field_info.annotation, path[:-1])]


def fields_of(kind: Any, path: Iterable[str | int] = ()) -> list[str]:
    """The names of a model's fields, or of the model that lies in it under a path."""
    inner = [name for name in path if isinstance(name, str)]
    models = list(_models(kind))
    if not inner:
        return [field.alias or name for model in models for name, field in model.model_fields.items()]
    return [
        known
        for model in models
        for name, field in model.model_fields.items()
        if (field.alias or name) == inner[0]
        for known in fields_of(field.annotation, inner[1:])
    ]


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """A model, or those in a list or a choice."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
