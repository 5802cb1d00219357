"""docs/api.md tells the truth: its lines work one after the other, and it knows every address and code."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from pulse.errors import BadInput, NotAuthentic, NotFound, Refusal
from tests.conftest import Pulse
from tests.laws.test_errors import ERRORS
from tests.promises import document

TEXT = (Path(__file__).parent.parent / "docs" / "api.md").read_text()

# Of one word: they are named, but not found by their form.
BARE = {"/healthz", "/metrics"}
# Of commands, of sockets, of the start, of what is told as text, and those that never leave their floor.
NOT_OVER_HTTP = {
    "ambiguous-department", "another-log", "another-scheme", "answer-too-large", "bad-setting", "channel-is-full", "customer-too", "no-chat-yet",
    "not-a-contract", "not-a-cursor", "not-a-user-id", "not-an-identity", "not-user-info", "refusal", "there-already",
    "unknown-role", "wrong-body", "wrong-time",
}  # fmt: skip

# A command that is answered with an error ends the script.
STRICT = f"""set -euo pipefail
curl() {{ command curl --fail-with-body "$@"; }}
pulse() {{ {sys.executable} -m pulse.cli "$@"; }}
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_its_lines_work_one_after_the_other(pulse: Pulse) -> None:
    port = str(pulse.http.base_url.port)
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
    script = STRICT + lines.replace("localhost:8000", f"127.0.0.1:{port}").replace(".venv/bin/pulse", "pulse")
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        env=os.environ | {"PULSE_DATA_DIR": str(pulse.house.settings.data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    assert process.returncode == 0, said.decode() + complaints.decode()
    assert '"text":"On its way!"' in said.decode()
    assert '{"channels":{' in said.decode()


def test_it_names_every_address() -> None:
    named = {
        re.sub(r"\{\w+\}", "{}", path)
        for path in re.findall(r"/(?:api|apps|auth|channel|chat|pusher|webhook|broadcasting)/[\w/{}-]+", TEXT)
    }
    assert {re.sub(r"\{\w+\}", "{}", path) for path in document()["paths"] if path not in BARE} <= named


def test_it_names_every_error() -> None:
    """Of the caller's; those of our side are told apart by few codes."""
    codes = {error().code for error in ERRORS if issubclass(error, (Refusal, BadInput, NotAuthentic, NotFound))}
    assert codes >= NOT_OVER_HTTP
    assert sorted(code for code in codes - NOT_OVER_HTTP if f"`{code}`" not in TEXT) == []


def test_no_line_stands_there_twice() -> None:
    lines = [line for line in TEXT.splitlines() if line and not line.startswith(("```", "| address |", "|---"))]
    assert [line for line, times in Counter(lines).items() if times > 1] == []
