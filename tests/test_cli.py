"""The `pulse` command as a process, against the tests' own servers: what it says, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulse.cli import _print
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS, free_port

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
    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.create_subprocess_exec(*PULSE, *words, env=environment, stdout=PIPE, stderr=STDOUT)
        said, _ = await done.communicate()
        return done.returncode or 0, said.decode()

    return run


@contextmanager
def taken(port: str) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", int(port))):
        yield


async def up_and_down(environment: dict[str, str]) -> None:
    """`pulse up` until it is ready, then Ctrl-C."""
    process = await asyncio.create_subprocess_exec(*PULSE, "up", env=environment, stdout=PIPE)
    assert process.stdout is not None
    while b"Ctrl-C" not in (line := await process.stdout.readline()):
        assert line, "it ended before it was ready"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0


async def test_a_source_that_is_connected_gets_no_second_secret(command: Command, log: Log) -> None:
    add = ("source", "add", "simulator", "shop", "--json", "--department")
    code, said = await command(*add, "Sales")
    assert (code, bool(json.loads(said)["secret"])) == (0, True)
    before = await log.last_position()
    code, said = await command(*add, "Another")
    assert (code, said) == (1, "simulator shop is already connected; nothing was changed.\n")
    assert await log.last_position() == before


async def test_a_person_who_has_an_account_gets_no_second_password(command: Command, log: Log) -> None:
    add = ("user", "add", "nina@pulse.example", "Nina", "--json", "--department")
    code, said = await command(*add, "Sales")
    assert (code, bool(json.loads(said)["password"])) == (0, True)
    before = await log.last_position()
    code, said = await command(*add, "Another")
    assert (code, said) == (1, "nina@pulse.example has an account already; nothing was changed.\n")
    assert await log.last_position() == before


def test_a_secret_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "[bold]x[/bold] " + 200 * "s"
    _print({"secret": secret}, as_json=False)
    assert capsys.readouterr().out == f"{'secret':14} {secret}\n"


@pytest.mark.parametrize("role", ["up", "desk", "ingest"])
async def test_a_taken_http_port_is_named_with_its_setting(
    environment: dict[str, str], command: Command, role: str
) -> None:
    port = environment["PULSE_HTTP_PORT"]
    with taken(port):
        code, said = await command(role)
    sentence = f"Port {port} is taken by another program. Stop it, or set PULSE_HTTP_PORT to a free port."
    assert (code, said) == (1, sentence + "\n")


@pytest.mark.parametrize("role", ["up", "push"])
async def test_a_taken_push_port_is_named_with_its_setting(
    environment: dict[str, str], command: Command, role: str
) -> None:
    port = environment["PULSE_PUSH_PORT"]
    with taken(port):
        code, said = await command(role)
    sentence = f"Port {port} is taken by another program. Stop it, or set PULSE_PUSH_PORT to a free port."
    assert (code, said) == (1, sentence + "\n")


async def test_read_models_of_another_log_end_the_start_with_a_sentence(
    environment: dict[str, str], command: Command, log: Log
) -> None:
    await command("source", "add", "simulator", "shop", "--department", "Sales")
    await up_and_down(environment)
    await log.api(f"STREAM.DELETE.{log.stream}")
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    code, said = await command("up")
    assert code == 1
    assert "The read models were made from another event log" in said
    assert "TaskGroup" not in said
    assert "Traceback" not in said
