"""Anna and Boris sign in with Telegram and VK ID: invited, linked, taken away again, on two processes of one Pulse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, free_port, running_pulse
from tests.desk.browsing import Browser, Providers, a_browser, both_providers
from tests.fakes.telegram_login import BOT_TOKEN
from tests.journeys.answering import run_pulse
from tests.journeys.processes import a_process
from tests.world import is_problem, rows

ANNA, BORIS, STRANGER = 5230011842, 77100555, 404


@dataclass
class Desk:
    """`pulse desk` as a process of its own, beside the Pulse of the test. `said` is all that it says."""

    address: str
    said: Path


@pytest.fixture
async def providers() -> AsyncIterator[Providers]:
    async with both_providers() as found:
        with found.set_up():
            yield found


@pytest.fixture
async def pulse(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, providers: Providers
) -> AsyncIterator[Pulse]:
    """Where both providers are set up."""
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as running:
        yield running


@pytest.fixture
async def desk(pulse: Pulse, tmp_path: Path) -> AsyncIterator[Desk]:
    port = free_port()
    async with a_process(pulse, "desk", tmp_path, PULSE_HTTP_PORT=port):
        yield Desk(f"http://127.0.0.1:{port}", tmp_path / "desk.log")


async def test_a_day_of_signing_in(pulse: Pulse, desk: Desk, providers: Providers) -> None:
    telegram, vk = providers.telegram, providers.vk
    async with a_browser(pulse) as anna, a_browser(desk.address) as boris:
        # Nobody is linked: both get a sentence, and nothing is made of it.
        telegram.person, vk.person = ANNA, BORIS
        before = await pulse.house.log.last_position()
        is_problem(await anna.sign_in("telegram"), 403, "not-linked")
        is_problem(await boris.sign_in("vk"), 403, "not-linked")
        assert await pulse.house.log.last_position() == before
        # An admin links Anna's Telegram beforehand; she gets in by both of its ways, also after it took another key.
        said = await run_pulse(pulse, "user", "link", "anna@pulse.example", "telegram", str(ANNA))
        assert str(ANNA) in said
        assert (await anna.sign_in("telegram")).headers["location"] == "/dashboard"
        assert await anna.who() == "Anna"
        telegram.rotate()
        assert (await anna.sign_in("telegram", next="/chats")).headers["location"] == "/chats"
        anna.http.cookies.clear()
        assert (await anna.sign_in("telegram", method="widget")).status_code == 303
        assert await anna.who() == "Anna"
        # Boris signs in with his password and links his VK; from then on he needs no password.
        await boris.login("boris@pulse.example")
        assert (await boris.link("vk")).headers["location"] == "/settings/profile"
        assert await boris.identities() == [("vk", str(BORIS), "Борис Лунин")]
        boris.http.cookies.clear()
        assert (await boris.sign_in("vk")).status_code == 303
        assert await boris.who() == "Boris"
        # What is Boris's can't be Anna's, until he lets go of it.
        is_problem(await anna.link("vk"), 409, "linked-to-another")
        assert await anna.identities() == [("telegram", str(ANNA), "")]
        assert (await boris.http.delete("/api/settings/identities/vk")).status_code == 200
        assert await boris.identities() == []
        boris.http.cookies.clear()
        is_problem(await boris.sign_in("vk"), 403, "not-linked")
        assert (await anna.link("vk", next="/settings")).headers["location"] == "/settings"
        anna.http.cookies.clear()
        assert (await anna.sign_in("vk")).status_code == 303
        assert await anna.who() == "Anna"
        # An admin takes it away.
        await run_pulse(pulse, "user", "unlink", "vk", str(BORIS))
        is_problem(await anna.sign_in("vk"), 403, "not-linked")


@pytest.mark.parametrize(("provider", "query"), [("telegram", {}), ("telegram", {"method": "widget"}), ("vk", {})])
async def test_what_was_used_at_one_process_is_used_at_all_and_no_log_knows_a_secret(
    pulse: Pulse, desk: Desk, providers: Providers, provider: str, query: dict[str, str]
) -> None:
    providers.telegram.person = providers.vk.person = ANNA
    providers.telegram.forgetful = providers.vk.forgetful = True
    await run_pulse(pulse, "user", "link", "anna@pulse.example", provider, str(ANNA))
    async with a_browser(desk.address) as browser, a_browser(pulse) as elsewhere:
        back = await browser.agree(await browser.leave(provider, **query))
        flow = browser.http.cookies["pulse_flow"]
        answer = await browser.http.get(back)
        assert (answer.status_code, await browser.who()) == (303, "Anna")
        cookie = {"Cookie": f"pulse_flow={flow}"}
        for other in (browser, elsewhere):
            is_problem(await other.http.get(back, headers=cookie), 401, "not-signed-in")
        hidden = [flow, answer.cookies["pulse_session"], *secrets_of(providers), *proofs_in(back)]
        await failing(browser, providers, provider, query)
    said, kept = desk.said.read_text(), str(await rows(pulse, "select * from desk.used_once, desk.sessions"))
    events = b"".join(stored.body for stored in await pulse.house.log.read_all(">")).decode()
    assert str(ANNA) in events
    assert len(hidden) >= 6
    assert "sign_in.refused" in said
    for text in (said, kept, events):
        assert [secret for secret in hidden if secret in text] == []


def secrets_of(providers: Providers) -> list[str]:
    fixed = [providers.telegram.secret, providers.vk.service_token, BOT_TOKEN.partition(":")[2]]
    return [*fixed, *providers.telegram.tokens, *providers.vk.tokens]


def proofs_in(back: str) -> list[str]:
    """What is worth a sign-in in the address that a provider sends people to."""
    fields = parse_qs(urlsplit(back).query)
    return [fields[name][0] for name in ("code", "hash", "state") if name in fields]


async def failing(browser: Browser, providers: Providers, provider: str, query: dict[str, str]) -> None:
    """In the ways that a log is told of."""
    back = await browser.agree(await browser.leave(provider, **query))
    providers.telegram.codes.clear()
    providers.vk.codes.clear()
    spoiled = back.replace("hash=", "hash=0")
    is_problem(await browser.http.get(spoiled), 401, "not-signed-in")
