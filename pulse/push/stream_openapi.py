"""The OpenAPI part of push over HTTP without WebSockets, written by hand: streams, long polls, pusher-js' fallback."""

from __future__ import annotations

from typing import Any

from pulse.http_document import Schema, answers, as_json, field, listed, parameter, path_parameter, shape

WHOSE = [
    parameter("query", "session", "a visitor's session, which is the chat", "string"),
    parameter("query", "token", "and its token", "string"),
    parameter("query", "type", "`staff` with an access_token", "string"),
    parameter("query", "access_token", "a moderator's", "string"),
]
SINCE = [
    parameter("header", "Last-Event-ID", "a cursor: what a browser sends that comes back", "string"),
    parameter("query", "last_event_id", "the same for the first time", "string"),
    parameter("query", "cursor", "the same", "string"),
]
STREAM: Schema = {"text/event-stream": {"schema": field("id: 6f0c1a2b.42\nevent: chat.message\ndata: {…}\n\n")}}
LINES: Schema = {
    "application/javascript": {"schema": field('a["{\\"event\\":\\"pusher:pong\\",\\"data\\":\\"{}\\"}"]\n')}
}
FRAME = {"type": "object", "examples": [{"type": "chat.message", "session_id": "…", "data": {"text": "Hello"}}]}
HEARD = shape(
    "frames cursor recovered reason stale",
    frames=listed(FRAME), cursor=field("6f0c1a2b.42", null=True),
    recovered=field(True, "all that was missed is here; null without a cursor", null=True),
    stale=field(False, "what happens now is told later"),
    reason=field("too_far", "why a snapshot has to be taken", null=True),
)  # fmt: skip
POSTED = {"required": True, "content": {"application/json": {"schema": listed(field("{}"))}}}
XHR = "/pusher/app/{key}/{number}/{session}"
OF_XHR = [
    path_parameter("key", "the app's key", "pulse"),
    path_parameter("number", "0 to 999, the client's choice", "417"),
    path_parameter("session", "the client's choice too", "k3v09aqe"),
]
REFUSED = {
    "_401": "the token is wrong or has expired, or its session ended",
    "_403": "this page may not open it",
    "_429": "too many requests or windows",
    "_503": "Pulse is starting, or full",
}


def _xhr(name: str, summary: str) -> dict[str, Any]:
    return {
        "post": {
            "tags": ["sockets"],
            "operationId": name,
            "summary": summary,
            "parameters": OF_XHR,
            "responses": answers(
                LINES,
                _200="lines: `o` opened, `a[…]` messages, `h` heartbeat, `c[code,reason]` closed",
                _403="a website that may not open sockets",
                _404="not a session's name",
                _413="over 64 KiB",
                _429="too many new sessions of one address",
                _503="Pulse is starting, or full",
            ),
        }
    }


PATHS: dict[str, Any] = {
    "/channel/sse": {
        "get": {
            "tags": ["sockets"],
            "operationId": "open_stream",
            "summary": "What `/channel/ws` tells, as Server-Sent Events.",
            "parameters": [*WHOSE, *SINCE],
            "responses": answers(STREAM, _200="the stream", _204="the session has ended: don't come back", **REFUSED),
        }
    },
    "/channel/poll": {
        "get": {
            "tags": ["sockets"],
            "operationId": "poll_channel",
            "summary": "What `/channel/ws` tells, since a cursor: at once if there is something, else when there is.",
            "parameters": [
                *WHOSE,
                parameter("query", "cursor", "of the answer before; without it, one is given", "string"),
                parameter("query", "wait", "for how many seconds at most", minimum=0, maximum=30),
            ],
            "responses": answers(as_json(HEARD), _200="what was told", _400="not readable", **REFUSED),
        }
    },
    "/chat/{session_id}/stream": {
        "get": {
            "tags": ["widget"],
            "operationId": "open_signed_stream",
            "summary": "A visitor's stream by its signed link, `stream_url` of their session.",
            "parameters": [
                path_parameter("session_id", "the session, which is the chat"),
                parameter("query", "sig", "as the link has it; a day", "string"),
                *SINCE,
            ],
            "responses": answers(STREAM, _200="the stream", **REFUSED),
        }
    },
    f"{XHR}/xhr_streaming": _xhr("open_xhr_stream", "pusher-js' fallback: many lines, until 256 KiB."),
    f"{XHR}/xhr": _xhr("poll_xhr", "pusher-js' fallback: one line."),
    f"{XHR}/xhr_send": {
        "post": {
            "tags": ["sockets"],
            "operationId": "send_xhr",
            "summary": "pusher-js' fallback: what the client says.",
            "parameters": OF_XHR,
            "requestBody": POSTED,
            "responses": answers(
                _204="passed on",
                _400="not a list of strings",
                _404="there is no such session",
                _413="over 64 KiB",
                _429="more than the session may say",
                _503="the session's process can't be reached",
            ),
        }
    },
}
