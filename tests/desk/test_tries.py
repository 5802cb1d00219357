"""How often a password may be tried: rows that a restart keeps, and that lock out nobody who is in the right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import orjson
import pytest

from pulse.desk.tries import ACCOUNT, ADDRESS, CODES, GUESSER, Knock, TooManyTries, Tries
from pulse.errors import TryLater
from pulse.house import now
from pulse.http import problem
from pulse.projections.reads import Reads
from tests.conftest import Pulse

NOW, AT_ONCE = now(), timedelta(0)


@pytest.fixture
async def reads(shared: Pulse) -> AsyncIterator[Reads]:
    async with Reads.open(shared.house.addresses.database_url, shared.house.log) as opened:
        yield opened


def a_knock(use: str = "password") -> Knock:
    """Somebody's account, tried from a network of a test's own."""
    return Knock(uuid4(), f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1", use=use)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


async def waits(tries: Tries, knock: Knock, at: timedelta = AT_ONCE) -> int:
    """How long it has to wait; 0: it was counted."""
    try:
        await tries.require(knock, NOW + at)
    except TooManyTries as refused:
        return refused.retry_after
    return 0


async def test_a_guesser_waits_longer_and_longer(reads: Reads) -> None:
    tries, knock, at = Tries(reads), a_knock(), AT_ONCE
    assert [await waits(tries, knock) for _ in range(GUESSER.free)] == [0] * GUESSER.free
    for expected in (15, 30, 60, 120, 240, 480, 900, 900, 900):
        waited = await waits(tries, knock, at)
        assert waited in (expected, expected + 1)
        assert await waits(tries, knock, at) == waited, "whoever is refused is not made to wait longer"
        at += seconds(expected)
        assert await waits(tries, knock, at) == 0


async def test_many_guesses_at_once_are_counted_one_by_one(reads: Reads) -> None:
    tries, knock = Tries(reads), a_knock()
    waited = await asyncio.gather(*(waits(tries, knock) for _ in range(30)))
    assert waited.count(0) == GUESSER.free


async def test_a_restart_and_another_process_forget_nothing(reads: Reads, shared: Pulse) -> None:
    knock = a_knock()
    for _ in range(GUESSER.free):
        await waits(Tries(reads), knock)
    async with Reads.open(shared.house.addresses.database_url, shared.house.log) as another:
        assert await waits(Tries(another), knock) > 0


async def test_a_stranger_locks_out_their_own_network_only(reads: Reads) -> None:
    tries, stranger = Tries(reads), a_knock()
    for _ in range(GUESSER.free):
        await waits(tries, stranger)
    assert await waits(tries, stranger) > 0
    assert await waits(tries, replace(stranger, address="192.0.2.1")) == 0
    assert await waits(tries, replace(stranger, account=uuid4())) == 0


async def test_strangers_from_everywhere_dont_hold_up_a_browser_that_signed_in_before(reads: Reads) -> None:
    tries, anna = Tries(reads), a_knock()
    for number in range(ACCOUNT.free):
        assert await waits(tries, replace(anna, address=f"198.51.{number}.1")) == 0
    assert await waits(tries, replace(anna, address="203.0.113.1")) in (60, 61)
    hers = replace(anna, address="203.0.113.1", device=uuid4())
    assert [await waits(tries, hers) for _ in range(GUESSER.free)] == [0] * GUESSER.free
    assert await waits(tries, hers) > 0, "a stolen browser's cookie is no way to guess"


async def test_an_address_counts_whichever_account_it_tries(reads: Reads) -> None:
    tries, first = Tries(reads), a_knock()
    for _ in range(ADDRESS.free):
        assert await waits(tries, replace(first, account=uuid4())) == 0
    assert await waits(tries, replace(first, account=uuid4(), address=first.address + "2")) == 1
    assert await waits(tries, replace(first, account=uuid4()), seconds(1)) == 0


async def test_whoever_was_right_has_not_guessed(reads: Reads) -> None:
    tries, knock = Tries(reads), a_knock()
    for _ in range(3 * GUESSER.free):
        await tries.require(knock, NOW)
        await tries.succeeded(knock, NOW)
    for _ in range(GUESSER.free):
        assert await waits(tries, knock) == 0
    assert await waits(tries, knock) > 0


async def test_a_day_later_it_begins_anew(reads: Reads) -> None:
    tries, knock = Tries(reads), a_knock()
    for _ in range(GUESSER.free):
        await waits(tries, knock)
    tomorrow = seconds(GUESSER.forget + 1)
    assert [await waits(tries, knock, tomorrow) for _ in range(GUESSER.free)] == [0] * GUESSER.free


async def test_codes_are_counted_apart_from_passwords_and_more_slowly(reads: Reads) -> None:
    tries, knock = Tries(reads), a_knock("code")
    for number in range(CODES.free):
        assert await waits(tries, replace(knock, address=f"198.51.{number}.2")) == 0
    assert await waits(tries, replace(knock, address="203.0.113.2")) in (60, 61)
    assert await waits(tries, replace(knock, address="203.0.113.2", use="password")) == 0


def test_who_has_to_wait_is_told_how_long() -> None:
    told = problem(TooManyTries(42))
    assert (told.status_code, told.headers["retry-after"]) == (429, "42")
    assert orjson.loads(told.body)["retry_after"] == 42


async def test_header_and_body_of_a_guesser_say_the_same(reads: Reads) -> None:
    tries, knock = Tries(reads), a_knock()
    for _ in range(GUESSER.free):
        await tries.require(knock, NOW)
    with pytest.raises(TooManyTries) as refused:
        await tries.require(knock, NOW)
    told = problem(refused.value)
    assert told.headers["retry-after"] == str(orjson.loads(told.body)["retry_after"]) != str(TryLater.retry_after)
