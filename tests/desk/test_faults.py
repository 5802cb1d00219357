"""What is wrong with a request is said field by field, in plain words that name what to send."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import pytest
from pydantic import AnyHttpUrl, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pulse.desk import faults
from pulse.desk.faults import AN_ID, fields_of, in_words
from tests.world import Desk, is_problem


async def said(desk: Desk, address: str, body: Any = None, **query: Any) -> dict[str, str]:
    answer = await (desk.get("admin", address, **query) if body is None else desk.post("admin", address, body))
    return {fault["field"]: fault["message"] for fault in is_problem(answer, 422, "invalid")["errors"]}


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"sort": "updated"}, "sort", "Send one of `newest`, `oldest`, `waiting` or `priority`."),
        (
            {"view": "everything"},
            "view",
            "Send one of `all`, `mine`, `unassigned`, `unread`, `waiting`, `open`, `snoozed` or `closed`.",
        ),
        ({"view": "waiting", "sort": "updated"}, "sort", "Send one of `newest`, `oldest`, `waiting` or `priority`."),
        ({"veiw": "mine"}, "veiw", "There is no field `veiw` here; did you mean `view`?"),
        ({"limit": "201"}, "limit", "At most 200."),
        ({"limit": "many"}, "limit", "Send a whole number."),
        ({"department": "sales"}, "department", AN_ID),
        ({"unread": "maybe"}, "unread", "Send true or false."),
        ({"text": ""}, "text", "It must not be empty."),
        ({"text": "x" * 65}, "text", "At most 64 characters; these are 65."),
        ({"text": "a\0"}, "text", "It must not hold the character NUL."),
    ],
)
async def test_a_parameter_of_the_chat_list(desk: Desk, query: dict[str, str], field: str, words: str) -> None:
    assert await said(desk, "/api/chats", **query) == {field: words}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("2026-11-21", "Say the zone: 2026-11-21T00:00:00Z is UTC, 2026-11-21T00:00:00+03:00 is Moscow."),
        ("2026-11-21T09:30:00", "Say the zone: 2026-11-21T09:30:00Z is UTC, 2026-11-21T09:30:00+03:00 is Moscow."),
        ("2026-11-21T09:30:00 03:00", "In an address a + is written %2B: 2026-11-21T09:30:00%2B03:00."),
        ("yesterday", "Send a time with its zone, such as 2026-11-21T09:30:00Z."),
    ],
)
async def test_a_time_that_lacks_something_says_what(desk: Desk, sent: str, words: str) -> None:
    assert await said(desk, "/api/search", q="order", **{"from": sent}) == {"from": words}
    if sent != "2026-11-21":  # reports take a day
        assert await said(desk, "/api/reports", **{"from": sent}) == {"from": words}


async def test_fields_of_a_body_and_of_what_lies_in_it(desk: Desk) -> None:
    assert await said(desk, "/api/direct", {}) == {"to": "It is missing."}
    assert await said(desk, "/api/direct", {"to": None}) == {"to": AN_ID}
    assert await said(desk, "/api/direct", {"to": str(uuid4()), "colour": 1}) == {
        "colour": "There is no field `colour` here; there are `to`."
    }
    wanted = {"days": 1, "sources": [{"source": str(uuid4()), "day": 1}]}
    answer = await desk.pulse.http.put("/api/retention", json=wanted, headers=await desk.headers("admin"))
    told = {fault["field"]: fault["message"] for fault in is_problem(answer, 422, "invalid")["errors"]}
    assert told["sources.0.day"] == "There is no field `day` here; did you mean `days`?"
    assert told["sources.0.days"] == "It is missing."


@pytest.mark.parametrize(
    ("body", "words"), [(b"{", "The body is not JSON"), (b"[]", "Send a JSON object"), (b"", "Send a JSON object")]
)
async def test_a_body_that_is_no_object_is_a_fault_without_a_field(desk: Desk, body: bytes, words: str) -> None:
    headers = await desk.headers("admin") | {"Content-Type": "application/json"}
    told = is_problem(await desk.pulse.http.post("/api/departments", content=body, headers=headers), 422, "invalid")
    assert told["title"].startswith(words)
    assert told["errors"] == [{"field": "", "message": told["title"]}]


async def test_a_saved_view_says_what_the_chat_list_would(desk: Desk) -> None:
    answer = await desk.pulse.http.put(
        "/api/views/odd", json={"query": {"sort": "updated", "veiw": "all"}}, headers=await desk.headers("admin")
    )
    [told] = is_problem(answer, 422, "invalid")["errors"]
    for words in ("sort: Send one of `newest`", "did you mean `view`?"):
        assert words in told["message"]


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int = Field(0, ge=1, lt=9, alias="num")


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: tuple[Inner, ...] | None = Field(None, max_length=1)
    kind: Literal["a", "b"] | None = None
    named: dict[str, str] = {}
    at: AwareDatetime | None = None
    share: float = Field(0.0, gt=0.0, le=1.0)
    to: AnyHttpUrl | None = None
    code: str = Field("ab", min_length=2, pattern="^[a-z]+$")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inner": [{"num": 0}]}, "At least 1."), ({"inner": [{"num": 9}]}, "Less than 9."), ({"inner": {}}, "Send a list, […]."),
        ({"inner": [{"num": "x"}]}, "Send a whole number."), ({"inner": [1]}, "Send an object, {…}."),
        ({"inner": [{}, {}]}, "At most 1 of them; these are 2."), ({"kind": 1}, "Send one of `a` or `b`."),
        ({"named": []}, "Send an object, {…}."), ({"at": []}, "Send a time with its zone, such as 2026-11-21T09:30:00Z."),
        ({"share": 0}, "More than 0.0."), ({"share": "x"}, "Send a number."), ({"code": "a"}, "At least 2 characters."),
        ({"code": "A{}"}, "It must match ^[a-z]+$."), ({"code": 5}, "Send text."),
        ({"to": "x"}, "Send an address such as https://example.com/hook."),
    ],
)  # fmt: skip
def test_each_kind_of_fault_has_its_words(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(body)
    assert [in_words(fault) for fault in refused.value.errors()] == [words]


def test_fields_are_known_at_any_depth() -> None:
    assert fields_of(Outer)[:2] == ["inner", "kind"]
    assert fields_of(Outer, ("inner", 0)) == ["num"]
    assert fields_of(Outer, ("named", "x")) == []
    assert faults.in_words({"type": "new_kind", "loc": ("body", "x"), "input": 1, "msg": "Odd"}) == "Odd"
