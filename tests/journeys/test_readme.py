"""The first message of README.md, typed as it stands there, to a Pulse that its own command started."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.journeys.test_spine import installed

TEXT = (Path(__file__).parents[2] / "README.md").read_text()
STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'


@pytest.mark.timeout(180)
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_its_lines_work_one_after_the_other(data_dir: Path) -> None:
    place, http, push = data_dir / "readme", free_port(), free_port()
    [lines] = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    here = {
        ".venv/bin/python": sys.executable, ".venv/bin/pulse": f"{sys.executable} -m pulse.cli",
        "localhost:8000": f"127.0.0.1:{http}", "127.0.0.1:8001": f"127.0.0.1:{push}",
    }  # fmt: skip
    for theirs, ours in here.items():
        assert theirs in lines
        lines = lines.replace(theirs, ours)
    async with installed(place, http_port=http, push_port=push) as running:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", STRICT + lines, env=running.environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        said, complaints = await process.communicate()
    assert process.returncode == 0, said.decode() + complaints.decode()
    assert '"items":[' in said.decode()
    assert "Connected to" in said.decode() + complaints.decode()


def test_it_is_short_and_names_only_files_that_exist() -> None:
    assert len(TEXT.splitlines()) < 120
    root = Path(__file__).parents[2]
    named = re.findall(r"`((?:docs|schemas|pulse|bench|nats)/[\w./-]*)`", TEXT)
    assert "docs/channels.md" in named
    assert [name for name in named if not (root / name).exists()] == []
