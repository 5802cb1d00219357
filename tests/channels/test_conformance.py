"""Every driver holds what all must hold, and a careless one does not."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from pulse.channels import FILES, Capabilities, Channel, Outgoing
from pulse.channels.arrivals import Arrival
from pulse.channels.calls import MaybeSent, NotNow
from pulse.channels.table import CHANNELS
from tests.channels.conformance import CASES, TOKEN, Case, Conforms
from tests.channels.documented import PIGEON
from tests.fakes.provider import MOODS

Pigeon: Any = PIGEON.driver


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestEveryDriver(Conforms):
    """The laws of `conformance.py`, for each of its cases."""


def test_every_channel_has_its_case_under_its_name() -> None:
    assert {name: case.driver for name, case in CASES.items()} == CHANNELS


class TrustsThoseWithoutProof(Pigeon):
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        if "x-pigeon-signature" in headers:
            super().verify(headers, body)


class StumblesOverProof(Pigeon):
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        bytes.fromhex(headers.get("x-pigeon-signature", ""))
        super().verify(headers, body)


class StumblesOverBodies(Pigeon):
    def read(self, body: bytes) -> list[Arrival]:
        json.loads(body)["kind"]
        return super().read(body)  # type: ignore[no-any-return]


class Counts(Pigeon):
    numbers = itertools.count()

    def read(self, body: bytes) -> list[Arrival]:
        arrivals: list[Arrival] = super().read(body)
        arrivals[0].external_id = str(next(self.numbers))  # type: ignore[misc]
        return arrivals


class Nameless(Pigeon):
    def read(self, body: bytes) -> list[Arrival]:
        arrivals: list[Arrival] = super().read(body)
        arrivals[0].external_id = ""  # type: ignore[misc]
        return arrivals


class KeepsOther(Pigeon):
    def kept(self, body: bytes) -> bytes:
        return body.replace(b"Coo", b"")


class KeepsLess(Pigeon):
    def kept(self, body: bytes) -> bytes:
        return body[:-1]


class AnswersWithItsSource(Pigeon):
    @property
    def answer(self) -> tuple[str, bytes]:
        return "text/plain", self.account.settings["api_url"].encode()


class CarriesNothing(Pigeon):
    capabilities = Capabilities(text_limit=10, file_limit=0, receipts=False, typing=False, kinds=FILES)


class ShowsNoTyping(Pigeon):
    capabilities = Capabilities(text_limit=10, file_limit=0, receipts=False, typing=True)


class Repeats(Pigeon):
    """Takes silence for a refusal, and would send twice."""

    async def send(self, piece: Outgoing) -> str:
        try:
            return await super().send(piece)  # type: ignore[no-any-return]
        except MaybeSent as unclear:
            raise NotNow(unclear.reason) from None


class Doubts(Pigeon):
    """Takes what never left for something that may have arrived."""

    async def send(self, piece: Outgoing) -> str:
        try:
            return await super().send(piece)  # type: ignore[no-any-return]
        except NotNow as away:
            raise MaybeSent(away.reason) from None


class Naive(Pigeon):
    """Passes on what went wrong, as it went wrong, after reading all of it."""

    async def send(self, piece: Outgoing) -> str:
        answer = await self.http.post(self.account.settings["api_url"], json={"text": piece.text})
        return str(answer.json()["id"])


class Chatty(Pigeon):
    """Puts its token into the address, which errors quote and httpx2 logs."""

    async def send(self, piece: Outgoing) -> str:
        await self._post(f"/{TOKEN.decode()}", {"text": piece.text})
        return "1"


class QuotesAnswers(Pigeon):
    async def send(self, piece: Outgoing) -> str:
        _, body = await self._post("/", {"text": piece.text})
        raise NotNow(f"Pigeon says: {body.decode(errors='replace')}")


class Greedy(Pigeon):
    async def send(self, piece: Outgoing) -> str:
        with contextlib.suppress(httpx2.HTTPError):
            await self.http.post(self.account.settings["api_url"])
        raise MaybeSent("Who knows.")


class Follows(Pigeon):
    async def send(self, piece: Outgoing) -> str:
        await self.http.post(self.account.settings["api_url"], follow_redirects=True)
        raise MaybeSent("Who knows.")


class SendsInSilence(Pigeon):
    async def send(self, piece: Outgoing) -> str:
        return "1"


ANSWERS = "test_whatever_a_provider_answers_ends_as_calls_end"
CARELESS: list[tuple[type[Channel], str, dict[str, Any]]] = [
    (TrustsThoseWithoutProof, "test_a_stranger_is_never_let_in_and_breaks_nothing", {}),
    (StumblesOverProof, "test_a_stranger_is_never_let_in_and_breaks_nothing", {}),
    (StumblesOverBodies, "test_a_hostile_body_reads_or_is_unreadable_and_nothing_else", {}),
    (Counts, "test_the_same_body_always_reads_the_same_in_any_process", {}),
    (Nameless, "test_the_same_body_always_reads_the_same_in_any_process", {}),
    (KeepsOther, "test_what_is_kept_reads_the_same_and_stays_as_it_is", {}),
    (KeepsLess, "test_what_is_kept_reads_the_same_and_stays_as_it_is", {}),
    (AnswersWithItsSource, "test_the_answer_is_a_constant", {}),
    (CarriesNothing, "test_its_capabilities_are_sane", {}),
    (ShowsNoTyping, "test_its_capabilities_are_sane", {}),
    (Repeats, "test_words_without_an_answer_may_have_arrived", {}),
    (Doubts, "test_a_provider_that_cannot_be_reached_took_nothing", {}),
    (SendsInSilence, "test_a_process_that_does_not_send_says_so", {}),
    (Naive, ANSWERS, {"mood": MOODS["not JSON"]}),
    (Naive, ANSWERS, {"mood": MOODS["it hangs up"]}),
    (Chatty, ANSWERS, {"mood": MOODS["no body"]}),
    (QuotesAnswers, ANSWERS, {"mood": MOODS["it quotes what it refused"]}),
    (Greedy, ANSWERS, {"mood": MOODS["it has no end"]}),
    (Follows, ANSWERS, {"mood": MOODS["a redirect"]}),
]


@pytest.mark.parametrize(("driver", "name", "more"), CARELESS, ids=lambda it: getattr(it, "__name__", None))
async def test_a_careless_driver_is_found_out(
    driver: type[Channel], name: str, more: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(driver, PIGEON.bodies, PIGEON.signed, PIGEON.peer)
    if name == ANSWERS:
        more = {**more, "caplog": caplog}

    async def tried() -> None:
        tested = getattr(Conforms(), name)(case=case, **more)
        if tested is not None:
            await tested

    with pytest.raises((Exception, pytest.fail.Exception)):
        await tried()
