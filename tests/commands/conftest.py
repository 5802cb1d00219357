"""The `pulse` command as a process, against the tests' own servers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.commands.forked import run_to_end
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
def command(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs a command to its end: its exit code and all it said. `typed` is piped in."""

    async def run(*words: str, typed: str = "", **more: str) -> tuple[int, str]:
        place = tmp_path_factory.mktemp("command")
        return await asyncio.to_thread(run_to_end, words, environment | more, typed, place)

    return run
