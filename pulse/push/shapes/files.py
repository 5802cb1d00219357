"""The files of schemas/frames/: a JSON Schema of each frame's data, of what stands around it, and of our own verbs."""

from __future__ import annotations

from pulse.push.shapes import Cut, Heard
from pulse.push.shapes.table import ENVELOPES, ERROR, FRAMES, HEARD, VERBS
from pulse.shapes import Shape
from pulse.shapes.documents import DIALECT, Schema, schema_of


def frame_schemas() -> dict[str, Schema]:
    """By file name without its end. Who is told the same as staff has no file of their own."""
    files = {line.name: heard_schema(line.name, line.shape) for line in FRAMES}
    files |= {f"{line.name}.visitor": heard_schema(line.name, line.visitor) for line in FRAMES if line.visitor}
    others = ENVELOPES | VERBS | ERROR | HEARD
    return files | {file_of(name): _titled(name, schema_of(shape)) for name, shape in others.items()}


def file_of(name: str) -> str:
    """Colons are no part of file names everywhere."""
    return name.replace(":", ".")


def heard_schema(name: str, shape: type[Heard]) -> Schema:
    """A frame's data: whole, or cut because no frame has room for it."""
    whole = schema_of(shape)
    parts = whole.pop("$defs", {}) | {shape.__name__: whole, Cut.__name__: _alone(Cut)}
    either = [{"$ref": f"#/$defs/{one.__name__}"} for one in (shape, Cut)]
    return _titled(name, {"$defs": parts, "anyOf": either})


def _alone(shape: type[Shape]) -> Schema:
    schema = schema_of(shape)
    assert "$defs" not in schema
    return schema


def _titled(name: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT} | schema | {"title": name}
