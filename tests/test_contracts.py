"""Contracts: what data must satisfy, where it is wrong, and which channel it names."""

from __future__ import annotations

from functools import partial
from typing import Any

import jsonschema_rs
import pytest

from pulse.contracts import BreaksContract, Contract, NotAContract, is_small, json_path

CHANNEL = "private-orders.{data.order}"
ORDER = {
    "type": "object", "required": ["order"],
    "properties": {
        "order": {"type": "integer"}, "mail": {"format": "email"},
        "lines": {"items": {"properties": {"odd 'name'": {"maximum": 5}}}},
    },
}  # fmt: skip


def paths(data: Any, at: str = "$") -> list[str]:
    return [fault.path for fault in Contract(ORDER, CHANNEL).faults(data, at)]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"order": 1}, []),
        ({}, ["$.data"]),
        ([], ["$.data"]),
        (None, ["$.data"]),
        ({"order": "1"}, ["$.data.order"]),
        ({"order": True}, ["$.data.order"]),
        ({"order": 1, "mail": "vera"}, ["$.data.mail"]),
        ({"order": 1, "lines": [{}, {"odd 'name'": 9}]}, [r"$.data.lines[1]['odd \'name\'']"]),
        ({"lines": [{"odd 'name'": 9}], "order": None}, ["$.data.lines[0]['odd \\'name\\'']", "$.data.order"]),
    ],
)
def test_a_fault_is_named_by_its_path(data: Any, wrong: list[str]) -> None:
    assert sorted(paths(data)) == wrong


def test_in_a_batch_the_path_begins_with_the_event() -> None:
    assert paths({"order": "1"}, json_path("$", [3])) == ["$[3].data.order"]


def test_ten_faults_are_enough() -> None:
    wrong = Contract({"items": {"type": "string"}}, "private-x.1").faults([1] * 900)
    assert [fault.path for fault in wrong] == [f"$.data[{number}]" for number in range(10)]


@pytest.mark.parametrize("several", [False, True])
def test_of_large_data_no_more_is_looked_at_than_the_first_fault(
    monkeypatch: pytest.MonkeyPatch, several: bool
) -> None:
    asked: list[str] = []
    counting = partial(jsonschema_rs.validator_for, formats={"counted": asked.append})  # None: it is wrong
    monkeypatch.setattr(jsonschema_rs, "validator_for", counting)
    items = {"items": {"format": "counted"}}
    contract = Contract({"anyOf": [items, {"type": "string"}]} if several else items, "private-x.1")
    wrong = contract.faults(["x"] * 127_000)
    assert ([fault.path for fault in wrong], len(asked)) == (["$.data"], 1)
    assert contract.faults({"a": ["x"] * 127_000}) == []


def test_only_so_many_parts_are_small() -> None:
    assert is_small([[1] * 500, {str(number): 1 for number in range(497)}])
    assert not is_small([[1] * 500, {str(number): 1 for number in range(498)}])
    assert not is_small([[1] * 5000] * 5000)


def test_a_fault_never_repeats_what_was_sent() -> None:
    told = Contract(ORDER, CHANNEL).faults({"order": "4276 1600 0000 0000", "mail": "vera's"})
    assert len(told) == 2
    assert all("4276" not in fault.message and "vera" not in fault.message for fault in told)


def test_deep_data_and_a_schema_that_names_itself_end_nothing() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    endless = Contract({"type": "object", "properties": {"a": {"$ref": "#"}}}, "private-x.1")
    assert endless.faults(deep) == []
    assert Contract({"$ref": "#"}, "private-x.1").faults(1) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"}, {"pattern": "("}, {"$ref": "#/$defs/missing"}, {"$ref": "http://127.0.0.1:1/schema"},
        {"$ref": "file:///etc/passwd"}, {"$schema": "http://127.0.0.1:1/meta"}, {"pattern": "(?=a)b"}, {"minimum": "1"},
    ],
)  # fmt: skip
def test_a_schema_that_is_none_or_asks_elsewhere_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(NotAContract):
        Contract(schema, "private-x.1")


@pytest.mark.parametrize(
    "channel",
    [
        "", "news", "orders.1", "private-orders", "private-orders.", "private-orders.{order}", "private-orders.{data}",
        "private-orders.{data.}", "private-orders.{data.a", "private-Orders.1", "private-orders.a b", "private-orders.\u0436",
        "private-encrypted-orders.1", "private-cache-orders.1", "presence-cache-orders.1", "private-orders.{subject}",
        "private-{data.a}.1", "private-orders.1\n", "private-orders.{data.a}:x",
    ],
)  # fmt: skip
def test_a_channel_that_nobody_could_be_asked_about_is_refused(channel: str) -> None:
    with pytest.raises(NotAContract):
        Contract({}, channel)


@pytest.mark.parametrize(
    ("template", "data", "channel"),
    [
        (CHANNEL, {"order": 7}, "private-orders.7"),
        (CHANNEL, {"order": "A-7"}, "private-orders.A-7"),
        ("presence-orders.all", {}, "presence-orders.all"),
        ("private-orders.{data.shop.id}.{data.order}", {"shop": {"id": 1}, "order": -2}, "private-orders.1.-2"),
        ("private-orders.{data.a-b_c}", {"a-b_c": "x"}, "private-orders.x"),
    ],
)
def test_a_channel_is_named_by_the_data(template: str, data: Any, channel: str) -> None:
    assert Contract({}, template).channel_of(data) == channel


@pytest.mark.parametrize(
    "data",
    [
        None, [], {}, {"order": None}, {"order": 1.5}, {"order": 5.0}, {"order": True}, {"order": {"a": 1}}, {"order": ""},
        {"order": "a b"}, {"order": "{data.order}"}, {"order": "\u0436"}, {"order": "x" * 101}, {"order": "a\n"},
        {"order": "a/b"}, {"order": "\0"}, "1184",
    ],
)  # fmt: skip
def test_data_that_names_no_channel_is_refused_with_its_place(data: Any) -> None:
    with pytest.raises(BreaksContract) as refused:
        Contract({}, CHANNEL).channel_of(data, "$[1]")
    [fault] = refused.value.details["errors"]  # type: ignore[misc]
    assert fault["field"] == "$[1].data.order"  # type: ignore[index]
