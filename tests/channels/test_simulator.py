"""The simulator's bodies."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from pulse.channels import Unreadable
from pulse.channels.arrivals import Arrival, MessageArrived, ReadMark, TypingSeen
from pulse.channels.simulator import Simulator
from pulse.errors import NotAuthentic
from pulse.message import Attachment, Author, Incoming
from tests.channels.recorded import account, at, reads_or_refuses, spoiled

SIMULATOR = Simulator(account())
HELLO = {"from": "vera", "message": "Hello", "type": "text", "message_id": "m1", "timestamp": 1795165200}


def read(body: object) -> Arrival:
    [arrival] = SIMULATOR.read(orjson.dumps(body))
    return arrival


def message(**fields: Any) -> Incoming:
    arrival = read(HELLO | fields)
    assert isinstance(arrival, MessageArrived)
    return arrival.message


def test_a_text_is_a_message() -> None:
    said = Incoming("m1", Author("vera", "Vera"), "Hello", "m1", at(1795165200))
    assert read(HELLO | {"name": "Vera"}) == MessageArrived("m1", "vera", said)


def test_a_number_may_name_the_sender_and_the_message() -> None:
    arrival = read({"from": 7, "message": "Hello", "message_id": 12})
    assert arrival == MessageArrived("12", "7", Incoming("12", Author("7"), "Hello", "12"))


def test_without_a_message_id_the_same_body_is_the_same_delivery() -> None:
    first, again, other = (read({"from": "vera", "message": text}) for text in ("Hello", "Hello", "Hello!"))
    assert first == again
    assert first.external_id != other.external_id
    assert isinstance(first, MessageArrived)
    assert first.message.message_id is None


ATTACHED = [
    ("image", "photo"), ("photo", "photo"), ("file", "document"), ("document", "document"), ("audio", "audio"),
    ("voice", "voice"), ("video", "video"), ("sticker", "sticker"), ("link", "link"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attachment"), ATTACHED)
def test_a_file_is_an_attachment_and_its_message_the_caption(kind: str, attachment: str) -> None:
    said = message(type=kind, message="Look", media_url="https://example.com/1", file_name="one")
    assert said.text == "Look"
    assert said.attachments == (Attachment(attachment, "one", ref="https://example.com/1"),)


def test_a_place_and_a_phone_are_attachments() -> None:
    place = message(type="location", latitude=59.9, longitude=30)
    assert place.attachments == (Attachment("location", latitude=59.9, longitude=30.0),)
    assert message(type="contact", phone="+7999").attachments == (Attachment("contact", phone="+7999"),)


def test_an_unknown_type_is_a_message_all_the_same() -> None:
    said = message(type="hologram", message=None)
    assert (said.text, said.attachments) == ("", (Attachment("unsupported", "hologram"),))


def test_an_edit_names_the_message_but_is_a_delivery_of_its_own() -> None:
    edit, again = (read(HELLO | {"type": "edit", "message": text}) for text in ("Hi", "Hey"))
    assert isinstance(edit, MessageArrived)
    assert (edit.edited, edit.message.message_id, edit.message.text) == (True, "m1", "Hi")
    assert len({edit.external_id, again.external_id, "m1"}) == 3


def test_typing_and_reading_are_told() -> None:
    typing, mark = read({"from": 7, "type": "typing"}), read({"from": 7, "type": "read", "message_id": "m1"})
    assert typing == TypingSeen(typing.external_id, "7")
    assert mark == ReadMark(mark.external_id, "7", "m1")


@pytest.mark.parametrize(
    "timestamp",
    [1795165200, "2026-11-20T09:00:00Z", "2026-11-20T12:00:00+03:00", "2026-11-20T09:00:00", "20261120T090000Z"],
)
def test_a_time_is_seconds_or_iso(timestamp: object) -> None:
    assert message(timestamp=timestamp).sent_at == at(1795165200)


def test_a_time_may_be_missing() -> None:
    assert message(timestamp=None).sent_at is None


WRONG = [
    ({"message": "Hello"}, "from must be there: a text or a whole number."),
    ({"from": "", "message": "Hello"}, "from must be an id of 1 to 256 characters."),
    ({"from": 7}, "message must be a text."),
    ({"from": 7, "message": "Hello", "type": 5}, "type must be a text."),
    ({"from": 7, "type": "edit", "message": "Hello"}, "message_id must be there: a text or a whole number."),
    ({"from": 7, "type": "location"}, "latitude must be a number."),
    ({"from": 7, "message": "Hello", "timestamp": 1795165200000}, "timestamp must be a time in seconds"),
    ({"from": 7, "message": "Hello", "timestamp": "yesterday"}, "timestamp must be seconds since 1970 or an ISO"),
    ({"from": 7, "message": "Hello", "timestamp": 4_133_980_800}, "timestamp must be a time in seconds"),
    (
        {"from": 7, "message": "Hello", "timestamp": "2101-01-01T00:00:00Z"},
        "timestamp must be a time from 1970 to 2100",
    ),
    ({"from": 7, "message": "Hello", "timestamp": "1970-01-01T00:00:00+01:00"}, "timestamp must be a time from 1970"),
    ({"from": 7, "message": "Hello", "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp must be seconds since"),
]


@pytest.mark.parametrize(("body", "reason"), WRONG)
def test_a_wrong_body_is_unreadable_and_says_why(body: object, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(body)


BODIES: list[Any] = [
    HELLO,
    HELLO | {"type": "image", "media_url": "u", "file_name": "n"},
    HELLO | {"type": "location", "latitude": 1, "longitude": 2},
    HELLO | {"type": "edit", "timestamp": "2026-11-20T09:00:00Z"},
    {"from": 7, "type": "read", "message_id": "m1"},
    {"from": 7, "type": "typing"},
]


@given(body=spoiled(BODIES))
@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_body_reads_or_is_unreadable_and_nothing_else(body: bytes) -> None:
    reads_or_refuses(SIMULATOR, body)


def test_the_secret_is_asked_for_where_there_is_one() -> None:
    asking = Simulator(account(secret=b"right"))
    asking.verify({"x-pulse-secret": "right"}, b"")
    SIMULATOR.verify({}, b"")
    for headers in ({}, {"x-pulse-secret": "wrong"}, {"x-pulse-secret": "rightЖ"}):
        with pytest.raises(NotAuthentic):
            asking.verify(headers, b"")


async def test_typing_is_kept_beside_what_was_sent() -> None:
    simulator = Simulator(account())
    await simulator.show_typing("vera")
    assert list(simulator.typed_to) == ["vera"]
