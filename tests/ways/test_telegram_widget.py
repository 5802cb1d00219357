"""The login widget's fields: only what the bot signed, whole, within five minutes."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pulse.ways import Flow, NotSignedIn
from pulse.ways.telegram_widget import TelegramWidget, widget_says
from tests.fakes.telegram_login import BOT_TOKEN, LOGIN, WIDGET, widget_hash

TOKEN = BOT_TOKEN.encode()
SIGNED: dict[str, str] = WIDGET["query"]
AT = datetime.fromtimestamp(WIDGET["now"], UTC)
VECTORS = sorted(LOGIN.glob("tg_widget_*.json"))


@pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
def test_each_recorded_answer_is_taken_or_refused_as_it_says(file: Any) -> None:
    vector = orjson.loads(file.read_bytes())
    now = datetime.fromtimestamp(vector["now"], UTC)
    if vector["expect"] == "accept":
        theirs = widget_says(vector["query"], vector["bot_token"].encode(), now)
        assert (theirs.external_id, theirs.once) == (vector["query"]["id"], vector["query"]["hash"])
        assert vector["query"]["first_name"] in theirs.name
    else:
        assert_refused(vector["query"], vector["bot_token"].encode(), now)


def test_there_are_vectors_of_both_kinds() -> None:
    expected = {orjson.loads(file.read_bytes())["expect"].split(":")[0].split(" ")[0] for file in VECTORS}
    assert expected == {"accept", "reject"}


def assert_refused(fields: dict[str, str], token: bytes = TOKEN, now: datetime = AT) -> None:
    with pytest.raises(NotSignedIn):
        widget_says(fields, token, now)


@given(field=st.sampled_from(sorted(SIGNED)), said=st.text(max_size=80))
def test_no_field_may_say_anything_else(field: str, said: str) -> None:
    assume(said != SIGNED[field])
    assert_refused(SIGNED | {field: said})


@given(field=st.sampled_from(sorted(SIGNED)), at=st.integers(0, 200), bit=st.integers(0, 6))
def test_no_sign_of_any_field_may_differ(field: str, at: int, bit: int) -> None:
    was = SIGNED[field]
    place = at % len(was)
    assert_refused(SIGNED | {field: was[:place] + chr(ord(was[place]) ^ (1 << bit)) + was[place + 1 :]})


@pytest.mark.parametrize("field", sorted(SIGNED))
def test_no_field_may_be_missing(field: str) -> None:
    assert_refused({name: said for name, said in SIGNED.items() if name != field})


@given(field=st.text(max_size=40), said=st.text(max_size=40))
def test_no_field_may_be_added(field: str, said: str) -> None:
    assume(field not in SIGNED)
    assert_refused(SIGNED | {field: said})


@given(st.permutations(sorted(SIGNED)))
def test_the_order_is_nobodys_concern(order: list[str]) -> None:
    assert widget_says({name: SIGNED[name] for name in order}, TOKEN, AT).external_id == SIGNED["id"]


def test_a_signature_has_one_spelling_or_a_used_one_would_be_new() -> None:
    assert_refused(SIGNED | {"hash": SIGNED["hash"].upper()})
    assert_refused(SIGNED | {"hash": SIGNED["hash"] + " "})


@pytest.mark.parametrize("id_", ["0", "-5", "05230011842", "5230011842 ", "５", "1" * 20, "5e3", ""])
def test_an_id_is_a_number_in_its_one_spelling_even_if_it_is_signed(id_: str) -> None:
    fields = {"id": id_, "first_name": "Anna", "auth_date": SIGNED["auth_date"]}
    assert_refused(fields | {"hash": widget_hash(fields)})


@pytest.mark.parametrize(
    ("seconds", "taken"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (86_400, False)]
)
def test_it_is_fresh_for_five_minutes(seconds: int, taken: bool) -> None:
    now = datetime.fromtimestamp(int(SIGNED["auth_date"]) + seconds, UTC)
    if taken:
        assert widget_says(SIGNED, TOKEN, now).external_id == SIGNED["id"]
    else:
        assert_refused(SIGNED, now=now)


@pytest.mark.parametrize("when", ["", "soon", "1e12", "-1", "9" * 13, "१७"])
def test_a_time_that_is_none_is_refused_even_if_it_is_signed(when: str) -> None:
    fields = {"id": "5", "first_name": "Anna", "auth_date": when}
    assert_refused(fields | {"hash": widget_hash(fields)})


def test_a_name_with_line_breaks_passes_for_no_other_field() -> None:
    """Signed are lines; were a name allowed two of them, its owner could choose their id."""
    signed = {"auth_date": SIGNED["auth_date"], "first_name": "Mallory\nid=1", "id": "666", "last_name": "M"}
    given_hash = widget_hash(signed)
    forged = {"auth_date": SIGNED["auth_date"], "first_name": "Mallory", "id": "1", "id=666\nlast_name": "M"}
    assert widget_hash(forged) == given_hash  # the very same lines
    assert_refused(forged | {"hash": given_hash})
    assert_refused(signed | {"hash": given_hash})


def test_what_a_mini_app_is_told_opens_nothing() -> None:
    """Its data is signed by the same bot with another key, and lies in the hands of any page in Telegram."""
    fields = {"id": "5", "first_name": "Anna", "auth_date": SIGNED["auth_date"]}
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    key = hmac.digest(b"WebAppData", TOKEN, sha256)
    assert_refused(fields | {"hash": hmac.new(key, lines.encode(), sha256).hexdigest()})


def test_people_leave_for_telegram_with_the_bots_number_and_never_its_token() -> None:
    widget = TelegramWidget(TOKEN, lambda: AT)
    flow = Flow.begin("telegram", "widget", goes_to="", session="", now=AT)
    address = widget.address(flow, "https://chat.example.org/auth/telegram/callback")
    assert address == (
        "https://oauth.telegram.org/auth?bot_id=7000000001&origin=https%3A%2F%2Fchat.example.org"
        "&return_to=https%3A%2F%2Fchat.example.org%2Fauth%2Ftelegram%2Fcallback%3Fstate%3D" + flow.state
    )


async def test_the_state_is_this_flows_and_no_signed_field() -> None:
    widget = TelegramWidget(TOKEN, lambda: AT)
    flow, another = [Flow.begin("telegram", "widget", goes_to="", session="", now=AT) for _ in range(2)]
    came = SIGNED | {"state": flow.state}
    widget.require_own(came, flow)
    assert (await widget.identify(came, flow, "")).external_id == SIGNED["id"]
    for fields in (SIGNED, SIGNED | {"state": ""}, SIGNED | {"state": another.state}):
        with pytest.raises(NotSignedIn):
            widget.require_own(fields, flow)
