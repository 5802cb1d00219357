"""Signing in with Telegram and VK ID over HTTP: who gets in, where they go, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
import pytest
from structlog.testing import capture_logs

from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.desk import flows as flows_module
from pulse.desk.html import language_of, own_path
from pulse.desk.way_pages import FRAGMENT
from pulse.embedded import Addresses
from tests.conftest import Pulse
from tests.desk.browsing import Browser, Providers, a_browser, both_providers, invite
from tests.desk.test_sign_in import disabled
from tests.fakes.telegram_login import BOT_TOKEN, widget_fields
from tests.world import accounts, is_problem, rows, shared_pulse

PEOPLE = itertools.count(910_000_001)
WAYS = [("telegram", {}), ("telegram", {"method": "widget"}), ("vk", {})]
each_way = pytest.mark.parametrize(("provider", "query"), WAYS, ids=["oidc", "widget", "vk"])


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
async def browser(shared: Pulse) -> AsyncIterator[Browser]:
    async with a_browser(shared) as opened:
        yield opened


def somebody(providers: Providers) -> int:
    """A person nobody knows yet, at both providers."""
    providers.telegram.person = providers.vk.person = next(PEOPLE)
    return providers.telegram.person


@each_way
async def test_whoever_was_linked_gets_in(
    shared: Pulse, providers: Providers, browser: Browser, provider: str, query: dict[str, str]
) -> None:
    await invite(shared, "anna@pulse.example", provider, somebody(providers))
    answer = await browser.sign_in(provider, **query)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    assert await browser.who() == "Anna"
    flags = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("pulse_session=")).lower()
    assert all(flag in flags for flag in ("httponly", "samesite=lax", "path=/"))
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


@each_way
async def test_a_stranger_gets_a_sentence_and_no_account(
    shared: Pulse, providers: Providers, browser: Browser, provider: str, query: dict[str, str]
) -> None:
    somebody(providers)
    before = await shared.house.log.last_position()
    told = is_problem(await browser.sign_in(provider, **query), 403, "not-linked")
    assert set(told) == {"type", "title", "status", "code"}
    assert await shared.house.log.last_position() == before
    assert await browser.who() is None


async def test_whoever_is_refused_is_a_line_of_the_log(shared: Pulse, providers: Providers, browser: Browser) -> None:
    """ASVS 5.0, 16.3.1."""
    somebody(providers)
    with capture_logs() as lines:
        is_problem(await browser.sign_in("vk"), 403, "not-linked")
        back = await browser.agree(await browser.leave("vk"))
        browser.http.cookies.clear()
        is_problem(await browser.http.get(back), 401, "not-signed-in")
    told = [(line["why"], line["log_level"]) for line in lines if line["event"] == "sign_in.refused"]
    assert told == [("not linked", "warning"), ("no flow", "warning")]


async def test_telegrams_two_ways_lead_to_the_same_person(
    shared: Pulse, providers: Providers, browser: Browser
) -> None:
    await invite(shared, "boris@pulse.example", "telegram", somebody(providers))
    for query in ({}, {"method": "widget"}, {"method": "oidc"}):
        assert (await browser.sign_in("telegram", **query)).status_code == 303
        assert await browser.who() == "Boris"
        browser.http.cookies.clear()


async def test_the_same_number_at_two_providers_is_two_people(
    shared: Pulse, providers: Providers, browser: Browser
) -> None:
    await invite(shared, "anna@pulse.example", "telegram", somebody(providers))
    is_problem(await browser.sign_in("vk"), 403, "not-linked")


async def test_whoever_was_disabled_stays_out(shared: Pulse, providers: Providers, browser: Browser) -> None:
    invited = await accounts(shared).invite("zoe@pulse.example", "Zoe", "moderator", (), "password")
    await shared.house.directory.wait_for(invited.position)
    await invite(shared, "zoe@pulse.example", "vk", somebody(providers))
    assert (await browser.sign_in("vk")).status_code == 303
    gone = await shared.house.store.decide(Moderator, moderator_id("zoe@pulse.example"), disabled, by="test")
    await shared.house.directory.wait_for(gone.position)
    is_problem(await browser.sign_in("vk"), 403, "not-linked")


async def test_vks_answer_may_come_as_one_parameter(shared: Pulse, providers: Providers, browser: Browser) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    providers.vk.as_payload = True
    try:
        assert (await browser.sign_in("vk")).status_code == 303
    finally:
        providers.vk.as_payload = False
    assert await browser.who() == "Anna"


# Where it goes


async def test_the_provider_is_asked_for_no_more_than_is_needed(browser: Browser) -> None:
    telegram, vk = [parse_qs(urlsplit(await browser.leave(name)).query) for name in ("telegram", "vk")]
    assert telegram["redirect_uri"] == ["https://chat.example.org/auth/telegram/callback"]
    assert vk["redirect_uri"] == ["https://chat.example.org/auth/vk/callback"]
    assert (telegram["scope"], vk["scope"]) == (["openid profile"], ["vkid.personal_info"])
    for asked in (telegram, vk):
        assert asked["code_challenge_method"] == ["S256"]
        assert len(asked["state"][0]) >= 32
    assert telegram["nonce"] != telegram["state"]


@pytest.mark.parametrize("wanted", ["/chats/5?tab=notes#last", "/", "/settings/profile"])
async def test_a_path_of_ours_may_be_gone_to(
    shared: Pulse, providers: Providers, browser: Browser, wanted: str
) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    assert (await browser.sign_in("vk", next=wanted)).headers["location"] == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "javascript:alert(1)", "evil.example", " /x", "/ö", "", "/" + "x" * 501, "/\\/x", "///x",
        "/x\\..\\..\\evil", "http:/x",
    ],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert own_path(wanted, "/dashboard") == "/dashboard"


async def test_what_was_asked_for_elsewhere_ends_at_the_dashboard(
    shared: Pulse, providers: Providers, browser: Browser
) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    assert (await browser.sign_in("vk", next="//evil.example")).headers["location"] == "/dashboard"


# The flow


async def test_the_cookie_on_the_way_is_lax_and_shows_nothing(browser: Browser) -> None:
    answer = await browser.http.get("/auth/telegram/redirect")
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(flags)
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    value = cookie.removeprefix("pulse_flow=")
    assert value.replace("-", "").replace("_", "").isalnum()
    assert asked["state"][0] not in value
    assert asked["nonce"][0] not in value


@each_way
async def test_an_answer_counts_once(
    shared: Pulse, providers: Providers, browser: Browser, provider: str, query: dict[str, str]
) -> None:
    await invite(shared, "anna@pulse.example", provider, somebody(providers))
    address = await browser.leave(provider, **query)
    cookie = {"Cookie": f"pulse_flow={browser.http.cookies['pulse_flow']}"}
    back = await browser.agree(address)
    providers.telegram.forgetful = providers.vk.forgetful = True  # it must not be the provider who notices
    answers = await asyncio.gather(*(browser.http.get(back, headers=cookie) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [303] + [401] * 5
    is_problem(await browser.http.get(back, headers=cookie), 401, "not-signed-in")
    providers.telegram.forgetful = providers.vk.forgetful = False


async def test_a_widgets_signature_counts_once_whatever_flow_it_comes_in(
    shared: Pulse, providers: Providers, browser: Browser
) -> None:
    await invite(shared, "anna@pulse.example", "telegram", somebody(providers))
    back = await browser.agree(await browser.leave("telegram", method="widget"))
    assert (await browser.http.get(back)).status_code == 303
    async with a_browser(shared) as thief:
        theirs = state_in(await thief.leave("telegram", method="widget"))
        said = dict(parse_qsl(urlsplit(back).query)) | {"state": theirs}
        is_problem(await thief.http.get(f"/auth/telegram/callback?{urlencode(said)}"), 401, "not-signed-in")
    kept = await rows(shared, "select encode(used, 'hex') as used from desk.used_once")
    assert not any(parse_qs(urlsplit(back).query)["hash"][0] in row["used"] for row in kept)


@each_way
async def test_the_answer_to_somebody_elses_flow_is_refused(
    shared: Pulse, providers: Providers, browser: Browser, provider: str, query: dict[str, str]
) -> None:
    """Else a page could sign a visitor in as somebody else."""
    await invite(shared, "boris@pulse.example", provider, somebody(providers))
    async with a_browser(shared) as stranger:
        back = await stranger.agree(await stranger.leave(provider, **query))
    is_problem(await browser.http.get(back), 401, "not-signed-in")
    await browser.leave(provider, **query)
    is_problem(await browser.http.get(back), 401, "not-signed-in")
    assert await browser.who() is None


def state_in(address: str) -> str:
    """Of the widget's address."""
    [back] = parse_qs(urlsplit(address).query)["return_to"]
    [state] = parse_qs(urlsplit(back).query)["state"]
    return state


