"""Business events out of posts: the recorded ones, what the reference library makes, and what is no event."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as Reference
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from pulse.aggregates.feed import CloudEvent
from pulse.errors import BadInput, TooLarge
from pulse.ingest.cloud_events import LARGEST_BATCH, NotAnEvent, Post, UnknownMedia, read_post
from pulse.signatures import SCHEMES
from tests.producing import BATCH, PLAIN, STRUCTURED, an_event, encoded
from tests.test_signatures import VECTORS

PAID = CloudEvent(
    "A234-1234-1234", "/shops/17", "shop.order.paid", "order/1184", datetime(2026, 11, 21, 1, 40, 36, tzinfo=UTC),
    "application/json", None, {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"order": 1184, "sum": "1990.00"},
)  # fmt: skip
CE = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


def read(headers: dict[str, str] | list[tuple[str, str]], body: object, scheme: str = "standard") -> Post:
    given_ = headers.items() if isinstance(headers, dict) else headers
    raw = [(name.encode(), text.encode("latin-1")) for name, text in given_]
    return read_post(Headers(raw=raw), encoded(body), SCHEMES[scheme], "/producers/shop")


def recorded(name: str) -> Post:
    return read(VECTORS[name]["headers"], VECTORS[name]["body"].encode())


# The recorded ones, each with its stated outcome


def test_a_structured_event_is_read_whole() -> None:
    assert recorded("ce_structured_ok") == Post([PAID])


def test_bytes_in_a_structured_event_stay_bytes() -> None:
    [event] = recorded("ce_structured_base64").events
    assert (event.binary, base64.b64decode(event.data)) == (True, b"\0\x01pulse")
    assert event.media_type == "application/octet-stream"


def test_a_batch_is_its_events() -> None:
    post = recorded("ce_batch_ok")
    assert (post.batch, [event.id for event in post.events]) == (True, ["A234-1234-1234", "A234-9"])
    assert post.events[0] == PAID


def test_the_headers_of_a_binary_event_are_percent_decoded() -> None:
    [event] = recorded("ce_binary_ok").events
    assert (event.subject, event.data) == ("заказ/1184", PAID.data)
    assert (event.id, event.time, event.media_type) == ("A234-1234-1235", PAID.time, "application/json")


@pytest.mark.parametrize("name", ["ce_binary_missing_id", "ce_structured_array_body"])
def test_what_the_reference_library_lets_through_or_breaks_on_is_no_event(name: str) -> None:
    assert VECTORS[name]["expect"].startswith("reject 400")
    with pytest.raises(NotAnEvent):
        recorded(name)


# The reference library as an oracle


WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=("C",)), min_size=1, max_size=40)


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
@given(event_id=WORDS, source=WORDS, subject=WORDS, data=st.dictionaries(WORDS, st.integers(-(2**53), 2**53) | WORDS))
def test_what_the_reference_library_writes_is_read(
    write: Any, event_id: str, source: str, subject: str, data: dict[str, Any]
) -> None:
    attributes = {
        "id": event_id, "source": source, "type": "t", "subject": subject, "time": datetime(2026, 11, 21, tzinfo=UTC),
        "datacontenttype": "application/json", "specversion": "1.0",
    }  # fmt: skip
    written = write(Reference(attributes, data))
    [found] = read({name.lower(): text for name, text in written.headers.items()}, written.body).events
    assert (found.id, found.source, found.type, found.subject) == (event_id, source, "t", subject)
    assert (found.data, found.time) == (data, attributes["time"])


# Other shapes of good posts


def test_a_plain_webhook_is_an_event_of_its_producer() -> None:
    body = {"type": "order.paid", "timestamp": "2026-11-21T09:30:00.123456Z", "data": {"order": 1}}
    [event] = read({**PLAIN, "webhook-id": "msg_1"}, body).events
    moment = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
    assert event == CloudEvent("msg_1", "/producers/shop", "order.paid", time=moment, data={"order": 1})


@pytest.mark.parametrize(
    ("scheme", "headers", "body", "found"),
    [
        ("github", {"x-github-delivery": "g1", "x-github-event": "issues"}, {"action": "opened"}, ("g1", "issues")),
        ("stripe", {}, {"id": "evt_1", "type": "charge.paid"}, ("evt_1", "charge.paid")),
        ("slack", {}, {"event_id": "Ev1", "event": {"type": "message"}}, ("Ev1", "message")),
        ("shopify", {"x-shopify-webhook-id": "s1", "x-shopify-topic": "orders/paid"}, {"id": 5}, ("s1", "orders/paid")),
    ],
)
def test_elsewhere_id_and_type_are_where_the_service_puts_them(
    scheme: str, headers: dict[str, str], body: dict[str, Any], found: tuple[str, str]
) -> None:
    [event] = read({**PLAIN, **headers}, body, scheme).events
    assert ((event.id, event.type), event.data) == (found, body)
    with pytest.raises(NotAnEvent):
        read(PLAIN, {}, scheme)


@pytest.mark.parametrize(
    "media_type",
    ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8", 'application/cloudevents+json;charset="utf-8"'],
)  # fmt: skip
def test_a_media_type_is_read_in_any_spelling(media_type: str) -> None:
    assert read({"content-type": media_type}, an_event("1")).events[0].id == "1"


def test_without_a_content_type_a_body_is_json() -> None:
    assert read({"webhook-id": "m"}, {"type": "t"}).events[0].data is None
    assert read(CE, b'{"a": 1}').events[0].data == {"a": 1}


@pytest.mark.parametrize(
    ("media_type", "body", "data", "binary"),
    [
        ("application/vnd.shop+json", b"[1, 2]", [1, 2], False),
        ("application/json", b"", None, False),
        ("text/plain", "Ж\0".encode(), "0JYA", True),
        ("application/octet-stream", b"\xff\0", "/wA=", True),
    ],
)
def test_the_body_of_a_binary_event_is_json_or_bytes(media_type: str, body: bytes, data: Any, binary: bool) -> None:
    [event] = read({**CE, "content-type": media_type}, body).events
    assert (event.data, event.binary, event.media_type) == (data, binary, media_type)


def test_extensions_are_kept_as_text_and_null_is_as_good_as_absent() -> None:
    [event] = read(STRUCTURED, an_event("1", sequence=7, sampled=True, tenant="a", subject=None, time=None)).events
    assert event.extensions == {"sequence": "7", "sampled": "true", "tenant": "a"}
    assert (event.subject, event.time) == (None, None)


def test_a_header_in_quotes_is_unquoted_first() -> None:
    [event] = read({**CE, **PLAIN, "ce-subject": r'"a \"b\" %25"'}, b"{}").events
    assert event.subject == 'a "b" %'


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2026-11-21T09:30:00Z", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026-11-21t09:30:00.5z", datetime(2026, 11, 21, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-21T09:30:00.123456789+03:00",
         datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=3)))),
        ("9999-12-31T23:59:59-23:59", datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=23, minutes=59)))),
    ],
)  # fmt: skip
def test_a_time_is_rfc_3339(time: str, moment: datetime) -> None:
    assert read(STRUCTURED, an_event(time=time)).events[0].time == moment


# What is no event


@pytest.mark.parametrize(
    "spoilt",
    [
        {"specversion": "0.3"}, {"specversion": 1.0}, {"specversion": None}, {"id": ""}, {"id": 5}, {"id": None},
        {"id": "x" * 1025}, {"id": ["1"]}, {"id": "a\u0000"}, {"id": "a\n"}, {"id": "\u0085"}, {"id": "\uffff"},
        {"source": ""}, {"source": {}}, {"type": None}, {"type": ""}, {"subject": ""}, {"subject": 5},
        {"time": ""}, {"time": "2026-11-21"}, {"time": "2026-11-21T09:30:00"}, {"time": "2026-02-30T09:30:00Z"},
        {"time": "20261121T093000Z"}, {"time": 1795165200}, {"time": "0000-01-01T00:00:00Z"}, {"time": "２026-11-21T09:30:00Z"},
        {"time": "2026-11-21T09:30:00+99:99"}, {"datacontenttype": ""}, {"dataschema": 5}, {"data_base64": "AA=="},
        {"Upper": "x"}, {"with-dash": "x"}, {"with_line": "x"}, {"": "x"}, {"ж": "x"}, {"ext": 1.5}, {"ext": {}},
        {"ext": []}, {"ext": ""}, {"x" * 65: "x"}, {f"e{number}": "x" for number in range(51)},
    ],
)  # fmt: skip
def test_an_event_with_a_wrong_attribute_is_none(spoilt: dict[str, Any]) -> None:
    assert read(STRUCTURED, an_event())
    for kind, body in ((STRUCTURED, an_event() | spoilt), (BATCH, [an_event(), an_event() | spoilt])):
        with pytest.raises(NotAnEvent):
            read(kind, body)


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_nothing_that_is_missing_is_made_up(missing: str) -> None:
    event = an_event()
    del event[missing]
    with pytest.raises(NotAnEvent, match=missing):
        read(STRUCTURED, event)
    with pytest.raises(NotAnEvent, match=missing):
        read({**PLAIN, **{name: text for name, text in CE.items() if name != f"ce-{missing}"}}, b"{}")


HOSTILE = [
    b"", b" ", b"{", b"nul", b"\xff", b"\xef\xbb\xbf{}", b"[" * 1025, b"[" * 300 + b"]" * 300, b"[" * 251 + b"]" * 251,
    b'{"a":' * 300 + b"1" + b"}" * 300, b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b'{"a": "\\ud800"}',
    b'{"\\udfff": 1}', b'{"a": "\\u0000"}', b'{"\\u0000": 1}', b"\0", b'{"a": "\0"}', b"{'a': 1}", b"{}{}", b"[1,]",
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: body[:20].decode("latin-1"))
@pytest.mark.parametrize(
    "kind", [STRUCTURED, BATCH, PLAIN, {**CE, **PLAIN}], ids=["structured", "batch", "plain", "binary"]
)
def test_a_body_that_is_no_strict_json_is_no_event(kind: dict[str, str], body: bytes) -> None:
    if body == b"" and "ce-id" in kind:
        return  # an event without data
    with pytest.raises(NotAnEvent):
        read({**kind, "webhook-id": "m"}, body)


@pytest.mark.parametrize("body", [{}, {"a": 1}, "text", 5, None, True, []])
def test_json_that_is_no_event_is_none(body: object) -> None:
    for kind in (STRUCTURED, PLAIN):
        with pytest.raises(NotAnEvent):
            read({**kind, "webhook-id": "m"}, body)


@pytest.mark.parametrize("body", [{}, "text", [[]], [5], [None], [an_event(), {}]])
def test_a_batch_with_anything_else_in_it_is_none(body: object) -> None:
    with pytest.raises(NotAnEvent):
        read(BATCH, body)


@pytest.mark.parametrize("data", ["", 5, "not base64!", "AAA", "AA==\n", "ж"])
def test_bytes_must_be_base64(data: object) -> None:
    event = an_event(data_base64=data)
    del event["data"]
    if data == "":
        assert read(STRUCTURED, event).events[0].data == ""
        return
    with pytest.raises(NotAnEvent):
        read(STRUCTURED, event)


@pytest.mark.parametrize(
    "headers",
    [
        {"ce-subject": "%"}, {"ce-subject": "%zz"}, {"ce-subject": "%2"}, {"ce-subject": "%FF"}, {"ce-subject": "%ED%A0%80"},
        {"ce-subject": "%00"}, {"ce-subject": "%0A"}, {"ce-subject": "\xe9"}, {"ce-subject": ""}, {"ce-subject": '""'},
        {"ce-with_line": "x"}, {"ce-": "x"}, {"ce-data": "x"}, {"ce-datacontenttype": "text/plain"}, {"ce-id": "x" * 1025},
        {"ce-specversion": "1"}, {"ce-time": "yesterday"}, {"ce-dataschema": "%"},
    ],
)  # fmt: skip
def test_a_hostile_header_makes_it_no_event(headers: dict[str, str]) -> None:
    assert read({**CE, **PLAIN}, b"{}")
    with pytest.raises(NotAnEvent):
        read({**CE, **PLAIN, **headers}, b"{}")


def test_an_attribute_that_is_given_twice_is_not_chosen_from() -> None:
    with pytest.raises(NotAnEvent, match="twice"):
        read([*CE.items(), *PLAIN.items(), ("ce-id", "2")], b"{}")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/cloudevents+xml", "application/cloudevents+avro", "application/cloudevents", "text/plain", "text/html",
        "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=utf-16", "json", "*/*",
        "application/cloudevents+json; charset=koi8-r", "application/cloudevents-batch+xml", "\xff", "a" * 5000,
    ],
)  # fmt: skip
def test_another_media_type_is_unknown(media_type: str) -> None:
    with pytest.raises(UnknownMedia):
        read({"content-type": media_type, "webhook-id": "m"}, {"type": "t"})


def test_a_batch_has_a_limit() -> None:
    assert len(read(BATCH, [an_event() for _ in range(LARGEST_BATCH)]).events) == LARGEST_BATCH
    with pytest.raises(TooLarge):
        read(BATCH, [an_event() for _ in range(LARGEST_BATCH + 1)])


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["id", "source", "type", "specversion", "data", "data_base64", "time", "x"]) | st.text(max_size=5), inner, max_size=6),
    max_leaves=15,
)  # fmt: skip


@given(JSONS, st.sampled_from([STRUCTURED, BATCH, PLAIN, {**CE, **PLAIN}]), st.sampled_from(list(SCHEMES)))
def test_any_json_is_read_or_refused(body: Any, kind: dict[str, str], scheme: str) -> None:
    try:
        text = orjson.dumps(body)
    except TypeError:  # lone surrogates, integers beyond 64 bits
        return
    with suppress(BadInput):
        read(kind, text, scheme)
