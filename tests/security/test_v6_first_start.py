"""V6 Authentication, on an installation that was just made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pulse import demo
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, running_pulse
from tests.world import is_problem

DEFAULTS = ("admin", "root", "sa", "pulse", "test", "user", "anna@pulse.example", "admin@pulse.example")


@pytest.fixture
async def fresh(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pulse]:
    """As `pulse up` without `--demo`."""

    async def nothing(*_: Any) -> int:
        return 0

    monkeypatch.setattr(demo, "make_demo", nothing)
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as pulse:
        yield pulse


async def test_v6_3_2_a_new_installation_has_no_account(fresh: Pulse) -> None:
    """Nobody is there before an operator adds somebody; only `--demo` brings accounts that others know."""
    assert list(fresh.house.directory.moderators()) == []
    for name in DEFAULTS:
        for password in ("", "admin", demo.PASSWORD):
            answer = await fresh.http.post("/api/users/login", json={"email": name, "password": password})
            is_problem(answer, 401, "wrong-password")
