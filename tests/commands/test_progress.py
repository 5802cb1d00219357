"""How far a long start or rebuild is: shown to whoever looks at a terminal, and to nobody else."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from pulse.eventlog.jetstream import Log
from tests.commands.conftest import PULSE
from tests.commands.test_up import up_and_down
from tests.projections.conftest import append
from tests.projections.told import Told, a_chat_of

EVENTS = 1200  # more than one page


class Terminal:
    """Where a process' standard error goes when somebody looks at it."""

    def __init__(self) -> None:
        self._screen, self.line = pty.openpty()
        self._said = b""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._screen, self._on_more)

    async def shows(self, words: str) -> None:
        """Returns when these words were on the screen."""
        while words.encode() not in self._said:
            self._more.clear()
            await self._more.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._screen)
        os.close(self._screen)
        os.close(self.line)

    def _on_more(self) -> None:
        self._said += os.read(self._screen, 1 << 16)
        self._more.set()


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.fixture
async def behind(environment: dict[str, str], log: Log) -> None:
    """Read models that have yet to take in a long log."""
    await up_and_down(environment)
    told = Told()
    for number in range(EVENTS):
        told.of(a_chat_of(str(number), None))
    assert await append(log, told) == EVENTS


@asynccontextmanager
async def held(database_url: str) -> AsyncIterator[None]:
    """Nobody can write the read models, or put others in their place, until the block ends."""
    async with await psycopg.AsyncConnection.connect(database_url) as writer:
        await writer.execute("lock table read.checkpoint in share row exclusive mode")
        yield


async def started(environment: dict[str, str], words: str, stderr: int) -> Process:
    seen = environment | {"TERM": "xterm", "COLUMNS": "120"}
    return await asyncio.create_subprocess_exec(*PULSE, *words.split(), env=seen, stdout=PIPE, stderr=stderr)


async def ended(process: Process) -> bytes:
    """Waits until it says what it has to say and, where it serves, ends it. What it said to a pipe."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if b"Ctrl-C" in line:
            process.send_signal(signal.SIGINT)
    said = await process.stderr.read() if process.stderr else b""
    assert await process.wait() == 0
    return said


@pytest.mark.parametrize(
    ("command", "shown"),
    [("up", f"Catching up … 0 of {EVENTS:,} events"), ("rebuild", f"models … {EVENTS:,} of {EVENTS:,}")],
)
async def test_a_terminal_shows_how_far_it_is(
    environment: dict[str, str], database_url: str, behind: None, terminal: Terminal, command: str, shown: str
) -> None:
    async with held(database_url):
        process = await started(environment, command, terminal.line)
        await terminal.shows(shown)
    await ended(process)


async def test_a_terminal_shows_that_deliveries_are_looked_for(
    environment: dict[str, str], database_url: str, behind: None, terminal: Terminal
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as writer:
        await writer.execute("lock table read.deliveries in access exclusive mode")
        process = await started(environment, "deliveries again", terminal.line)
        await terminal.shows("Looking for deliveries …")
    await ended(process)


@pytest.mark.parametrize("command", ["up", "rebuild", "deliveries again"])
async def test_a_pipe_gets_nothing_of_it(environment: dict[str, str], behind: None, command: str) -> None:
    assert await ended(await started(environment, command, PIPE)) == b""
