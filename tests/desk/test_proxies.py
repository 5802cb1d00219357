"""Who a client is behind a proxy: what trusted proxies say, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pulse import demo
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, running_pulse
from tests.world import rows

FORGED = "198.51.100.1, 203.0.113.8, 10.1.2.3"


async def signed_in_from(pulse: Pulse, forwarded: str) -> str:
    """The address of the newest session, when a sign-in names one."""
    credentials = {"email": "anna@pulse.example", "password": demo.PASSWORD}
    answer = await pulse.http.post("/api/users/login", json=credentials, headers={"X-Forwarded-For": forwarded})
    assert answer.status_code == 200, answer.text
    found = await rows(pulse, "select address from desk.sessions order by created_at desc limit 1")
    return str(found[0]["address"])


async def test_nobody_is_believed_about_their_address(pulse: Pulse) -> None:
    assert await signed_in_from(pulse, "203.0.113.7") == "127.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "found"),
    [("127.0.0.1,10.0.0.0/8", "203.0.113.8"), ("127.0.0.1", "10.1.2.3"), ("10.0.0.0/8", "127.0.0.1")],
)
async def test_a_trusted_proxy_says_who_its_client_is(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    proxies: str, found: str,
) -> None:  # fmt: skip
    """Each proxy adds whom it heard to the right; what a client wrote there itself stands left of that."""
    monkeypatch.setenv("PULSE_TRUSTED_PROXIES", proxies)
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as pulse:
        assert await signed_in_from(pulse, FORGED) == found
