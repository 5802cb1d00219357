"""Holds what sockets hear to schemas/frames/: whatever a test's socket is told is as its schema says, or the test fails."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from pulse.push.encoding import ECHO, named
from pulse.push.names import plain
from pulse.push.shapes.files import file_of, frame_schemas
from pulse.push.shapes.table import ERROR, FRAMES, VERBS, Line

ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BY_TYPE = {line.type: [one for one in FRAMES if one.type == line.type] for line in FRAMES}
OF_THE_CONNECTION = VERBS | ERROR

Json = dict[str, Any]


def closed(schema: Any) -> Any:
    """Without room for what nobody declared: readers may be told more one day, tests not before it is written down."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False} | inside if isinstance(inside.get("properties"), dict) else inside


@cache
def schemas() -> Json:
    return frame_schemas()


@cache
def validator_of(name: str, *, whole: bool = False) -> Any:
    """Of a schema, by its file's name; `whole` has no word for what was cut, and says better what is wrong."""
    schema = closed(schemas()[name])
    if whole and "anyOf" in schema:
        schema |= schema.pop("anyOf")[0]
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def faults_of(name: str, said: Any) -> list[str]:
    """What is not as the schema says."""
    whole = not (isinstance(said, dict) and said.get("cut"))
    return [
        f"{name} {error.instance_path}: {error.message}" for error in validator_of(name, whole=whole).iter_errors(said)
    ]


def told_as_promised(frame: Json, path: str) -> None:
    """Raises AssertionError unless a frame is as its schemas say, on a socket that was opened at this address."""
    if path.startswith("/app/"):
        _held_on_pusher(frame)
    else:
        _held_on_window(frame, "staff" if "type=staff" in path else "visitor")


def _held_on_window(frame: Json, whose: str) -> None:
    faults = faults_of(f"envelope.{whose}", frame)
    assert not faults, faults[:5]
    kind = frame["type"]
    if kind in OF_THE_CONNECTION:
        _fits([file_of(kind)], frame["data"])
        return
    lines = [line for line in BY_TYPE.get(kind, ()) if whose == "staff" or line.visitor is not None]
    assert lines, f"{kind} is not in the table for {whose}"
    _fits([line.name if whose == "staff" else f"{line.name}.visitor" for line in lines], frame["data"])


def _held_on_pusher(frame: Json) -> None:
    faults = faults_of("envelope.pusher", frame)
    assert not faults, faults[:5]
    event, channel = frame["event"], frame.get("channel", "")
    if event.startswith("client-"):
        return
    assert isinstance(frame.get("data", ""), str), f"the data of {event} is JSON in a string"
    if event.startswith("pulse:"):
        _fits([file_of(event)], orjson.loads(frame["data"]))
    elif lines := lines_on(event, channel):
        _fits([line.name for line in lines], orjson.loads(frame["data"]))


def lines_on(event: str, channel: str) -> list[Line]:
    """What a Pusher event on this channel may be. None for what is not Pulse's: holders of the app's secret say anything."""
    return [
        line for line in FRAMES
        if event in (line.event, named(line.event, ECHO)) and any(_is_one_of(plain(channel), one) for one in line.channels)
    ]  # fmt: skip


def _is_one_of(channel: str, address: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", ID, re.escape(address)), channel) is not None


def _fits(names: list[str], data: Any) -> None:
    """As one of these schemas says."""
    faults = [faults_of(name, data) for name in names]
    assert not all(faults), faults
