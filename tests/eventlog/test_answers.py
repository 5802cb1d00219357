"""Processes ask each other live: who holds something answers, and nobody is an answer too."""

from __future__ import annotations

import asyncio

import pytest

from pulse.embedded import Addresses
from pulse.errors import LogDown
from pulse.eventlog.jetstream import Log

SUBJECT = "pulse.live.test.answers"


async def test_who_listens_answers_another_process(log: Log, addresses: Addresses) -> None:
    other = await Log.connect(addresses.nats_url, name="other")

    async def answer(asked: bytes) -> bytes:
        return asked.upper()

    listening = await other.answer(SUBJECT, answer)
    assert await log.ask_others(SUBJECT, b"there?") == b"THERE?"
    await listening.unsubscribe()
    await other.close()


async def test_where_nobody_listens_the_answer_is_none_at_once(log: Log) -> None:
    assert await log.ask_others(SUBJECT, b"there?") is None


async def test_a_question_that_takes_time_holds_up_no_other(log: Log) -> None:
    may = asyncio.Event()

    async def answer(asked: bytes) -> bytes:
        if asked == b"slow":
            await may.wait()
        return asked

    listening = await log.answer(SUBJECT, answer)
    slow = asyncio.ensure_future(log.ask_others(SUBJECT, b"slow"))
    assert await log.ask_others(SUBJECT, b"fast") == b"fast"
    assert not slow.done()
    may.set()
    assert await slow == b"slow"
    await listening.unsubscribe()


async def test_without_nats_nobody_can_be_asked(addresses: Addresses) -> None:
    other = await Log.connect(addresses.nats_url, name="other")
    await other.close()
    with pytest.raises(LogDown):
        await other.ask_others(SUBJECT, b"there?")

    async def answer(asked: bytes) -> bytes:
        return asked

    with pytest.raises(LogDown):
        await other.answer(SUBJECT, answer)
