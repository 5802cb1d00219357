"""Chats wait for a worker: each once, and never with two of them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from pulse.delivery.waiting import Waiting

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def nobody_waits(waiting: Waiting) -> bool:
    taking = waiting.take()
    try:
        taking.send(None)
    except StopIteration:
        return False
    finally:
        taking.close()
    return True


async def test_a_chat_that_is_put_twice_waits_once(waiting: Waiting) -> None:
    for chat in (ONE, TWO, ONE):
        waiting.put(chat)
    assert [await waiting.take(), await waiting.take()] == [ONE, TWO]
    assert nobody_waits(waiting)


async def test_a_chat_that_is_put_while_a_worker_has_it_waits_again_when_that_is_over(waiting: Waiting) -> None:
    waiting.put(ONE)
    assert await waiting.take() == ONE
    waiting.put(ONE)
    assert nobody_waits(waiting)
    waiting.over(ONE)
    assert await waiting.take() == ONE
    waiting.over(ONE)
    assert nobody_waits(waiting)


async def test_a_chat_that_is_put_sooner_is_not_put_later_as_well(waiting: Waiting) -> None:
    waiting.put_later(ONE, 0)
    waiting.put(ONE)
    waiting.put_later(TWO, 0)
    assert [await waiting.take(), await waiting.take()] == [ONE, TWO]
    waiting.over(ONE)
    assert nobody_waits(waiting)


async def test_after_the_end_nobody_is_put_later(waiting: Waiting) -> None:
    waiting.put_later(ONE, 0)
    waiting.end()
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0, passed.set_result, None)
    await passed
    assert nobody_waits(waiting)
