"""The website widget's messages."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from pulse.channels import Unreadable
from pulse.channels.arrivals import MessageArrived
from pulse.channels.table import CHANNELS
from pulse.channels.web import Web
from pulse.errors import NotAuthentic
from pulse.message import Author, Incoming
from tests.channels.recorded import account, spoiled

WEB = Web(account())
HELLO = {"text": " Hello ", "clientMsgId": "c1"}


def read(token_name: str = "Vera", /, **fields: Any) -> MessageArrived:
    return WEB.read_message(orjson.dumps(HELLO | fields), peer="visitor-1", name=token_name)


def test_a_post_is_a_message_of_the_tokens_visitor() -> None:
    said = Incoming("c1", Author("visitor-1", "Vera"), "Hello", "c1")
    assert read() == MessageArrived("c1", "visitor-1", said)


def test_a_visitor_may_say_a_name_where_the_token_has_none() -> None:
    assert read("", name=" V. ").message.author.name == "V."
    assert read("").message.author.name == ""


def test_nobody_writes_under_another_name_than_the_tokens() -> None:
    body = orjson.dumps(HELLO | {"name": "Anna", "from": "visitor-2", "peer": "visitor-2"})
    arrival = WEB.read_message(body, peer="visitor-1", name="Vera")
    assert (arrival.peer, arrival.message.author) == ("visitor-1", Author("visitor-1", "Vera"))


@pytest.mark.parametrize("length", [1, 10_000])
def test_a_text_of_an_allowed_length_is_read_whole(length: int) -> None:
    assert len(read(text="x" * length).message.text) == length


WRONG = [
    ("text", "", "text must be a text of 1 to 10,000 characters."),
    ("text", " \n ", "text must be a text of 1 to 10,000 characters."),
    ("text", "x" * 10_001, "text must be a text of 1 to 10,000 characters."),
    ("text", None, "text must be a text."),
    ("clientMsgId", "", "clientMsgId must be a text of 1 to 128 characters."),
    ("clientMsgId", "x" * 129, "clientMsgId must be a text of 1 to 128 characters."),
    ("clientMsgId", 5, "clientMsgId must be a text."),
]


@pytest.mark.parametrize(("key", "value", "reason"), WRONG)
def test_a_wrong_post_is_unreadable_and_says_why(key: str, value: object, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(**{key: value})


@given(body=spoiled([HELLO, HELLO | {"name": "Vera"}]))
@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_post_reads_or_is_unreadable_and_nothing_else(body: bytes) -> None:
    try:
        arrival = WEB.read_message(body, peer="visitor-1", name="")
    except Unreadable:
        return
    assert arrival.peer == arrival.message.author.id == "visitor-1"


def test_a_webhook_is_no_way_into_a_website_source() -> None:
    with pytest.raises(NotAuthentic):
        WEB.verify({}, b"{}")
    with pytest.raises(Unreadable, match="come through the widget's address"):
        WEB.read(orjson.dumps(HELLO))


def test_each_channel_is_registered_by_its_name() -> None:
    assert {name: channel.name for name, channel in CHANNELS.items()} == {
        name: name for name in ("telegram", "vk", "simulator", "web")
    }
