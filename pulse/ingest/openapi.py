"""The OpenAPI part of the plain routes, written by hand: webhooks and the widget are not FastAPI's."""

from __future__ import annotations

from typing import Any


def path_parameter(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": says}


def query_parameter(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "integer"}, "description": says}


def header(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "integer"}, "description": says}


def text_header(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": says}


def json_body(*required: str, **properties: str) -> dict[str, Any]:
    fields = {name: {"type": "string", "description": says} for name, says in properties.items()}
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def answers(**said: str) -> dict[str, Any]:
    """`_200="…"` and so on: a status and what it means."""
    return {status.lstrip("_"): {"description": meaning} for status, meaning in said.items()}


PRODUCER = path_parameter("producer_id", "the id of a producer, as `pulse demo` and `pulse producer add` print it")
EVENT = {"type": "object", "required": ["specversion", "id", "source", "type"], "description": "a CloudEvent 1.0"}
SAID = {
    "type": "object",
    "required": ["type"],
    "description": "a plain webhook; or, with ce- headers, the data of an event",
    "properties": {"type": {"type": "string"}, "timestamp": {"type": "string", "format": "date-time"}, "data": {}},
}
EVENTS = {
    "application/cloudevents+json": {"schema": EVENT},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": EVENT, "maxItems": 100}},
    "application/json": {"schema": SAID},
}
SOURCE = path_parameter("source_id", "the id of a source, as `pulse demo` and `pulse source add` print it")
CHAT_TOKEN: list[dict[str, list[str]]] = [{"chat_token": []}]
PAGING = [
    query_parameter("limit", "how many, 200 at most"),
    query_parameter("beforeId", "what came before this message"),
    query_parameter("afterId", "what came after this message"),
]

WRITES = json_body(text="1 to 10,000 characters; none are needed with files", clientMsgId="the page's own id")
WRITES["content"]["application/json"]["schema"]["properties"]["files"] = {
    "type": "array", "maxItems": 10, "items": {"type": "string"}, "description": "claims that uploads answered with",
}  # fmt: skip
FILES = {"type": "object", "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}}}

PATHS: dict[str, Any] = {
    "/webhook/{channel}/{source_id}": {
        "post": {
            "tags": ["webhooks"],
            "operationId": "receive_webhook",
            "summary": "A provider's delivery: vk, telegram or simulator. Answered once it is on disk.",
            "parameters": [path_parameter("channel", "vk, telegram or simulator"), SOURCE],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": answers(
                _200="stored (or known already); the channel's own words: `ok` for VK, `{}` otherwise",
                _400="the proof is inside a body that can't be read",
                _401="unknown source, wrong or missing secret, wrong group",
                _413="over 1 MiB",
                _503="the log can't take it now; send it again after Retry-After seconds",
            ),
        }
    },
    "/webhook/events/{producer_id}": {
        "post": {
            "tags": ["webhooks"],
            "operationId": "publish_events",
            "summary": "A producer's signed business events: one, or a batch that is stored whole or not at all.",
            "parameters": [
                PRODUCER,
                text_header("webhook-id", "the delivery, the same at every try (Standard Webhooks)"),
                text_header("webhook-timestamp", "seconds since 1970, of this try"),
                text_header("webhook-signature", "`v1,` and base64, or `v1a,` and base64; several with spaces between"),
            ],
            "requestBody": {"required": True, "content": EVENTS},
            "responses": answers(
                _202="all of it is on disk: how many are `stored`, how many were known (`repeated`)",
                _400="not an event",
                _401="unknown producer, wrong or old signature",
                _413="over 256 KiB, or over 100 events",
                _415="another media type",
                _422="an event type or data that is not as configured; `errors` holds JSON paths; nothing was stored",
                _429="too many posts of one producer",
                _503="the log can't take it now; send it again after Retry-After seconds",
            ),
        },
        "options": {
            "tags": ["webhooks"],
            "operationId": "ask_to_publish",
            "summary": "CloudEvents' handshake before the first post.",
            "parameters": [PRODUCER, text_header("WebHook-Request-Origin", "who wants to post")],
            "responses": answers(
                _200="WebHook-Allowed-Origin, WebHook-Allowed-Rate (posts a minute)",
                _204="nobody asked; Allow says which methods there are",
                _400="the origin is no host's name",
            ),
        },
    },
    "/api/widget/session": {
        "post": {
            "tags": ["widget"],
            "operationId": "open_widget_session",
            "summary": "A visitor's session: new for a `source`, or the one of a `chat_token`.",
            "requestBody": json_body(
                source="identifier or id of a source of type web",
                chat_token="resumes the chat it was given for",  # noqa: S106  a description
                name="how the visitor wants to be called",
                department_id="a department of this source; otherwise its first",
            ),
            "responses": answers(
                _200="session_id (the chat), chat_token (for months), token (for the socket, a day), expires_at",
                _401="the chat_token is not ours or has expired",
                _403="this page may not use this source",
                _404="no such website",
                _429="too many sessions from one address",
            ),
        }
    },
    "/api/widget/messages": {
        "get": {
            "tags": ["widget"],
            "operationId": "list_widget_messages",
            "summary": "The visitor's own thread, oldest first.",
            "security": CHAT_TOKEN,
            "parameters": [
                *PAGING,
                header("X-Pulse-Version", "the id of one's own message, which this read must show"),
            ],
            "responses": answers(
                _200="items, next, prev",
                _401="no or wrong chat_token",
                _429="too many reads of one chat",
                _503="lists are away",
            ),
        },
        "post": {
            "tags": ["widget"],
            "operationId": "write_widget_message",
            "summary": "A visitor writes. The same clientMsgId is one message, however often it is sent.",
            "security": CHAT_TOKEN,
            "requestBody": WRITES,
            "responses": answers(
                _200="known already; id, chat_id, client_msg_id, and the id as X-Pulse-Version too",
                _201="on disk",
                _400="not readable",
                _401="no or wrong chat_token",
                _403="blocked, or this page may not use this source",
                _413="over 64 KiB",
                _429="too many messages",
                _503="not accepted; send it again",
            ),
        },
    },
    "/api/widget/files": {
        "post": {
            "tags": ["widget"],
            "operationId": "bring_widget_files",
            "summary": "Takes files for the visitor's next message: each answers with a `claim`, good for a day.",
            "security": CHAT_TOKEN,
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FILES}}},
            "responses": answers(
                _201="files, each with claim, kind, name, mime, size; nothing is stored before a message names it",
                _400="no multipart body with one to ten files",
                _401="no or wrong chat_token",
                _413="larger than the source takes",
                _415="not a type that the source takes",
                _429="too many uploads",
                _503="the storage can't take it now",
            ),
        }
    },
    "/api/widget/files/{id}": {
        "get": {
            "tags": ["widget"],
            "operationId": "get_widget_file",
            "summary": "A file of the visitor's own chat, as `GET /api/files/{id}` serves it.",
            "security": CHAT_TOKEN,
            "parameters": [path_parameter("id", "an attachment's `file`"), query_parameter("preview", "1 or 0")],
            "responses": answers(
                _200="the bytes",
                _206="a part of them, as Range asked",
                _304="unchanged",
                _401="no or wrong chat_token",
                _404="there is none, or it is in another chat",
                _416="there is no such part",
                _429="too many reads of one chat",
                _503="the storage or the lists are away",
            ),
        }
    },
    "/api/widget/callback": {
        "post": {
            "tags": ["widget"],
            "operationId": "request_callback",
            "summary": "A visitor asks to be called. What is asked for already is the same request.",
            "security": CHAT_TOKEN,
            "requestBody": json_body(
                "phone",
                phone="5 to 20 digits, with spaces, a + before them",
                time="ISO 8601 with its offset from UTC; without it, any time",
                comment="up to 1,000 characters",
            ),
            "responses": answers(
                _200="asked for already; id, chat_id",
                _201="on disk; the id is the request's number in its chat",
                _400="not readable",
                _401="no or wrong chat_token",
                _403="blocked, or this page may not use this source",
                _409="too many open requests",
                _413="over 8 KiB",
                _429="5 at once, then one a minute",
                _503="not accepted; send it again",
            ),
        }
    },
    "/chat/session/{id}/channel-token": {
        "get": {
            "tags": ["widget"],
            "operationId": "get_channel_token",
            "summary": "A fresh token for the visitor's socket.",
            "security": CHAT_TOKEN,
            "parameters": [path_parameter("id", "the session, which is the chat")],
            "responses": answers(
                _200="as for a session",
                _401="no or wrong chat_token",
                _404="another chat's token",
                _429="too many reads of one chat",
            ),
        }
    },
}

SECURITY = {"chat_token": {"type": "http", "scheme": "bearer", "description": "from POST /api/widget/session"}}
