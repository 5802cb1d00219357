"""Shapes as JSON Schema, for those who read what Pulse sends. Fields may be added, so none is forbidden there."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from pulse.shapes import Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class Readers(GenerateJsonSchema):
    """Says what comes. What a field is when it does not come, its writer alone would have to know."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_of(shape: type[Shape]) -> Schema:
    """Its JSON Schema, with what it is made of under `$defs`."""
    opened: Schema = _open(shape.model_json_schema(schema_generator=Readers))
    return opened


def _open(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_open(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _open(value) for name, value in schema.items()}
    return {name: value for name, value in kept.items() if (name, value) != ("additionalProperties", False)}
