"""The OpenAPI part of the plain routes, written by hand: webhooks and the widget are not FastAPI's."""

from __future__ import annotations

from typing import Any

from pulse.http_document import answers, as_json, json_body, listed, parameter, path_parameter, shape
from pulse.ingest.shapes import (
    BROUGHT,
    BYTES,
    CALLED,
    CALLS,
    CHAT_TOKEN,
    DELIVERY,
    ENTRIES,
    EVENTS,
    FILE,
    FILES,
    OPENS,
    OWN_WRITE,
    PAGING,
    PRODUCER,
    SESSION,
    SOURCE,
    STORED,
    TEXT,
    WORDS,
    WRITES,
    WRITTEN,
)

PATHS: dict[str, Any] = {
    "/webhook/{channel}/{source_id}": {
        "post": {
            "tags": ["webhooks"],
            "operationId": "receive_webhook",
            "summary": "A provider's delivery: vk, telegram or simulator. Answered once it is on disk.",
            "parameters": [path_parameter("channel", "vk, telegram or simulator", "simulator"), SOURCE],
            "requestBody": {"required": True, "content": {"application/json": {"schema": DELIVERY}}},
            "responses": answers(
                WORDS,
                _200="stored (or known already); the channel's own words: `ok` for VK, `{}` otherwise",
                _400="the proof is inside a body that can't be read",
                _401="unknown source, wrong or missing secret, wrong group",
                _404="no such address",
                _409="the source has no confirmation code yet",
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
                parameter("header", "webhook-id", "the delivery, the same at every try (Standard Webhooks)", "string"),
                parameter("header", "webhook-timestamp", "seconds since 1970, of this try", "string"),
                parameter(
                    "header",
                    "webhook-signature",
                    "`v1,` and base64, or `v1a,` and base64; several with spaces between",
                    "string",
                ),
            ],
            "requestBody": {"required": True, "content": EVENTS},
            "responses": answers(TEXT, _200="Slack's challenge, as text")
            | answers(
                as_json(STORED),
                _202="all of it is on disk: how many are `stored`, how many were known (`repeated`)",
                _400="not an event",
                _401="unknown producer, wrong or old signature",
                _404="no such address",
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
            "parameters": [PRODUCER, parameter("header", "WebHook-Request-Origin", "who wants to post", "string")],
            "responses": answers(
                _200="WebHook-Allowed-Origin, WebHook-Allowed-Rate (posts a minute)",
                _204="nobody asked; Allow says which methods there are",
                _400="the origin is no host's name",
                _404="no such address",
            ),
        },
    },
    "/api/widget/session": {
        "post": {
            "tags": ["widget"],
            "operationId": "open_widget_session",
            "summary": "A visitor's session: new for a `source`, or the one of a `chat_token`.",
            "requestBody": json_body(OPENS),
            "responses": answers(
                as_json(SESSION),
                _200="the session, which is a chat",
                _400="not readable",
                _401="the chat_token is not ours or has expired",
                _403="this page may not use this source",
                _404="no such website",
                _413="over 64 KiB",
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
                OWN_WRITE,
            ],
            "responses": answers(
                as_json(ENTRIES),
                _200="a page of it",
                _400="not readable",
                _403="this page may not use this source",
                _401="no or wrong chat_token",
                _404="its website was switched off",
                _429="too many reads of one chat",
                _503="lists are away",
            ),
        },
        "post": {
            "tags": ["widget"],
            "operationId": "write_widget_message",
            "summary": "A visitor writes. The same clientMsgId is one message, however often it is sent.",
            "security": CHAT_TOKEN,
            "requestBody": json_body(WRITES),
            "responses": answers(
                as_json(WRITTEN),
                _200="known already; the id comes as X-Pulse-Version too",
                _201="on disk",
                _400="not readable",
                _401="no or wrong chat_token",
                _403="blocked, or this page may not use this source",
                _404="its website was switched off",
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
                as_json(shape("files", files=listed(BROUGHT))),
                _201="taken; nothing is stored before a message names it",
                _400="no multipart body with one to ten files",
                _401="no or wrong chat_token",
                _403="blocked, or this page may not use this source",
                _404="its website was switched off",
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
            "parameters": [FILE, parameter("query", "preview", "1 or 0", minimum=0, maximum=1)],
            "responses": answers(
                BYTES,
                _200="the bytes",
                _206="a part of them, as Range asked",
                _304="unchanged",
                _400="not readable",
                _401="no or wrong chat_token",
                _403="this page may not use this source",
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
            "requestBody": json_body(CALLS),
            "responses": answers(
                as_json(CALLED),
                _200="asked for already",
                _201="on disk; the id is the request's number in its chat",
                _400="not readable",
                _401="no or wrong chat_token",
                _403="blocked, or this page may not use this source",
                _404="its website was switched off",
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
                as_json(SESSION),
                _200="as for a session",
                _400="not readable",
                _403="this page may not use this source",
                _401="no or wrong chat_token",
                _404="another chat's token",
                _429="too many reads of one chat",
            ),
        }
    },
}

SECURITY = {"chat_token": {"type": "http", "scheme": "bearer", "description": "from POST /api/widget/session"}}