@pytest.mark.parametrize("state", [{}, {"state": ""}, {"state": "another"}], ids=["none", "empty", "another"])
@pytest.mark.parametrize("linking", [False, True])
async def test_what_the_widget_says_counts_only_with_the_state_that_its_browser_left_with(
    shared: Pulse, providers: Providers, browser: Browser, state: dict[str, str], linking: bool
) -> None:
    """Mallory's signed fields, in a browser that is on its way: it would be signed in as him, or he linked to its account."""
    mallory = somebody(providers)
    if linking:
        await browser.login("anna@pulse.example")
        begun = await browser.http.post("/api/settings/identities/telegram", params={"method": "widget"})
        assert state_in(begun.json()["address"])
    else:
        await invite(shared, "boris@pulse.example", "telegram", mallory)
        await browser.leave("telegram", method="widget")
    before = await shared.house.log.last_position()
    said = urlencode(widget_fields(mallory) | state)
    is_problem(await browser.http.get(f"/auth/telegram/callback?{said}"), 401, "not-signed-in")
    assert await shared.house.log.last_position() == before
    assert await browser.who() == ("Anna" if linking else None)


async def test_a_flow_to_one_provider_ends_at_no_other(shared: Pulse, providers: Providers, browser: Browser) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    back = await browser.agree(await browser.leave("vk"))
    is_problem(await browser.http.get(back.replace("/vk/", "/telegram/")), 401, "not-signed-in")


