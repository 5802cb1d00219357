"""More processes of the Pulse that a test runs."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Pulse, free_port
from tests.journeys.answering import PULSE, environment_of


@dataclass(frozen=True, slots=True)
class Doors:
    """Where one process, or two, of a Pulse answer."""

    http: str
    push: str


@asynccontextmanager
async def beside(pulse: Pulse, logs: Path) -> AsyncIterator[Doors]:
    """`pulse desk` and `pulse push` of the same Pulse, as processes of their own."""
    http, push, push_http = free_port(), free_port(), free_port()
    async with (
        a_process(pulse, "desk", logs, PULSE_HTTP_PORT=http),
        a_process(pulse, "push", logs, PULSE_PUSH_PORT=push, PULSE_HTTP_PORT=push_http),
    ):
        yield Doors(f"http://127.0.0.1:{http}", f"ws://127.0.0.1:{push}")


@asynccontextmanager
async def a_process(pulse: Pulse, role: str, logs: Path, **settings: int) -> AsyncIterator[None]:
    said = logs / f"{role}.log"
    environment = environment_of(pulse) | {name: str(value) for name, value in settings.items()}
    with said.open("wb") as heard:
        process = await asyncio.create_subprocess_exec(*PULSE, role, env=environment, stdout=PIPE, stderr=heard)
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert f"pulse {role} is ready".encode() in line, said.read_text()
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
