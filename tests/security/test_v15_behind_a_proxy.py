"""V15 Secure coding, as far as it needs a proxy in front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import running_pulse
from tests.desk.test_proxies import FORGED, signed_in_from


async def test_v15_3_4_a_trusted_proxy_hands_on_whom_it_heard_and_nobody_forges_it(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that limits and sessions go by is the one that the last proxy not of ours was heard from."""
    monkeypatch.setenv("PULSE_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as pulse:
        assert await signed_in_from(pulse, FORGED) == "203.0.113.8"
        assert await signed_in_from(pulse, "203.0.113.9, garbage") != "203.0.113.9"
