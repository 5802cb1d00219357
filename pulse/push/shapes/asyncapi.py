"""schemas/asyncapi.yaml: windows and Pusher channels with what is told on each, for tools that read AsyncAPI 3.0.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pulse import __version__
from pulse.push.shapes.files import file_of
from pulse.push.shapes.table import ERROR, FRAMES, HEARD, VERBS

Document = dict[str, Any]

SOCKET = "/app/{key}"
ADDRESSES = {
    "staff": "/channel/ws?type=staff&access_token={token}",
    "visitor": "/channel/ws?session={id}&token={token}",
}
PLAIN = re.compile(r"[$A-Za-z][\w.-]*")


def asyncapi() -> Document:
    """The document. The shapes themselves stand in frames/, beside it."""
    channels = {"staff": _window("staff"), "visitor": _window("visitor"), "pusher": _channel(SOCKET, _of_pusher())}
    for address in dict.fromkeys(address for line in FRAMES for address in line.channels):
        told = [f"{line.name}.pusher" for line in FRAMES if address in line.channels]
        channels[re.sub(r"[{}]", "", address)] = _channel(address, told)
    heard = {"staff": ["ack"], "visitor": ["ack"], "pusher": ["pulse.resume", "pulse.ack"]}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Pulse, live", "version": __version__},
        "servers": {"push": {"host": "localhost:8001", "protocol": "ws"}},
        "channels": channels,
        "operations": {f"tell.{name}": _operation("send", name, _told(name, heard, channels)) for name in channels}
        | {f"hear.{name}": _operation("receive", name, said) for name, said in heard.items()},
        "components": {"messages": dict(_messages())},
    }


def as_yaml(value: Any, indent: str = "") -> str:
    """Block style, with texts as JSON has them: YAML 1.2 reads those too."""
    inner = indent + "  "
    match value:
        case dict() if value:
            pairs = ((name if PLAIN.fullmatch(name) else json.dumps(name), one) for name, one in value.items())
            return "".join(f"\n{indent}{name}:{as_yaml(one, inner)}" for name, one in pairs)
        case list() if value:
            return "".join(f"\n{indent}-{as_yaml(one, inner)}" for one in value)
    return f" {json.dumps(value, ensure_ascii=False)}"


def _messages() -> Iterator[tuple[str, Document]]:
    for line in FRAMES:
        yield line.name, _on_window("staff", line.type, line.name)
        if line.visitor is not None:
            yield f"{line.name}.visitor", _on_window("visitor", line.type, f"{line.name}.visitor")
        yield f"{line.name}.pusher", _to_pusher(line.event, line.name)
    for name in VERBS | ERROR:
        yield file_of(name), _on_window("staff", name, file_of(name))
        if name in _PUSHER:
            yield f"{file_of(name)}.pusher", _to_pusher(name, file_of(name))
    for name in HEARD:
        whole = {"payload": _ref(f"frames/{file_of(name)}.json")}
        yield file_of(name), whole if name == "ack" else _on_pusher(name, _ref(f"frames/{file_of(name)}.json"))


def _on_window(whose: str, name: str, file: str) -> Document:
    told = {"type": {"const": name}, "data": _ref(f"frames/{file}.json")}
    return {"name": name, "payload": {"allOf": [_ref(f"frames/envelope.{whose}.json"), {"properties": told}]}}


def _to_pusher(event: str, file: str) -> Document:
    """Its data is JSON in a string."""
    inside = {"contentMediaType": "application/json", "contentSchema": _ref(f"frames/{file}.json")}
    return _on_pusher(event, {"type": "string", **inside})


def _on_pusher(event: str, data: Document) -> Document:
    said = {"event": {"const": event}, "data": data}
    return {"name": event, "payload": {"allOf": [_ref("frames/envelope.pusher.json"), {"properties": said}]}}


def _window(whose: str) -> Document:
    lines = [line for line in FRAMES if whose == "staff" or line.visitor is not None]
    names = [line.name if whose == "staff" else f"{line.name}.visitor" for line in lines]
    return _channel(ADDRESSES[whose], [*names, *map(file_of, VERBS | ERROR), "ack"])


def _of_pusher() -> list[str]:
    return [*(f"{file_of(name)}.pusher" for name in _PUSHER), "pulse.resume", "pulse.ack"]


def _channel(address: str, messages: list[str]) -> Document:
    parameters: Document = {name: {} for name in re.findall(r"\{(\w+)\}", address)}
    named = {name: _ref(f"#/components/messages/{name}") for name in messages}
    return {"address": address, **({"parameters": parameters} if parameters else {}), "messages": named}


def _told(name: str, heard: dict[str, list[str]], channels: Document) -> list[str]:
    return [message for message in channels[name]["messages"] if message not in heard.get(name, ())]


def _operation(action: str, channel: str, messages: list[str]) -> Document:
    place = f"#/channels/{channel}"
    return {"action": action, "channel": _ref(place), "messages": [_ref(f"{place}/messages/{one}") for one in messages]}


def _ref(place: str) -> Document:
    return {"$ref": place}


# Streams alone close with a frame; Pusher has an error of its own.
_PUSHER = [name for name in VERBS if name != "pulse:close"]
