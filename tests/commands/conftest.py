"""The `pulse` command as a process, against the tests' own servers."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import free_port

PULSE = [sys.executable, "-m", "pulse.cli"]
Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def environment(addresses: Addresses, log: Log, database_url: str, tmp_path: Path) -> dict[str, str]:
    """An empty log, an empty database and free ports."""
    return {
        **os.environ, "PULSE_DATA_DIR": str(tmp_path), "PULSE_NATS_URL": addresses.nats_url,
        "PULSE_NATS_MONITOR_URL": addresses.nats_monitor_url, "PULSE_DATABASE_URL": database_url,
        "PULSE_HTTP_PORT": str(free_port()), "PULSE_PUSH_PORT": str(free_port()),
    }  # fmt: skip


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """Runs a command to its end: its exit code and all it said. `typed` is piped in."""

    async def run(*words: str, typed: str = "", **more: str) -> tuple[int, str]:
        done = await asyncio.create_subprocess_exec(
            *PULSE, *words, env=environment | more, stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await done.communicate(typed.encode())
        return done.returncode or 0, said.decode()

    return run
