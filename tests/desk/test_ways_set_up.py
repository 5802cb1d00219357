"""Signing in with Telegram and VK ID on an installation of its own: not set up, behind TLS, and started again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, running_pulse
from tests.desk.browsing import Providers, a_browser, both_providers, invite
from tests.world import is_problem


@pytest.fixture
async def providers() -> AsyncIterator[Providers]:
    async with both_providers() as found:
        with found.set_up():
            yield found


async def test_one_that_was_not_set_up_is_not_there_either(pulse: Pulse) -> None:
    me = await pulse.sign_in("anna")
    for provider in ("telegram", "vk"):
        for path in ("redirect", "callback"):
            is_problem(await pulse.http.get(f"/auth/{provider}/{path}"), 404, "provider-off")
        is_problem(await pulse.http.post(f"/auth/{provider}/callback"), 404, "provider-off")
        is_problem(await pulse.http.delete(f"/api/settings/identities/{provider}", headers=me), 404, "not-found")


@pytest.mark.usefixtures("providers")
async def test_behind_tls_the_flow_is_bound_to_the_host(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_SECURE_COOKIES", "true")
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as pulse:
        name, *flags = (await pulse.http.get("/auth/vk/redirect")).headers["set-cookie"].split("; ")
        assert name.startswith("__Host-pulse_flow=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(flags)


@pytest.mark.parametrize(("provider", "query"), [("vk", {}), ("telegram", {"method": "widget"})])
async def test_what_was_used_stays_used_after_a_restart(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, providers: Providers,
    provider: str, query: dict[str, str],
) -> None:  # fmt: skip
    own = replace(addresses, database_url=database_url)
    providers.telegram.forgetful = providers.vk.forgetful = True  # it must not be the provider who notices
    async with running_pulse(own, tmp_path) as pulse, a_browser(pulse) as browser:
        await invite(
            pulse,
            "anna@pulse.example",
            provider,
            providers.vk.person if provider == "vk" else providers.telegram.person,
        )
        back = await browser.agree(await browser.leave(provider, **query))
        flow = {"Cookie": f"pulse_flow={browser.http.cookies['pulse_flow']}"}
        assert (await browser.http.get(back, headers=flow)).status_code == 303
    async with running_pulse(own, tmp_path) as pulse, a_browser(pulse) as browser:
        is_problem(await browser.http.get(back, headers=flow), 401, "not-signed-in")
        if query:  # the same signature in a flow of its own
            await browser.leave(provider, **query)
            is_problem(await browser.http.get(back), 401, "not-signed-in")
        else:
            assert (await browser.sign_in(provider, **query)).status_code == 303
            assert await browser.who() == "Anna"
