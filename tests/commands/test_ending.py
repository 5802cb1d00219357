"""How a process takes Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from pulse.commands.ending import EndedEarly, Ending


@pytest.fixture
def ending() -> Iterator[Ending]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Ending()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_raises_nothing_until_it_is_asked_for(ending: Ending, number: signal.Signals) -> None:
    ending.leave_early()
    signal.raise_signal(number)
    with pytest.raises(EndedEarly):
        ending.leave_early()
    ending.leave_early()  # what cleans up is left alone


def test_what_was_wanted_before_the_loop_began_ends_it_at_once(ending: Ending) -> None:
    signal.raise_signal(signal.SIGINT)
    ending.run(asyncio.Event().wait())


def test_what_is_wanted_while_it_runs_ends_it(ending: Ending) -> None:
    closed = []

    async def serving() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("cleanly")

    ending.run(serving())
    assert closed == ["cleanly"]


def test_a_cancellation_that_was_lost_is_asked_for_again(ending: Ending) -> None:
    async def serving() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ending.insist()
        await asyncio.Event().wait()

    ending.run(serving())