@pytest.mark.parametrize("cookie", ["", "x", "a" * 5000, "é", "AAAA.BBBB", "-_-_"])
async def test_a_cookie_that_is_not_ours_is_refused(browser: Browser, cookie: str) -> None:
    raw = {"Cookie": f"pulse_flow={cookie}".encode()}
    is_problem(await browser.http.get("/auth/vk/callback?code=x&state=y", headers=raw), 401, "not-signed-in")


async def test_a_flow_lives_ten_minutes(
    shared: Pulse, providers: Providers, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    back = await browser.agree(await browser.leave("vk"))
    assert timedelta(minutes=10) == flows_module.FLOW_LIFE
    monkeypatch.setattr(flows_module, "FLOW_LIFE", timedelta(seconds=-1))  # as if they had passed
    is_problem(await browser.http.get(back), 401, "not-signed-in")


async def test_a_browser_comes_back_once_however_it_ends(browser: Browser) -> None:
    await browser.leave("vk")
    answer = await browser.http.get("/auth/vk/callback?error=access_denied")
    is_problem(answer, 401, "not-signed-in")
    assert 'pulse_flow=""' in answer.headers["set-cookie"]
    assert "pulse_flow" not in browser.http.cookies


@pytest.mark.parametrize(
    "query",
    [
        "", "code=a", "state=b", "code=a&state=b&state=c", "payload=%7B%7D&payload=%7B%7D", "payload=x", "code=%00",
        "&".join(f"f{number}=1" for number in range(21)), f"code={'x' * 5000}", "state=%FF", "code[]=1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["telegram", "vk"])
async def test_odd_answers_are_refused_in_the_same_words(browser: Browser, provider: str, query: str) -> None:
    await browser.leave(provider)
    told = is_problem(await browser.http.get(f"/auth/{provider}/callback?{query}"), 401, "not-signed-in")
    assert told["title"] == "Signing in this way did not work, or it took longer than ten minutes. Begin again."


# The widget's answer


async def test_the_page_that_waits_for_the_fragment_runs_only_its_own_script(browser: Browser) -> None:
    await browser.leave("telegram", method="widget")
    page = await browser.http.get("/auth/telegram/callback?state=x")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<script>{FRAGMENT}</script>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    assert "pulse_flow" in browser.http.cookies  # it is still on its way


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("cancelled", [False, True])
async def test_the_pages_script_brings_the_fragment_to_us(
    shared: Pulse, providers: Providers, browser: Browser, cancelled: bool
) -> None:
    """As a browser runs it, on what Telegram's address really ends with."""
    person = somebody(providers)
    await invite(shared, "anna@pulse.example", "telegram", person)
    said = orjson.dumps(False if cancelled else widget_fields(person, first_name="Анна 🌊"))
    fragment = "#tgAuthResult=" + base64.urlsafe_b64encode(said).decode().rstrip("=")
    state = state_in(await browser.leave("telegram", method="widget"))
    answer = await browser.http.get(run_in_node(FRAGMENT, "/auth/telegram/callback", f"?state={state}", fragment))
    assert answer.status_code == (401 if cancelled else 303)


def run_in_node(script: str, path: str, query: str, fragment: str) -> str:
    """Where a script sends the browser."""
    places = orjson.dumps({"pathname": path, "search": query, "hash": fragment}).decode()
    around = f"const history = {{replaceState() {{}}}}, location = {places}; location.replace = to => console.log(to);"
    done = subprocess.run(["node", "-e", around + script], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


@pytest.mark.parametrize("form", [True, False], ids=["form", "JSON"])
async def test_a_page_of_ours_may_post_what_the_widget_said(
    shared: Pulse, providers: Providers, browser: Browser, form: bool
) -> None:
    person = somebody(providers)
    await invite(shared, "anna@pulse.example", "telegram", person)
    fields = {"state": state_in(await browser.leave("telegram", method="widget")), **widget_fields(person)}
    said: dict[str, Any] = {"data": fields} if form else {"json": fields}
    answer = await browser.http.post("/auth/telegram/callback", **said)
    assert (answer.status_code, await browser.who()) == (303, "Anna")


async def test_another_site_can_not_post_it(shared: Pulse, providers: Providers, browser: Browser) -> None:
    person = somebody(providers)
    await invite(shared, "anna@pulse.example", "telegram", person)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        await browser.leave("telegram", method="widget")
        told = await browser.http.post("/auth/telegram/callback", data=widget_fields(person), headers=headers)
        is_problem(told, 403, "not-from-here")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"), (b"[]", "application/json"), (b'{"id": null}', "application/json"),
        (b"\xff=1", "application/x-www-form-urlencoded"), (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % number for number in range(30)), "text/plain"),
        (b'{"id": {"a": 1}, "hash": ["x"]}', "application/json"),
    ],
)  # fmt: skip
async def test_a_body_that_is_none_of_these_is_refused(browser: Browser, body: bytes, kind: str) -> None:
    await browser.leave("telegram", method="widget")
    answer = await browser.http.post("/auth/telegram/callback", content=body, headers={"Content-Type": kind})
    is_problem(answer, 401, "not-signed-in")


@pytest.mark.parametrize("more", [{"role": "admin"}, {"id": 1}, {"auth_date": 1795165200}], ids=str)
async def test_tampered_fields_open_nothing(
    shared: Pulse, providers: Providers, browser: Browser, more: dict[str, Any]
) -> None:
    person = somebody(providers)
    await invite(shared, "anna@pulse.example", "telegram", person)
    state = {"state": state_in(await browser.leave("telegram", method="widget"))}
    fields = widget_fields(person) | more | state
    is_problem(await browser.http.get(f"/auth/telegram/callback?{urlencode(fields)}"), 401, "not-signed-in")
    state = {"state": state_in(await browser.leave("telegram", method="widget"))}
    stranger = widget_fields(person, "7000000002" + BOT_TOKEN[10:]) | state
    is_problem(await browser.http.get(f"/auth/telegram/callback?{urlencode(stranger)}"), 401, "not-signed-in")


# What people are told


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("ru", "ru"), ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"), ("en-GB,ru;q=0.5", "en"),
        ("de,ru;q=0.3", "ru"), ("de", "en"), ("en;q=0.2, RU;q=0.4", "ru"), ("ru;q=0", "en"), ("ru;q=x", "en"),
        ("rus", "en"), ("*", "en"), ("," * 9000 + "ru", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_is_liked_best(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


async def test_a_stranger_reads_it_in_their_language(shared: Pulse, providers: Providers, browser: Browser) -> None:
    somebody(providers)
    back = await browser.agree(await browser.leave("vk"))
    page = await browser.http.get(back, headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "ru"})
    assert (page.status_code, page.headers["content-language"]) == (403, "ru")
    assert "Эта учётная запись здесь ни с кем не связана." in page.text
    assert 'lang="ru"' in page.text
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    back = await browser.agree(await browser.leave("vk"))
    told = await browser.http.get(back, headers={"Accept-Language": "ru"})
    assert is_problem(told, 403, "not-linked")["title"].startswith("Эта учётная запись")
    back = await browser.agree(await browser.leave("vk"))
    page = await browser.http.get(back, headers={"Accept": "text/html"})
    assert "This account is linked to nobody here." in page.text


@pytest.mark.parametrize("path", ["redirect", "callback"])
async def test_a_provider_that_nobody_knows_is_not_there(browser: Browser, path: str) -> None:
    told = is_problem(await browser.http.get(f"/auth/myspace/{path}"), 404, "provider-off")
    assert told["title"] == "Signing in this way is not set up here."


async def test_a_provider_that_does_not_answer_is_trouble(
    shared: Pulse, providers: Providers, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invite(shared, "anna@pulse.example", "vk", somebody(providers))
    back = await browser.agree(await browser.leave("vk"))
    monkeypatch.setattr("pulse.ways.calls.SECONDS", 0.0)
    answer = await browser.http.get(back)
    is_problem(answer, 503, "no-answer")
    assert answer.headers["retry-after"]
    assert await browser.who() is None


async def test_an_address_that_tries_too_often_has_to_wait(browser: Browser, shared: Pulse) -> None:
    answers = [await browser.http.get("/auth/vk/callback?code=x&state=y") for _ in range(90)]
    assert answers[0].status_code == 401
    is_problem(answers[-1], 429, "too-often")
    is_problem(await browser.http.get("/auth/vk/redirect"), 429, "too-often")
    async with a_browser(shared) as another:
        await another.leave("vk")
