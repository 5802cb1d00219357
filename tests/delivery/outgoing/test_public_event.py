"""What leaves is a CloudEvent of a public shape: small, and without anything that has to stay inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from eventsourcing.domain import AggregateEvent

from pulse.aggregates import EVENTS
from pulse.delivery.public_event import MARK, SHAPES, TYPES, public_event
from pulse.eventlog.envelope import Recorded, open_envelope, seal, specimen, subject_of, wire_name
from pulse.message import Attachment, Quoted
from tests.given import NOW, SHOP, a_chat, message

INSIDE = {"raw", "raw_base64", "ref", "sha256", "secrets", "settings", "external_id", "password_hash"}
SECRETIVE = ("delivery.", "moderator.", "subscriber.", "source.secrets-", "source.settings-")


def recorded(event: AggregateEvent, scope: dict[str, Any] | None = None) -> Recorded:
    name, _ = wire_name(type(event))
    body = seal(event, event_id=UUID(int=1), by="customer", scope=scope)
    return open_envelope(7, subject_of(name.split(".")[0], event.originator_id), body)


def received(**content: Any) -> Recorded:
    chat = a_chat()
    chat.receive(replace(message("1"), **content), raw="the raw body", now=NOW)
    return recorded(list(chat.collect_events())[-1], dict(chat.scope()))


def keys_of(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        yield from told
        told = list(told.values())
    if isinstance(told, list | tuple):
        for one in told:
            yield from keys_of(one)


@pytest.mark.parametrize("event_class", SHAPES, ids=lambda event: event.__name__)
def test_nothing_that_has_to_stay_inside_leaves(event_class: type[AggregateEvent]) -> None:
    assert INSIDE.isdisjoint(keys_of(public_event(recorded(specimen(event_class)))))


@pytest.mark.parametrize("name", [name for name, _ in EVENTS if name.startswith(SECRETIVE)])
def test_what_is_ours_alone_is_not_told_at_all(name: str) -> None:
    assert name not in TYPES
    assert public_event(recorded(specimen(EVENTS[name, 1]))) is None


def test_an_echo_of_our_own_reply_is_not_told_twice() -> None:
    assert public_event(recorded(specimen(EVENTS["chat.reply-echoed", 1]))) is None


@pytest.mark.parametrize("event_class", SHAPES, ids=lambda event: event.__name__)
def test_it_is_a_cloud_event_that_others_can_read(event_class: type[AggregateEvent]) -> None:
    told = public_event(recorded(specimen(event_class)))
    if told is not None:
        body = orjson.dumps(told)
        read = from_structured(HTTPMessage({"content-type": "application/cloudevents+json"}, body), JSONFormat())
        assert read.get_specversion() == "1.0"
        assert read.get_type() == f"pulse.{wire_name(event_class)[0]}.v1"
        assert read.get_data() == orjson.loads(body)["data"]


def test_a_message_names_its_chat_where_it_stands_and_what_was_said() -> None:
    photo = Attachment("photo", name="order.jpg", ref="file-id", sha256="abc", file="f1")
    told = public_event(received(attachments=(photo,)))
    assert told is not None
    assert (told["source"], told["sequence"]) == (f"/pulse/sources/{SHOP}", "00000000000000000007")
    data = orjson.loads(orjson.dumps(told["data"]))
    assert data["department_id"] == str(a_chat().department_id)
    assert (data["by"], data["message"]["text"]) == ("customer", "Hello")
    assert data["message"]["attachments"] == [{"kind": "photo", "name": "order.jpg", "file": "f1"}]


@pytest.mark.parametrize(
    "content",
    [
        {"text": "😀" * 32_000},
        {"text": "\n" * 32_000},
        {"forwarded": (Quoted("ж" * 4_000),) * 100},
        {"attachments": (Attachment("document", name="ж" * 200),) * 1_000},
        {"forwarded": (Quoted("ж" * 4_000, attachments=(Attachment("photo", name="x" * 250),) * 100),) * 100},
    ],
    ids=["long", "escaped", "forwarded", "attached", "deep"],
)
def test_what_is_too_large_is_cut_with_a_mark(content: dict[str, Any]) -> None:
    told = public_event(received(**content))
    assert told is not None
    assert len(orjson.dumps(told)) < 20_000
    assert told["data"]["cut"] is True
    assert told["data"]["chat_id"] == a_chat().id


def test_a_text_that_was_cut_says_so_and_one_that_fits_is_whole() -> None:
    cut, whole = public_event(received(text="ж" * 32_000)), public_event(received(text="ж" * 8_000))
    assert cut is not None
    assert whole is not None
    assert cut["data"]["message"]["text"] == "ж" * 4_000 + MARK
    assert whole["data"]["message"]["text"] == "ж" * 8_000
    assert "cut" not in whole["data"]


@pytest.mark.parametrize(
    "name",
    [
        "chat.message-reread", "chat.attachment-stored", "chat.attachment-lost", "chat.callback-requested",
        "chat.callback-done", "chat.reply-sent", "chat.reply-delivered", "chat.reply-read", "chat.reply-failed",
        "chat.reply-uncertain",
    ],
)  # fmt: skip
def test_what_became_of_words_and_files_is_told(name: str) -> None:
    told = public_event(recorded(specimen(EVENTS[name, 1])))
    assert told is not None
    assert told["type"] == f"pulse.{name}.v1"


def test_what_came_of_a_callback_stays_among_the_staff() -> None:
    told = public_event(recorded(specimen(EVENTS["chat.callback-done", 1])))
    assert told is not None
    assert "outcome" not in told["data"]
