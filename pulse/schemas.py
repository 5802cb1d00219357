"""Writes `schemas/` from the code: a JSON Schema and a sample per event version and per frame, a sample of each thing
that other systems are told, and the documents of the HTTP API and of what is told live.

Run by `make schemas`; a test holds the committed files against what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import orjson
from eventsourcing.domain import AggregateEvent

from pulse.aggregates import EVENTS
from pulse.aggregates.upcasts import UPCASTS
from pulse.delivery.public_event import SHAPES, public_event
from pulse.eventlog.envelope import data_struct, open_envelope, seal, specimen, subject_of, wire_name
from pulse.push.shapes.asyncapi import as_yaml, asyncapi
from pulse.push.shapes.files import frame_schemas
from pulse.push.shapes.samples import frame_samples
from pulse.shapes.documents import DIALECT
from pulse.wiring.doors import openapi

FOLDER = Path(__file__).parent.parent / "schemas"
SCOPE = {"source": UUID(int=2), "department": UUID(int=3), "holder": UUID(int=4)}


def schemas() -> dict[str, Any]:
    """Every file of `schemas/`, by its path there. Old versions are not made again: their files stay as shipped."""
    files: dict[str, Any] = {"http/openapi.json": openapi()}
    for (name, version), event_class in EVENTS.items():
        if (name, version) in UPCASTS:
            continue
        data = msgspec.json.schema(data_struct(event_class))
        files[f"events/{name}.v{version}.json"] = {"$schema": DIALECT, "title": name, **data}
        body = seal(specimen(event_class), event_id=UUID(int=1), by="system")
        files[f"samples/{name}.v{version}.json"] = orjson.loads(body)
    for event_class in SHAPES:
        told = _told(event_class)
        if told is not None:
            files[f"outgoing/{told['type']}.json"] = told
    return files | _live()


def _live() -> dict[str, Any]:
    """What is told live."""
    shapes = {f"frames/{name}.json": schema for name, schema in frame_schemas().items()}
    samples = {f"samples/frames/{name}.json": sample for name, sample in frame_samples().items()}
    return shapes | samples | {"asyncapi.yaml": as_yaml(asyncapi()).lstrip()}


def _told(event_class: type[AggregateEvent]) -> Any:
    """What other systems are told of such an event."""
    event = specimen(event_class)
    name, _ = wire_name(event_class)
    body = seal(event, event_id=UUID(int=1), by="system", scope=SCOPE if name.startswith("chat.") else None)
    recorded = open_envelope(1, subject_of(name.split(".")[0], event.originator_id), body)
    return orjson.loads(orjson.dumps(public_event(recorded)))


def as_text(made: Any) -> str:
    text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True)
    return text + "\n"


def main() -> None:
    for path, schema in schemas().items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
