"""The OpenAPI part of the plain routes, written by hand: webhooks and the widget are not FastAPI's."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
FORMATS = ("uuid", "date-time")
GOOD = ("200", "201", "202", "206")


def path_parameter(name: str, says: str, example: str = "73803345-05ec-5922-81a8-7f2f572c0bdc") -> Schema:
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": says}


def parameter(place: str, name: str, says: str, kind: str = "integer", **limits: int) -> Schema:
    """One that need not be there, in a query or a header."""
    return {"name": name, "in": place, "required": False, "schema": {"type": kind, **limits}, "description": says}


def field(example: Any, says: str = "", *, null: bool = False, **more: Any) -> Schema:
    """A field of an object, by what one looks like; `uuid` and `date-time` say it themselves."""
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}[type(example)]
    shown: Schema = (
        {"type": "string", "format": example} if example in FORMATS else {"type": kind, "examples": [example]}
    )
    described: Schema = {"description": says} if says else {}
    return ({"anyOf": [shown | more, {"type": "null"}]} if null else shown | more) | described


def shape(required: str = "", **fields: Schema) -> Schema:
    """An object with these fields and no others; `required` names those that are always there."""
    return {"type": "object", "properties": fields, "required": required.split(), "additionalProperties": False}


def listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def json_body(schema: Schema) -> Schema:
    """The widget's bodies may hold more than this: older pages send what nobody reads any more."""
    return {"required": True, "content": as_json({**schema, "additionalProperties": True})}


def answers(content: Schema | None = None, **said: str) -> dict[str, Any]:
    """`_200="…"` and so on: a status and what it means; `content` is what answers hold where it went well."""
    found: dict[str, Any] = {status.lstrip("_"): {"description": meaning} for status, meaning in said.items()}
    for status in found.keys() & set(GOOD) if content else ():
        found[status]["content"] = content
    return found


def as_json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


PRODUCER = path_parameter(
    "producer_id", "the id of a producer, as `pulse demo` and `pulse producer add` print it",
    "9d4fdd9f-de72-51a4-99a8-f302fa61f8fc",
)  # fmt: skip
CAMPAIGN = {"campaign_id": 17, "status": "paused"}
EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "description": "a CloudEvent 1.0",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": field("u1"),
        "source": field("/campaigns"),
        "type": field("campaign.updated"),
        "data": {"examples": [CAMPAIGN]},
    },
}
SAID = {
    "type": "object",
    "required": ["type"],
    "description": "a plain webhook; or, with ce- headers, the data of an event",
    "properties": {
        "type": field("campaign.updated"),
        "timestamp": field("date-time"),
        "data": {"examples": [CAMPAIGN]},
    },
}
EVENTS = {
    "application/cloudevents+json": {"schema": EVENT},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": EVENT, "maxItems": 100}},
    "application/json": {"schema": SAID},
}
SOURCE = path_parameter(
    "source_id", "the id of a source, as `pulse demo` and `pulse source add` print it",
    "a15f91a9-46f6-5fc1-a3ae-b4c6c8398268",
)  # fmt: skip
FILE = path_parameter("id", "an attachment's `file`", "0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11")
CHAT_TOKEN: list[dict[str, list[str]]] = [{"chat_token": []}]
PAGING = [
    parameter("query", "limit", "how many, 200 at most", minimum=1, maximum=200),
    parameter("query", "beforeId", "what came before this message", minimum=0, maximum=999_999_999),
    parameter("query", "afterId", "what came after this message", minimum=0, maximum=999_999_999),
]
OWN_WRITE = parameter(
    "header", "X-Pulse-Version", "the id of one's own message, which this read must show", minimum=0, maximum=999_999_999
)  # fmt: skip

DELIVERY = {
    "type": "object",
    "description": "whatever the provider says",
    "examples": [{"from": "vera", "message": "Where is my order?", "message_id": "m1"}],
}
OPENS = shape(
    source=field("website", "identifier or id of a source of type web"),
    chat_token=field("v1.k1.eyJ…", "resumes the chat it was given for"),
    name=field("Vera", "how the visitor wants to be called"),
    department_id=field("uuid", "a department of this source; otherwise its first"),
)
SESSION = shape(
    "session_id chat_id chat_token token expires_at",
    session_id=field("uuid"), chat_id=field("uuid"), chat_token=field("v1.k1.eyJ…", "for months"),
    token=field("v1.k1.eyJ…", "for the socket, a day"), expires_at=field("date-time"),
)  # fmt: skip
WRITES = shape(
    text=field("Where is my order?", "1 to 10,000 characters; none are needed with files"),
    clientMsgId=field("m1", "the page's own id"),
    files=field([], "claims that uploads answered with", maxItems=10, items={"type": "string"}),
)
WRITTEN = shape("id chat_id client_msg_id", id=field(2), chat_id=field("uuid"), client_msg_id=field("m1"))
CALLS = shape(
    "phone",
    phone=field("+7 999 000 11 22", "5 to 20 digits, with spaces, a + before them"),
    time=field("date-time", "ISO 8601 with its offset from UTC; without it, any time"),
    comment=field("About my order", "up to 1,000 characters"),
)
CALLED = shape("id chat_id", id=field(3), chat_id=field("uuid"))
ATTACHMENT = shape(
    "kind",
    kind=field("photo"), id=field("3.0"), name=field("cat.jpg"), mime=field("image/jpeg"), size=field(48_213),
    width=field(1280), height=field(960), seconds=field(12), latitude=field(55.75), longitude=field(37.62),
    phone=field("+79990001122"), file=field("0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11", null=True), lost=field("It is gone."),
)  # fmt: skip
QUOTED = shape("text author attachments", text=field("Good day"), author=field("Anna"), attachments=listed(ATTACHMENT))
ENTRY = shape(
    "id chat_id created_at sender_type sender text",
    id=field(2), chat_id=field("uuid"), created_at=field("date-time"),
    sender_type={"enum": ["customer", "moderator", "outside"]},
    sender=shape("name", id=field("77"), name=field("Vera"), username=field("vera", null=True)),
    text=field("Where is my order?"), attachments=listed(ATTACHMENT),
    reply_to={"anyOf": [QUOTED, {"type": "null"}]}, forwarded=listed(QUOTED),
    album=field("13824", null=True), payload=field("yes", null=True), notice=field("button", null=True),
    sent_at=field("date-time", null=True), edited_at=field("date-time"), deleted_at=field("date-time"),
    reread_at=field("date-time"), reactions={"type": "object", "examples": [{"77": ["👍"]}]},
    phone=field("+79990001122"), wanted_at=field("date-time", null=True), done_at=field("date-time"),
    status=field("delivered"),
)  # fmt: skip
ENTRIES = shape("items next prev", items=listed(ENTRY), next=field("7", null=True), prev=field("2", null=True))
FILES = shape(file=field(["cat.jpg"], items={"type": "string", "format": "binary"}))
BROUGHT = shape(
    "claim kind name mime size",
    claim=field("v1.k1.eyJ…"), kind=field("photo"), name=field("cat.jpg"), mime=field("image/jpeg"), size=field(48_213),
)  # fmt: skip
BYTES = {"application/octet-stream": {"schema": field("…", format="binary")}}
TEXT = {"text/plain": {"schema": field("ok")}}
WORDS = TEXT | as_json({"type": "object", "examples": [{}]})
STORED = shape("stored repeated", stored=field(1), repeated=field(0))

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
