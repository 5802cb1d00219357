"""`pulse up` and the commands of the roles: what they say, and how they end."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.commands.conftest import PULSE, Command
from tests.conftest import STREAMS, free_port
from tests.insisting import insist


@contextmanager
def taken(port: str) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", int(port))):
        yield


async def up_and_down(environment: dict[str, str], *meanwhile: str) -> None:
    """`pulse up` until it is ready and a command has ended, then Ctrl-C."""
    process = await asyncio.create_subprocess_exec(*PULSE, "up", env=environment, stdout=PIPE)
    assert process.stdout is not None
    while b"Ctrl-C" not in (line := await process.stdout.readline()):
        assert line, "it ended before it was ready"
    if meanwhile:
        assert (await ended(environment, *meanwhile))[0] == 0
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0


@pytest.mark.parametrize("role", ["up", "desk", "ingest", "push"])
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


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("PULSE_HTTP_PORT", "99999", "PULSE_HTTP_PORT is '99999'; it must be a whole number from 1 to 65535."),
        ("PULSE_HTTP_HOST", "192.0.2.1", "Set PULSE_HTTP_HOST to an address of this machine"),
        ("PULSE_DATA_DIR", "/dev/null", "PULSE_DATA_DIR is '/dev/null', which is a file"),
        ("PULSE_DATA_DIR", "/proc/pulse", "Pulse can't use /proc/pulse"),
        ("PULSE_NATS_MONITOR_URL", "", "so PULSE_NATS_MONITOR_URL must be too"),
    ],
)
async def test_a_bad_setting_ends_the_start_with_one_sentence(
    command: Command, setting: str, value: str, sentence: str
) -> None:
    code, said = await command("up", **{setting: value})
    assert (code, sentence in said, said.count("\n"), "Traceback" in said) == (1, True, 1, False), said


async def test_where_nothing_runs_one_is_first_told_of_the_data_directory(command: Command) -> None:
    code, said = await command("status", PULSE_NATS_URL="", PULSE_DATABASE_URL="")
    assert (code, said.startswith("Pulse is not running here. Set PULSE_DATA_DIR to")) == (1, True), said


async def test_an_unknown_option_is_a_matter_of_usage(command: Command) -> None:
    assert (await command("up", "--loud"))[0] == 2


async def test_read_models_of_another_log_end_the_start_with_a_sentence(
    environment: dict[str, str], command: Command, log: Log
) -> None:
    await command("department", "add", "Sales")
    await command("source", "add", "simulator", "shop", "--department", "Sales")
    await up_and_down(environment)
    await log.api(f"STREAM.DELETE.{log.stream}")
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    code, said = await command("up")
    assert code == 1
    assert "The read models were made from another event log" in said
    assert "TaskGroup" not in said
    assert "Traceback" not in said


async def test_an_older_log_is_refused_and_the_read_models_are_made_anew_where_pulse_cannot_start(
    data_dir: Path,
) -> None:
    place = data_dir / f"older-{free_port()}"
    environment = own_servers(place)
    assert (await ended(environment, "rebuild"))[1].startswith("Pulse is not running here")
    assert not place.exists()
    await up_and_down(environment)
    shutil.copytree(place / "nats", place / "older", symlinks=True)
    await up_and_down(environment, "department", "add", "Sales")
    shutil.rmtree(place / "nats")
    (place / "older").rename(place / "nats")
    code, said = await ended(environment, "up")
    assert (code, "which the event log does not reach" in said) == (1, True), said
    code, said = await ended(environment, "rebuild")
    assert (code, "The read models are made anew" in said) == (0, True), said
    await up_and_down(environment)
    assert family(place) == []


async def ended(environment: dict[str, str], *words: str) -> tuple[int, str]:
    """A command, once it has: its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(*PULSE, *words, env=environment, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def loaded(library: str) -> Callable[[Process, Path], bool]:
    """Has it imported this much?"""
    return lambda process, _: library in Path(f"/proc/{process.pid}/maps").read_text()


def made(file: str) -> Callable[[Process, Path], bool]:
    """Is this much of the data directory there?"""
    return lambda _, data_dir: (data_dir / file).exists()


MOMENTS = {
    "importing": loaded("_ssl"), "imported": loaded("uvloop"), "locked": made("lock"),
    "nats-server": made("logs/nats-server.log"), "initdb": made("postgres/unfinished"), "cluster": made("postgres/cluster"),
    "started": made("addresses.json"), "open": made("keys"), "ready": made("doors.json"),
}  # fmt: skip
SIGNALS = [(signal.SIGINT, moment) for moment in MOMENTS] + [
    (signal.SIGTERM, moment) for moment in ("imported", "initdb", "started")
]


@pytest.mark.parametrize(("number", "moment"), SIGNALS)
async def test_a_start_ends_cleanly_at_any_moment(data_dir: Path, moment: str, number: signal.Signals) -> None:
    place = data_dir / f"ended-{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *PULSE, "up", env=own_servers(place), stdout=PIPE, stderr=STDOUT, start_new_session=True
    )

    async def there() -> bool:
        return MOMENTS[moment](process, place) or process.returncode is not None

    await insist(there, bool, despite=OSError, pause=0)
    os.killpg(process.pid, number)  # as a terminal does it: to everybody in the group
    said, _ = await process.communicate()
    assert process.returncode in {0, -number}, said.decode()
    assert b"Traceback" not in said, said.decode()
    assert family(place) == []
    if (place / "lock").exists():
        with (place / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def own_servers(place: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    ports = {"PULSE_HTTP_PORT": str(free_port()), "PULSE_PUSH_PORT": str(free_port())}
    return {**ours, **ports, "PULSE_DATA_DIR": str(place)}


def family(place: Path) -> list[str]:
    """Living processes that work on a data directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            said = " ".join(process.cmdline())
            if str(place) in said and process.status() != psutil.STATUS_ZOMBIE:
                found.append(said)
    return found


@pytest.mark.parametrize("role", ["desk", "ingest"])
async def test_a_role_tells_once_that_postgres_is_away_and_once_that_it_is_back(
    environment: dict[str, str], addresses: Addresses, database_url: str, role: str
) -> None:
    await up_and_down(environment)  # so that there is something to read
    process = await asyncio.create_subprocess_exec(*PULSE, role, env=environment, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert b"ready" in await process.stdout.readline()
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    close_database(addresses, str(name), closed=True)
    told = await told_until("reads.away", process.stderr)
    close_database(addresses, str(name), closed=False)
    told += await told_until("reads.back", process.stderr)
    process.send_signal(signal.SIGINT)
    told += events(await process.stderr.read())
    assert await process.wait() == 0
    assert told == ["reads.away", "reads.back"]


async def told_until(last: str, stderr: asyncio.StreamReader) -> list[str]:
    """What a process logs, up to and with an event."""
    told: list[str] = []
    while last not in told:
        line = await stderr.readline()
        assert line, told
        told += events(line)
    return told


def events(said: bytes) -> list[str]:
    return [json.loads(line)["event"] for line in said.splitlines() if line.startswith(b"{")]


def close_database(addresses: Addresses, name: str, *, closed: bool) -> None:
    """As an outage looks to one database's clients."""
    with psycopg.connect(addresses.database_url, autocommit=True) as admin:
        allowed = sql.SQL("false" if closed else "true")
        admin.execute(sql.SQL("alter database {} allow_connections {}").format(sql.Identifier(name), allowed))
        if closed:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
