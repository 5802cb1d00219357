"""V3 Web frontend security, as far as it needs TLS in front."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, running_pulse
from tests.desk.test_sign_in import sign_in

ADDRESSES = ("/", "/login", "/docs", "/healthz", "/elsewhere", "/api/chats", "/webhook/telegram/unknown")


@pytest.fixture
async def behind_tls(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pulse]:
    monkeypatch.setenv("PULSE_SECURE_COOKIES", "true")
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as pulse:
        yield pulse


async def test_v3_3_1_to_4_the_session_cookie_is_bound_to_this_host_and_out_of_reach(behind_tls: Pulse) -> None:
    """Behind TLS: `__Host-`, Secure, HttpOnly, SameSite=Lax; its value stands in no body."""
    answer = await sign_in(behind_tls)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-pulse_session=")
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie
    assert cookie.partition("=")[2].partition(";")[0] not in answer.text


async def test_v3_4_1_browsers_come_by_tls_only_once_it_is_there(behind_tls: Pulse) -> None:
    """HSTS for two years and all subdomains, on every answer, errors too."""
    for address in ADDRESSES:
        told = (await behind_tls.http.get(address)).headers["strict-transport-security"]
        assert told == "max-age=63072000; includeSubDomains"
