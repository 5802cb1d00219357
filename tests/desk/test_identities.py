"""The accounts that somebody signs in with: linked from a live session only, one person's each, and theirs to unlink."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pulse.embedded import Addresses
from tests.conftest import Pulse
from tests.desk.browsing import Browser, Providers, a_browser, both_providers
from tests.desk.test_sign_in import an_account
from tests.desk.test_ways import somebody
from tests.world import is_problem, shared_pulse

ADDRESS = "/api/settings/identities"


@pytest.fixture(scope="module")
async def providers() -> AsyncIterator[Providers]:
    async with both_providers() as found:
        yield found


@pytest.fixture(scope="module")
async def shared(addresses: Addresses, providers: Providers) -> AsyncIterator[Pulse]:
    with providers.set_up():
        async with shared_pulse(addresses) as running:
            yield running


@pytest.fixture
async def anna(shared: Pulse) -> AsyncIterator[Browser]:
    """Signed in, with nothing linked: an Anna of each test's own."""
    async with signed_in(shared, "Anna") as browser:
        yield browser


@pytest.fixture
async def boris(shared: Pulse) -> AsyncIterator[Browser]:
    async with signed_in(shared, "Boris") as browser:
        yield browser


@asynccontextmanager
async def signed_in(pulse: Pulse, name: str) -> AsyncIterator[Browser]:
    async with a_browser(pulse) as browser:
        await browser.login(await an_account(pulse, name))
        yield browser


@pytest.mark.parametrize(("provider", "method"), [("telegram", "oidc"), ("telegram", "widget"), ("vk", "oauth")])
async def test_what_was_linked_signs_in(
    shared: Pulse, providers: Providers, anna: Browser, provider: str, method: str
) -> None:
    person = somebody(providers)
    answer = await anna.link(provider, method=method)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/profile")
    [(linked, number, name)] = await anna.identities()
    assert (linked, number, bool(name)) == (provider, str(person), True)
    async with a_browser(shared) as another:
        assert (await another.sign_in(provider, method=method)).status_code == 303
        assert await another.who() == "Anna"


async def test_linking_begins_no_session_and_needs_no_session_cookie_on_the_way_back(
    shared: Pulse, providers: Providers, anna: Browser
) -> None:
    """The session's cookie is Strict: a browser does not send it when it comes from the provider."""
    somebody(providers)
    begun = await anna.http.post(f"{ADDRESS}/vk")
    back = await anna.agree(begun.json()["address"])
    async with a_browser(shared) as same:
        same.http.cookies.set("pulse_flow", begun.cookies["pulse_flow"])
        answer = await same.http.get(back)
        assert answer.status_code == 303
        assert not any("pulse_session=" in told for told in answer.headers.get_list("set-cookie"))
        assert await same.who() is None
    assert len(await anna.identities()) == 1


async def test_a_session_that_ended_on_the_way_links_nothing(
    shared: Pulse, providers: Providers, anna: Browser
) -> None:
    somebody(providers)
    begun = await anna.http.post(f"{ADDRESS}/vk")
    back = await anna.agree(begun.json()["address"])
    cookie = {"Cookie": f"pulse_session={anna.http.cookies['pulse_session']}"}
    assert (await anna.http.post("/api/users/logout")).status_code == 204
    before = await shared.house.log.last_position()
    is_problem(await anna.http.get(back), 401, "not-authentic")
    is_problem(await anna.http.get(ADDRESS, headers=cookie), 401, "not-authentic")
    assert await shared.house.log.last_position() == before


async def test_a_token_alone_links_nothing(shared: Pulse, boris: Browser) -> None:
    bearer = await shared.sign_in("anna")
    shared.http.cookies.clear()
    is_problem(await shared.http.post(f"{ADDRESS}/vk", headers=bearer), 401, "not-authentic")
    is_problem(
        await boris.http.post(f"{ADDRESS}/vk", headers=bearer), 401, "not-authentic"
    )  # two people in one request
    is_problem(await shared.http.post(f"{ADDRESS}/vk"), 401, "not-authentic")
    is_problem(await shared.http.get(ADDRESS), 401, "not-authentic")
    is_problem(await shared.http.delete(f"{ADDRESS}/vk"), 401, "not-authentic")


async def test_another_site_begins_and_ends_nothing(anna: Browser) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        is_problem(await anna.http.post(f"{ADDRESS}/vk", headers=headers), 403, "not-from-here")
        is_problem(await anna.http.delete(f"{ADDRESS}/vk", headers=headers), 403, "not-from-here")


async def test_what_is_linked_to_another_is_refused(
    shared: Pulse, providers: Providers, anna: Browser, boris: Browser
) -> None:
    person = somebody(providers)
    await boris.link("vk")
    before = await shared.house.log.last_position()
    told = is_problem(await anna.link("vk"), 409, "linked-to-another")
    assert "Boris" not in str(told)
    assert await shared.house.log.last_position() == before
    assert await anna.identities() == []
    assert [number for _, number, _ in await boris.identities()] == [str(person)]


async def test_two_who_link_one_identity_at_once_have_one_winner(
    providers: Providers, anna: Browser, boris: Browser
) -> None:
    somebody(providers)
    backs = []
    for browser in (anna, boris):
        begun = await browser.http.post(f"{ADDRESS}/vk")
        backs.append(await browser.agree(begun.json()["address"]))
    answers = await asyncio.gather(anna.http.get(backs[0]), boris.http.get(backs[1]))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(await anna.identities()) + len(await boris.identities()) == 1


async def test_linking_again_changes_nothing(shared: Pulse, providers: Providers, anna: Browser) -> None:
    somebody(providers)
    await anna.link("telegram")
    before = await shared.house.log.last_position()
    assert (await anna.link("telegram")).status_code == 303
    assert await shared.house.log.last_position() == before


async def test_unlinking_closes_the_door_and_leaves_the_others(
    shared: Pulse, providers: Providers, anna: Browser
) -> None:
    somebody(providers)
    await anna.link("telegram")
    await anna.link("vk")
    assert [provider for provider, *_ in await anna.identities()] == ["telegram", "vk"]
    answer = await anna.http.delete(f"{ADDRESS}/telegram")
    assert (answer.status_code, "x-pulse-position" in answer.headers) == (200, True)
    assert [provider for provider, *_ in await anna.identities()] == ["vk"]
    async with a_browser(shared) as another:
        is_problem(await another.sign_in("telegram"), 403, "not-linked")
        assert (await another.sign_in("vk")).status_code == 303
    is_problem(await anna.http.delete(f"{ADDRESS}/telegram"), 404, "not-found")


async def test_everybody_sees_and_unlinks_only_their_own(
    shared: Pulse, providers: Providers, anna: Browser, boris: Browser
) -> None:
    somebody(providers)
    await anna.link("vk")
    assert await boris.identities() == []
    is_problem(await boris.http.delete(f"{ADDRESS}/vk"), 404, "not-found")
    assert len(await anna.identities()) == 1


async def test_a_provider_that_nobody_knows_can_not_be_linked(anna: Browser) -> None:
    is_problem(await anna.http.post(f"{ADDRESS}/myspace"), 404, "provider-off")
    is_problem(await anna.http.post(f"{ADDRESS}/vk", params={"method": "widget"}), 404, "provider-off")


async def test_a_flow_that_links_goes_nowhere_else(providers: Providers, anna: Browser) -> None:
    somebody(providers)
    assert (await anna.link("vk", next="https://evil.example")).headers["location"] == "/settings/profile"
