"""What every driver must hold, whatever strangers and providers send. A new driver passes it with a line in `CASES`.

`Conforms` is a class of tests; `test_conformance.py` runs it for every case, and for the driver that docs/channels.md
shows.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from pulse.channels import FILES, Account, Channel, File, Located, Outgoing, Unreadable
from pulse.channels.calls import CallFailed, MaybeSent, NotNow
from pulse.channels.pieces import pieces_of
from pulse.channels.simulator import Simulator
from pulse.channels.telegram import Telegram
from pulse.channels.vk import Vk
from pulse.channels.web import Web
from pulse.errors import BadInput, NotAuthentic
from pulse.message import Attachment
from pulse.texts import length_in
from tests.channels.recorded import JSON, all_recorded, reads_or_refuses, spoiled
from tests.fakes.provider import MOODS, Mood, a_provider

SECRET, TOKEN = b"PLANTED_webhook_secret", b"7000000001:PLANTED-token"
NOWHERE = "http://127.0.0.1:1"

# What a driver gets that asks for the proof of a body: the same delivery as somebody with that secret would post it.
Signed = Callable[[bytes, bytes], tuple[Mapping[str, str], bytes]]


@dataclass(frozen=True, slots=True)
class Case:
    """A driver and what it is tried with.

    `bodies` are recorded deliveries by name, bad ones too. `signed(secret, body)` gives the headers and the body as
    whoever knows `secret` posts them; None where the webhook's address takes nothing. `peer` is somebody to write to,
    `ref` a file to look for. `calls`: sending calls somebody, at the setting `api_url`.
    """

    driver: type[Channel]
    bodies: Mapping[str, bytes]
    signed: Signed | None
    peer: str
    identifier: str = "1"
    ref: str = "a file"
    calls: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    def made(self, api_url: str = NOWHERE, http: httpx2.AsyncClient | None = None) -> Channel:
        """The driver of an account with the planted secrets, whose provider is at `api_url`."""
        known = {"secret": SECRET, "token": TOKEN}
        return self.driver(Account(UUID(int=7), self.identifier, {"api_url": api_url, **self.settings}, known), http)


def in_header(name: str) -> Signed:
    """The secret comes as it is in a header."""
    return lambda secret, body: ({name: secret.decode()}, body)


def in_vks_body(secret: bytes, body: bytes) -> tuple[Mapping[str, str], bytes]:
    return {}, body.replace(b"pulse_demo_secret_Q7", secret)


SIMULATED: tuple[dict[str, Any], ...] = (
    {"from": "vera", "message": "Hello", "type": "text", "message_id": "m1", "timestamp": 1795165200},
    {"from": 7, "type": "image", "message": "Look", "media_url": "https://example.com/1", "file_name": "one"},
    {"from": 7, "type": "location", "latitude": 59.9, "longitude": 30},
    {"from": 7, "type": "edit", "message": "Hi", "message_id": "m1", "timestamp": "2026-11-20T09:00:00Z"},
    {"from": 7, "type": "read", "message_id": "m1"},
    {"from": 7, "type": "delivered", "message_id": "m1"},
    {"from": 7, "type": "typing"},
    {"message": "from nobody"},
)

CASES: dict[str, Case] = {
    "telegram": Case(
        Telegram, all_recorded("telegram"), in_header("x-telegram-bot-api-secret-token"), peer="5230011842",
        identifier="7000000001",
    ),
    "vk": Case(
        Vk, all_recorded("vk"), in_vks_body, peer="615550142", identifier="219900123",
        ref="https://sun9-18.userapi.com/a.jpg", settings={"confirmation": "a1b2c3d4"},
    ),
    "simulator": Case(
        Simulator, {str(n): orjson.dumps(body) for n, body in enumerate(SIMULATED)}, in_header("x-pulse-secret"),
        peer="vera", calls=False,
    ),
    "web": Case(
        Web, {"a widget's post": b'{"text": "Hello", "clientMsgId": "c1"}'}, None, peer="visitor-1", calls=False
    ),
}  # fmt: skip

OFTEN = settings(
    max_examples=100, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],  # one class, many cases
)  # fmt: skip
ODD_BYTES = [b"\0", b"\\u0000", b"\xff", b"\\ud800", b"NaN", b"1e999", b"[" * 2000, b"{", b'"', b"", b"9" * 400]
DEEP = [opened * depth for opened in (b"[", b'{"message":', b'{"object":') for depth in (300, 1100, 100_000)]


def parsed(bodies: Mapping[str, bytes]) -> list[Any]:
    """Those that are JSON."""
    found = []
    for body in bodies.values():
        try:
            found.append(orjson.loads(body))
        except orjson.JSONDecodeError:
            continue
    return found


@st.composite
def mutated(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """A body that ends early, or has something in it that should not be there."""
    body = draw(st.sampled_from(bodies))
    at = draw(st.integers(0, len(body)))
    if draw(st.booleans()):
        return body[:at]
    return body[:at] + draw(st.sampled_from(ODD_BYTES)) + body[at + draw(st.integers(0, 3)) :]


def hostile(bodies: Mapping[str, bytes]) -> st.SearchStrategy[bytes]:
    """Bodies that nobody should send."""
    odd = JSON.map(lambda body: json.dumps(body).encode())
    found = [mutated(list(bodies.values())), odd, st.binary(max_size=60), st.sampled_from(DEEP)]
    return st.one_of(*found, *([spoiled(known)] if (known := parsed(bodies)) else []))


def is_let_in(driver: Channel, headers: Mapping[str, str], body: bytes) -> bool:
    """Whatever is refused, is refused with NotAuthentic or BadInput."""
    try:
        driver.verify(headers, body)
    except (NotAuthentic, BadInput):
        return False
    return True


def read_or_not(driver: Channel, body: bytes) -> object:
    try:
        return driver.read(body)
    except Unreadable as unreadable:
        return str(unreadable)


async def failure_of(call: Callable[[], Awaitable[object]]) -> CallFailed | None:
    """How a call failed; whatever else it raises, fails the test."""
    try:
        await call()
    except CallFailed as failed:
        return failed
    return None


def pieces(case: Case) -> list[Outgoing]:
    """Words, plain words, and a file of every kind that the channel takes."""
    words = Outgoing(case.peer, 7, "Good day")
    files = [File(kind, f"{kind}.bin", "image/png", b"content") for kind in sorted(case.driver.capabilities.kinds)]
    plain = [Outgoing(case.peer, 8, "Good day", plain=True), *(Outgoing(case.peer, 9, "", file) for file in files[:1])]
    return [words, *plain, *(Outgoing(case.peer, 10, "Look", file, group=True) for file in files)]


def calls_of(driver: Channel, case: Case) -> list[Callable[[], Awaitable[object]]]:
    """Everything that can be asked of a driver on the way out."""
    refs = (case.ref, "", "../../etc/passwd", "http://169.254.169.254/", "http://[", "x" * 5000)
    return [
        *(partial(driver.send, piece) for piece in pieces(case)), partial(driver.show_typing, case.peer),
        partial(driver.profile, case.peer), *(partial(driver.locate, ref) for ref in refs),
    ]  # fmt: skip


def shown(failed: BaseException) -> str:
    """All that anybody may write down of an error, and of those behind it."""
    behind = [one for one in (failed.__cause__, failed.__context__) if one is not None]
    own = [str(failed), repr(failed), repr(vars(failed)), *traceback.format_exception(failed)]
    return "".join([*own, *map(shown, behind)])


class Conforms:
    """A class of tests takes `case` by parametrization; see `test_conformance.py`."""

    # Coming in

    def test_a_delivery_with_the_secret_is_let_in(self, case: Case) -> None:
        let_in = [is_let_in(case.made(), *case.signed(SECRET, body)) for body in case.bodies.values() if case.signed]
        assert any(let_in) or case.signed is None

    def test_the_same_delivery_with_another_secret_is_not_authentic(self, case: Case) -> None:
        for body in case.bodies.values():
            for secret in (b"wrong", b"", SECRET[:-1], SECRET + b"x"):
                headers, posted = ({}, body) if case.signed is None else case.signed(secret, body)
                if case.signed is None or is_let_in(case.made(), *case.signed(SECRET, body)):
                    with pytest.raises(NotAuthentic):
                        case.made().verify(headers, posted)

    @given(data=st.data())
    @OFTEN
    def test_a_stranger_is_never_let_in_and_breaks_nothing(self, case: Case, data: st.DataObject) -> None:
        forged = {name: (case.signed or in_header("x"))(b"wrong", body) for name, body in case.bodies.items()}
        body = data.draw(hostile({name: posted for name, (_, posted) in forged.items()}))
        names = {name for headers, _ in forged.values() for name in headers}
        said = {name: data.draw(st.text(st.characters(max_codepoint=255), max_size=20)) for name in names}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
        assert not is_let_in(case.made(), Headers(raw=raw), body)
        assert not is_let_in(case.made(), Headers(), body)

    def test_the_same_body_always_reads_the_same_in_any_process(self, case: Case) -> None:
        for body in case.bodies.values():
            reads_or_refuses(case.made(), body)
            driver = case.made()
            assert read_or_not(driver, body) == read_or_not(case.made("https://other.example/"), body)
            assert read_or_not(driver, body) == read_or_not(driver, body)

    def test_recorded_deliveries_read(self, case: Case) -> None:
        read = [read_or_not(case.made(), body) for body in case.bodies.values()]
        assert any(isinstance(arrivals, list) for arrivals in read) or case.signed is None

    @given(data=st.data())
    @OFTEN
    def test_a_hostile_body_reads_or_is_unreadable_and_nothing_else(self, case: Case, data: st.DataObject) -> None:
        reads_or_refuses(case.made(), data.draw(hostile(case.bodies)))

    @given(data=st.data())
    @OFTEN
    def test_what_is_kept_reads_the_same_and_stays_as_it_is(self, case: Case, data: st.DataObject) -> None:
        driver, signed = case.made(), case.signed or in_header("x")
        sent = [st.sampled_from(list(case.bodies.values())), hostile(case.bodies)]
        headers, body = signed(SECRET, data.draw(st.one_of(*sent)))
        if not is_let_in(driver, headers, body):
            return
        kept = driver.kept(body)
        assert driver.kept(kept) == kept
        assert read_or_not(driver, kept) == read_or_not(driver, body)

    def test_no_secret_is_kept(self, case: Case) -> None:
        for body in case.bodies.values():
            headers, posted = (case.signed or in_header("x"))(SECRET, body)
            if is_let_in(case.made(), headers, posted):
                assert SECRET not in case.made().kept(posted)

    def test_the_answer_is_a_constant(self, case: Case) -> None:
        media_type, words = case.made().answer
        assert case.made("https://other.example/").answer is case.driver.answer
        assert isinstance(words, bytes)
        assert "/" in media_type

    # What it can do

    def test_its_capabilities_are_sane(self, case: Case) -> None:
        can = case.driver.capabilities
        assert can.text_limit >= 2  # what a text can be cut into
        assert can.units in ("utf-16", "characters")
        assert can.kinds <= FILES
        assert (can.file_limit > 0) == bool(can.kinds)
        assert can.file_limit >= 0
        assert 0 <= can.caption_limit <= can.text_limit
        assert can.kinds or not can.caption_limit
        assert can.repeat_seconds >= 0
        for speed in (can.per_second, can.per_peer, can.per_group_minute):
            assert speed > 0
            assert isfinite(speed)
        assert can.per_group_minute >= 1
        assert can.typing == (case.driver.show_typing is not Channel.show_typing)
        assert can.profiles == (case.driver.profile is not Channel.profile)

    @given(text=st.text(min_size=1, max_size=12), fill=st.sampled_from([0.5, 1, 1.01, 2.5]), count=st.integers(0, 3))
    @settings(OFTEN, max_examples=15)
    def test_no_piece_is_beyond_its_limits(self, case: Case, text: str, fill: float, count: int) -> None:
        can = case.driver.capabilities
        text *= max(1, int(can.text_limit * fill / length_in(text, can.units)))
        files = tuple(Attachment(kind) for kind in sorted(can.kinds)[:count])
        for words, file in pieces_of(can, text, files):
            assert length_in(words, can.units) <= (can.caption_limit if file else can.text_limit)

    # Going out

    async def test_a_process_that_does_not_send_says_so(self, case: Case) -> None:
        if case.calls:
            with pytest.raises(AssertionError, match="this process does not send"):
                await case.made(http=None).send(pieces(case)[0])
        else:
            await case.made(http=None).send(pieces(case)[0])

    async def test_a_provider_that_cannot_be_reached_took_nothing(self, case: Case) -> None:
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            driver = case.made(NOWHERE, http)
            for piece in pieces(case):
                failed = await failure_of(partial(driver.send, piece))
                assert isinstance(failed, NotNow) == case.calls
            for call in calls_of(driver, case):
                await failure_of(call)

    async def test_words_without_an_answer_may_have_arrived(self, case: Case) -> None:
        async with a_provider(MOODS["it hangs up"]) as provider, httpx2.AsyncClient(timeout=5) as http:
            failed = await failure_of(partial(case.made(provider.address, http).send, pieces(case)[0]))
            assert isinstance(failed, MaybeSent) == bool(provider.asked) == case.calls

    @pytest.mark.parametrize("mood", MOODS.values(), ids=MOODS)
    async def test_whatever_a_provider_answers_ends_as_calls_end(
        self, case: Case, mood: Mood, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In time, as `channels/calls.py` says, in words that Postgres can store and that hold no secret."""
        caplog.set_level(logging.DEBUG)
        hasty = httpx2.Timeout(5, read=0.2 if mood.held else 5)
        told: list[str] = []
        async with a_provider(mood) as provider, httpx2.AsyncClient(timeout=hasty) as http:
            driver = case.made(provider.address, http)
            for call in calls_of(driver, case):
                before = len(provider.asked)
                failed = await failure_of(call)
                was_asked = len(provider.asked) > before
                assert failed or not was_asked or not mood.plainly_bad
                if failed is not None:
                    assert failed.reason.strip()
                    assert "\0" not in failed.reason + failed.provider_code
                    told.append(shown(failed))
            told += [repr(driver), str(driver), repr(driver.account)]
        assert "/elsewhere" not in provider.asked
        assert not provider.drained
        logged = [record for record in caplog.records if not record.name.startswith("uvicorn")]
        told += [record.getMessage() + repr(vars(record)) for record in logged]
        for secret in (SECRET, TOKEN, TOKEN.partition(b":")[2]):
            assert secret.decode() not in "\n".join(told)

    async def test_where_a_file_lies_is_not_printed(self, case: Case) -> None:
        """Its address may hold the token."""
        assert TOKEN.decode() not in repr(Located(f"https://example.com/bot{TOKEN.decode()}/a"))
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            await failure_of(partial(case.made(NOWHERE, http).locate, case.ref))
