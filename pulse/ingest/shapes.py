"""What ingest's routes take and answer, as schemas whose fields carry examples: `openapi.py` beside this names them."""

from __future__ import annotations

from pulse.http_document import as_json, field, listed, parameter, path_parameter, shape

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
    "session_id chat_id chat_token token stream_url expires_at",
    session_id=field("uuid"), chat_id=field("uuid"), chat_token=field("v1.k1.eyJ…", "for months"),
    token=field("v1.k1.eyJ…", "for the socket, a day"),
    stream_url=field("/chat/73803345-05ec-5922-81a8-7f2f572c0bdc/stream?sig=v1.eyJ…", "of the stream, for a day"),
    expires_at=field("date-time"),
)  # fmt: skip
WRITES = shape(
    text=field("Where is my order?", "1 to 10,000 characters; none are needed with files"),
    clientMsgId=field("m1", "the page's own id"),
    files=field([], "claims that uploads answered with", maxItems=10, items={"type": "string"}),
)
WRITTEN = shape("id chat_id client_msg_id", id=field(2), chat_id=field("uuid"), client_msg_id=field("m1"))
CALLS = shape(
    "phone",
    phone=field("+7 999 000 11 22", "5 to 20 digits with spaces, -, ( ) and . between, a + before them"),
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
