"""Autobahn|Testsuite: a client that tries what WebSockets may meet. It needs Python 2.7, the last it was written for."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from pathlib import Path

import pytest

PINNED = Path(__file__).with_name("autobahn.txt")
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]  # without the large ones, which show speed
INSTALL_SECONDS, RUN_SECONDS = 180, 100

WELL = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})

Behaviours = dict[str, tuple[str, str]]


def python2() -> str:
    """A Python 2.7 that has pip; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    places = [shutil.which("python2.7"), shutil.which("python2"), *pyenv.glob("versions/2.7*/bin/python2.7")]
    for python in filter(None, places):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return str(python)
    pytest.skip("there is no Python 2.7 with pip: Autobahn's fuzzing client needs one (`pyenv install 2.7.18`)")


def installed(place: Path) -> Path:
    """Autobahn's `wstest`, with everything pinned, in a Python 2.7 of its own."""
    python = python2()
    place.mkdir(parents=True, exist_ok=True)
    with (place / "being-installed").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        there = place / "installed.txt"
        if not there.exists() or there.read_bytes() != PINNED.read_bytes():
            install(python, place)
            shutil.copy(PINNED, there)
    return place / "venv" / "bin" / "wstest"


def install(python: str, place: Path) -> None:
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--constraint", str(PINNED))
    library, venv = str(place / "lib"), str(place / "venv")
    run([python, *pip, "--upgrade", "--target", library, "virtualenv"])
    run([python, "-m", "virtualenv", "--quiet", venv], os.environ | {"PYTHONPATH": library})
    run([f"{venv}/bin/python", *pip, "autobahntestsuite"])


def run(asked: list[str], environment: Mapping[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            asked, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"Autobahn could not be installed within {INSTALL_SECONDS} seconds")
    if done.returncode:
        pytest.skip(f"Autobahn could not be installed: {done.stderr.strip()[-300:]}")


async def behaviours(wstest: Path, place: Path, url: str) -> Behaviours:
    """How a server that echoes behaves in each case, and how it closes."""
    place.mkdir()
    asked = {
        "outdir": str(place / "reports"), "cases": CASES, "exclude-cases": [], "exclude-agent-cases": {},
        "servers": [{"agent": "judged", "url": url}],
    }  # fmt: skip
    specification = place / "fuzzing.json"
    specification.write_text(json.dumps(asked))
    fuzzing = await asyncio.create_subprocess_exec(
        str(wstest), "-m", "fuzzingclient", "-s", str(specification), cwd=place, stdout=PIPE, stderr=STDOUT
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(fuzzing.communicate(), RUN_SECONDS)
    finally:
        if fuzzing.returncode is None:
            fuzzing.kill()
            await fuzzing.wait()
    assert fuzzing.returncode == 0, said.decode(errors="replace")[-2000:]
    report = json.loads((place / "reports" / "index.json").read_text())["judged"]
    return {case: (told["behavior"], told["behaviorClose"]) for case, told in report.items()}
