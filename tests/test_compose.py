"""compose.yaml and the Dockerfile, as far as they can be tried without containers: the same commands and settings."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from pulse.embedded.nats import nats_binary
from pulse.house import NATS_FOLDER
from pulse.settings import Settings
from pulse.wiring import ROLES
from tests.commands.conftest import PULSE
from tests.conftest import free_port

CLONE = Path(__file__).parents[1]
COMPOSE = (CLONE / "compose.yaml").read_text()
PASSWORD = "12345678901234567890"  # digits only: nats-server takes such a one for a number unless it is quoted


def test_every_role_has_its_service_and_every_setting_exists() -> None:
    assert sorted(re.findall(r'command: \["pulse", "(\w+)"\]', COMPOSE)) == sorted(ROLES)
    assert {name.removeprefix("PULSE_").lower() for name in settings()} < set(Settings.model_fields)


def test_every_file_that_is_copied_or_mounted_exists() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (CLONE / "Dockerfile").read_text(), re.MULTILINE)
    mounted = re.findall(r'"(\./[^:]+):', COMPOSE)
    assert mounted
    for file in [*" ".join(copied).split(), *mounted]:
        assert (CLONE / file).exists(), file


async def test_all_roles_become_healthy_on_the_servers_it_configures(tmp_path: Path, database_url: str) -> None:
    """Each setting as compose.yaml gives it, but for names of hosts; each health check is run as it stands there."""
    async with nats_server(tmp_path) as (port, monitor), AsyncExitStack() as stack:
        # The projector first: what the others read is not there before.
        for role, http, push in (
            (role, free_port(), free_port()) for role in ("project", "ingest", "desk", "push", "deliver")
        ):
            hosts = {"@nats:4222": f"@127.0.0.1:{port}", "http://nats:8222": f"http://127.0.0.1:{monitor}"}
            given = {name: replaced(value, hosts) for name, value in settings().items()}
            given |= {"PULSE_DATABASE_URL": database_url, "PULSE_DATA_DIR": str(tmp_path / "files")}
            given |= {"PULSE_HTTP_PORT": str(http), "PULSE_PUSH_PORT": str(push)}
            await stack.enter_async_context(running([*PULSE, role], os.environ | given))
            if role not in {"project", "deliver"}:
                assert await healthy(*((8001, push) if role == "push" else (8000, http)))


def settings() -> dict[str, str]:
    """What compose.yaml sets for Pulse, with a password for each that it asks for and defaults where it has some."""
    found = dict(re.findall(r"^    (PULSE_\w+): (\S.*)$", COMPOSE, re.MULTILINE))
    found = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in found.items()}
    found["PULSE_MASTER_KEY"] = "ab" * 32
    return {name: re.sub(r"\$\{\w+:\?.*?\}", PASSWORD, value) for name, value in found.items()}


def replaced(text: str, others: dict[str, str]) -> str:
    for one, other in others.items():
        text = text.replace(one, other)
    return text


async def healthy(port: int, ours: int) -> bool:
    """Runs the health check of a port, against ours."""
    check = next(code for code in re.findall(r'"python", "-c", "(.+?)"\]', COMPOSE) if f":{port}/" in code)
    looking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", check.replace(str(port), str(ours)), stderr=DEVNULL
    )
    return await looking.wait() == 0


@asynccontextmanager
async def nats_server(place: Path) -> AsyncIterator[tuple[int, int]]:
    """With the configuration that compose.yaml mounts, on ports and in a directory of our own."""
    port, monitor = free_port(), free_port()
    ours = {"0.0.0.0:4222": f"127.0.0.1:{port}", "0.0.0.0:8222": f"127.0.0.1:{monitor}", '"/data"': f'"{place}/log"'}
    (place / "nats.conf").write_text(replaced((NATS_FOLDER / "compose.conf").read_text(), ours))
    quoted = re.search(r"NATS_PASSWORD: '(.)\$\{.*?\}(.)'", COMPOSE)
    assert quoted
    environment = {"NATS_PASSWORD": f"{quoted[1]}{PASSWORD}{quoted[2]}"}
    async with running([nats_binary(), "-c", str(place / "nats.conf")], environment):
        yield port, monitor


@asynccontextmanager
async def running(command: list[str], environment: dict[str, str]) -> AsyncIterator[None]:
    """Until the block ends, from when it says that it is ready."""
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    said = b""
    try:
        while b"ready" not in said:
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
