"""The OpenAPI part of push's plain routes, written by hand: what other programs ask for over HTTP."""

from __future__ import annotations

from typing import Any

from pulse.http_document import Schema, answers, as_json, field, json_body, listed, parameter, path_parameter, shape

TAGS = ["apps"]
APP = path_parameter("app_id", "the app's id, as `pulse app` shows it", "1")
CHANNEL = path_parameter("channel", "a channel's name", "presence-lobby")
USER = path_parameter("user_id", "whom the user signed in as", "7")
INFO = "`user_count` (presence channels only) and `subscription_count`, with a comma between"
SIGNED = [
    parameter("query", "auth_key", "the app's key", "string"),
    parameter("query", "auth_timestamp", "seconds since 1970, at most ten minutes off"),
    parameter("query", "auth_version", "1.0", "string"),
    parameter("query", "body_md5", "of the body, in hex", "string"),
    parameter("query", "auth_signature", "HMAC-SHA256 of method, path and query, in hex", "string"),
]

COUNTS = shape(user_count=field(2), subscription_count=field(3))
CHANNELS: Schema = {
    "type": "object",
    "additionalProperties": COUNTS,
    "examples": [{"presence-lobby": {"user_count": 2}}],
}
PUBLISHED: dict[str, Schema] = {
    "name": field("order-paid", "1 to 200 characters"),
    "data": field('{"order":7}', "text of at most 10 KB, passed on as it is"),
    "channel": field("orders"),
    "socket_id": field("123.456", "a socket that is not told", null=True),
    "info": field("subscription_count", INFO, null=True),
}
EVENT = shape(
    "name data", **PUBLISHED, channels=field(["orders"], "1 to 100 instead of `channel`", items={"type": "string"})
)
BATCH = shape("batch", batch=listed(shape("name data channel", **PUBLISHED)))
REFUSED: Schema = {"text/plain": {"schema": {"type": "string", "examples": ["The signature does not fit."]}}}


def told(content: Schema, /, **more: str) -> dict[str, Any]:
    """Answers of a signed operation. Its refusals are text, which Pusher's libraries show as it is."""
    said = {
        "_400": "not readable, or over a limit; the text says which",
        "_401": "the signature does not fit, or is more than ten minutes off",
        "_403": "PULSE_PUSH_APP is false",
        "_404": "there is no such app",
        "_413": "over 768 KiB",
        "_429": "too many requests of one app",
    }
    found = answers(as_json(content), **(said | more))
    for status in found.keys() - {"200"}:
        found[status]["content"] = REFUSED
    return found


def operation(name: str, summary: str, responses: dict[str, Any], *parameters: Schema, **more: Any) -> Schema:
    asked = {"parameters": [APP, *parameters, *SIGNED], "responses": responses}
    return {"tags": TAGS, "operationId": name, "summary": summary, **asked, **more}


TAKEN = {"_200": "said to every push process; `{}` unless `info` asked for more", "_503": "NATS is away: not said"}
EVENTS_OF_THE_LOG = "a channel on which only events of the log are told"

PATHS: dict[str, Any] = {
    "/apps/{app_id}/events": {
        "post": operation(
            "publish_app_event",
            "Tells an event on channels, to whoever is subscribed now; cache channels keep it for half an hour.",
            told(shape(channels=CHANNELS), **TAKEN, _403=EVENTS_OF_THE_LOG, _413="over 768 KiB, or data over 10 KB"),
            requestBody=json_body(EVENT),
        )
    },
    "/apps/{app_id}/batch_events": {
        "post": operation(
            "publish_app_events",
            "Up to ten events at once, each for one channel.",
            told(shape(batch=listed(COUNTS)), **TAKEN, _403=EVENTS_OF_THE_LOG, _413="over 768 KiB, or data over 10 KB"),
            requestBody=json_body(BATCH),
        )
    },
    "/apps/{app_id}/channels": {
        "get": operation(
            "list_app_channels",
            "The channels that somebody is on.",
            told(shape("channels", channels=CHANNELS), _200="by their names"),
            parameter("query", "filter_by_prefix", "how their names begin", "string"),
            parameter("query", "info", INFO, "string"),
        )
    },
    "/apps/{app_id}/channels/{channel}": {
        "get": operation(
            "show_app_channel",
            "Whether somebody is on a channel, and what it told last.",
            told(
                shape(
                    "occupied",
                    occupied=field(True),
                    user_count=field(2),
                    subscription_count=field(3),
                    cache=shape("data ttl", data=field('{"order":7}'), ttl=field(1799, "seconds")),
                ),
                _200="the channel, also one that nobody is on",
                _503="NATS is away: nobody knows what it told last",
            ),
            CHANNEL,
            parameter("query", "info", f"{INFO}; `cache` of cache channels", "string"),
        )
    },
    "/apps/{app_id}/channels/{channel}/users": {
        "get": operation(
            "list_app_channel_users",
            "Who is on a presence channel.",
            told(shape("users", users=listed(shape("id", id=field("7")))), _200="each once, however many windows"),
            CHANNEL,
        )
    },
    "/apps/{app_id}/users/{user_id}/terminate_connections": {
        "post": operation(
            "terminate_app_user",
            "Closes each socket that signed in as a user (4009). `/users/{user_id}/terminate_connections` is the same.",
            told(shape(), _200="said to every push process", _503="NATS is away: not said"),
            USER,
        )
    },
    "/metrics": {
        "get": {
            "tags": ["operation"],
            "operationId": "show_metrics",
            "summary": "What this process counts and measures, for Prometheus.",
            "security": [{"metrics_token": []}, {}],
            "responses": answers(
                {"text/plain": {"schema": {"type": "string", "examples": ['pulse_ready{check="log"} 1.0']}}},
                _200="Prometheus' text format",
                _401="PULSE_METRICS_TOKEN is set, and this is another one",
                _404="PULSE_METRICS_TOKEN is not set, and this caller is no program of this machine",
                _429="too many requests of one address",
            ),
        }
    },
}

SECURITY = {"metrics_token": {"type": "http", "scheme": "bearer", "description": "PULSE_METRICS_TOKEN"}}
