"""Examples for the API's document, made of the `examples` that fields carry: nobody writes a whole one by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

REF = "#/components/schemas/"
# What says all by itself.
BY_FORMAT = {
    "uuid": "73803345-05ec-5922-81a8-7f2f572c0bdc",
    "date-time": "2026-11-20T12:00:00Z",
    "date": "2026-11-20",
}


class Examples:
    """Makes examples of schemas. `missing` names the fields that have none; a law keeps it empty."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas
        self.missing: list[str] = []

    def of(self, schema: Schema, where: str) -> Any:
        """The first example of a schema, or one of its parts' examples. `where` is its name, for people."""
        found = self._said(schema)
        return found[0] if found else self._made(schema, where)

    def _said(self, schema: Schema) -> list[Any]:
        """What the schema itself says one looks like."""
        if "examples" in schema:
            return list(schema["examples"][:1])
        if "const" in schema:
            return [schema["const"]]
        if schema.get("type") == "boolean":
            return [False]
        return list(schema.get("enum", ())[:1]) or [
            BY_FORMAT[name] for name in (schema.get("format"),) if name in BY_FORMAT
        ]

    def _made(self, schema: Schema, where: str) -> Any:
        match schema:
            case {"$ref": str(name)}:
                name = name.removeprefix(REF)
                return self.of(self.schemas[name], name)
            case {"anyOf": choices} | {"oneOf": choices} | {"allOf": choices}:
                return self.of(next(one for one in choices if one.get("type") != "null"), where)
            case {"type": "object", "properties": fields}:
                return {name: self.of(field, f"{where}.{name}") for name, field in fields.items()}
            case {"type": "array", "items": items}:
                return [self.of(items, f"{where}[]")]
        self.missing.append(where)
        return None
