"""Judges that run in node: their packages from npm, pinned by node/package-lock.json, and processes that speak lines."""

from __future__ import annotations

import asyncio
import fcntl
import filecmp
import json
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.push.ears import PATIENCE

SCRIPTS = Path(__file__).with_name("node")
LOCK = "package-lock.json"
INSTALL_SECONDS = 90

Told = dict[str, Any]


def installed(place: Path) -> Path:
    """Our scripts beside the packages they need. Skips the test where node or npm is missing, or npm can't install."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is missing: with Debian's packages nodejs and npm, this judge runs")
    place.mkdir(parents=True, exist_ok=True)
    whole = place / "installed"
    with (place / "being-installed").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # the other half of the tests wants the same
        if not whole.exists() or not is_current(place):
            whole.unlink(missing_ok=True)
            shutil.copytree(SCRIPTS, place, dirs_exist_ok=True)
            install(npm, place)
            whole.touch()
    return place


def is_current(place: Path) -> bool:
    names = [file.name for file in SCRIPTS.iterdir()]
    same, _, _ = filecmp.cmpfiles(SCRIPTS, place, names, shallow=False)
    return len(same) == len(names)


def install(npm: str, place: Path) -> None:
    asked = (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    try:
        done = subprocess.run(asked, cwd=place, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install the packages of {SCRIPTS / LOCK} within {INSTALL_SECONDS} seconds")
    if done.returncode:
        pytest.skip(f"npm could not install the packages of {SCRIPTS / LOCK}: {done.stderr.strip()[-300:]}")


class Script:
    """One of our scripts in a process of its own; it prints what it hears, a JSON line each."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def do(self, act: str, **how: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"act": act, **how}).encode() + b"\n")
        await self.process.stdin.drain()

    async def until(self, event: str, enough: Callable[[Told], object] = lambda _: True) -> list[Told]:
        """All that it hears up to and with an event."""
        assert self.process.stdout is not None
        told: list[Told] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while not told or told[-1]["event"] != event or not enough(told[-1]):
                    line = await self.process.stdout.readline()
                    assert line, f"node ended before it was told {event}: {told}"
                    told.append(json.loads(line))
        except TimeoutError:
            pytest.fail(f"{event} was not told; what was: {told}")
        return told

    async def rest(self) -> list[Told]:
        """What it prints until it ends by itself."""
        said, _ = await self.process.communicate()
        return [json.loads(line) for line in said.splitlines()]


@asynccontextmanager
async def running(place: Path, *asked: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Script]:
    """Runs `node …` among its packages, and ends it."""
    process = await asyncio.create_subprocess_exec(
        "node", *asked, cwd=place, stdin=PIPE, stdout=PIPE, env=environment
    )  # fmt: skip
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
