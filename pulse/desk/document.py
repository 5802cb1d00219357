"""The API's document, completed: examples, errors and what parameters mean, for every operation alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulse.desk.answers import as_response
from pulse.desk.examples import Examples
from pulse.desk.guard import SAFE
from pulse.desk.refusals import BY_STATUS, Guards, Operation, refusals_of
from pulse.snapshots import HEADER, is_snapshot
from pulse.socket_ids import SOCKET_ID

COMMANDS = "/api/"
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is for programs, `title` for people; `errors` names fields, some rules add more.",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
# Whoever signs in by either is the same person.
SIGNED_IN: dict[str, Any] = {
    "access_token": {"type": "http", "scheme": "bearer", "description": "from POST /api/users/login, five minutes"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "pulse_session",
        "description": "set by POST /api/users/login",
    },
}
# Whatever changes something takes it; `SenderSocket` reads it, and no route has to.
SENDER: dict[str, Any] = {
    "name": "X-Socket-Id",
    "in": "header",
    "required": False,
    "description": "your socket, as `pusher:connection_established` named it: it is not told of what comes of this",
    "schema": {"type": "string", "pattern": f"^{SOCKET_ID.pattern}$", "maxLength": 41},
    "example": "1234.5678",
}
CURSOR: dict[str, Any] = {
    "description": "from where on to listen: send it to a socket as `cursor`, and hear all that this does not hold",
    "schema": {"type": "string"},
}
# What parameters mean that are called so everywhere. A route that means something else says so itself.
MEANINGS = {
    "cursor": "`next` or `prev` of an earlier answer",
    "number": "the `id` of an entry of the thread",
    "beforeId": "what came before this entry",
    "afterId": "what came after this entry",
    "name": "whose name begins so",
    "status": "which ones",
    "source": "the id of a source",
    "department": "the id of a department",
    "customer": "the id of a customer",
    "chat": "the id of a chat",
    "limit": "how many",
    "provider": "telegram or vk",
    "channel": "vk, telegram, web or simulator",
    "outcome": "what became of it",
    "from": "a time; this one and later",
    "to": "a time; before this one",
    "preview": "1: an image made anew; 0: the original, also of a photo",
}


def complete(document: dict[str, Any], guards: Guards) -> list[str]:
    """Fills in what routes leave out. Returns the fields without an example, which a law wants to be none."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    examples = Examples(schemas)
    for path, method, operation in operations(document):
        _tell_errors(operation, method, guards.get((path, method)))
        _tell_meanings(operation)
        if method not in SAFE and path.startswith(COMMANDS):
            operation["parameters"] = [*operation.get("parameters", ()), SENDER]
        if is_snapshot(method, path):
            operation["responses"]["200"].setdefault("headers", {})[HEADER] = CURSOR
        _show(operation, examples)
    return examples.missing


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Every operation with its path and its method, in capitals."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _tell_errors(operation: Operation, method: str, guards: Any) -> None:
    """Errors that routes name stay; plain routes name all of theirs by hand."""
    responses = operation["responses"]
    responses.pop("422" if guards is not None else "default", None)  # FastAPI's own, of another shape
    if guards is not None:
        for error in refusals_of(operation, method, guards):
            responses.setdefault(str(error.status), as_response(error))
    if guards:
        operation["security"] = [{name: []} for name in SIGNED_IN]
    for status, response in responses.items():
        if int(status) in BY_STATUS and "content" not in response:
            response["content"] = as_response(BY_STATUS[int(status)])["content"]


def _tell_meanings(operation: Operation) -> None:
    for parameter in operation.get("parameters", ()):
        name: str = parameter["name"]
        meaning = f"the id of a {name[:-3]}" if name.endswith("_id") else MEANINGS.get(name)
        if meaning is not None:
            parameter.setdefault("description", meaning)


def _show(operation: Operation, examples: Examples) -> None:
    """An example of the body, and of every answer that has one."""
    name = operation["operationId"]
    contents = [(f"the body of {name}", operation.get("requestBody", {}).get("content", {}))]
    contents += [(f"{status} of {name}", said.get("content", {})) for status, said in operation["responses"].items()]
    for where, content in contents:
        for media in content.values():
            if "example" not in media:
                media["example"] = examples.of(media.get("schema", {}), where)
