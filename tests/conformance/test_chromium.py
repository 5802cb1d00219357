"""pusher-js in a page of Chromium: signed in by cookie, through the auth endpoint, over restarts and cut lines."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Error as NotSeen
from playwright.async_api import Page, async_playwright

from pulse import demo
from tests.conformance.front import Front
from tests.conftest import Pulse
from tests.push.ears import PATIENCE, Door, a_door
from tests.world import vera_writes

SCRIPT = Path(__file__).with_name("page.js")
SUCCEEDED = "pusher:subscription_succeeded"
PEER = "vera-77"


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if found is None:
        pytest.skip("chromium is missing: `make browser` installs Debian's package of that name")
    return found


@asynccontextmanager
async def a_page(pulse: Pulse, chromium: str, pusher_js: Path) -> AsyncIterator[Page]:
    """Pulse's own first page with pusher-js put into it; Anna is signed in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        page = await browser.new_page(base_url=pulse.house.settings.http_address, bypass_csp=True)
        credentials = {"email": "anna@pulse.example", "password": demo.PASSWORD}
        assert (await page.request.post("/api/users/login", data=credentials)).ok
        await page.goto("/")
        for script in (pusher_js, SCRIPT):
            await page.add_script_tag(path=script)
        yield page
        await browser.close()


async def heard(page: Page, event: str, times: int = 1) -> Any:
    """What came with an event, the so-many-th time; waits for it."""
    asked = "([event, times]) => heard.filter(([name]) => name === event)[times - 1]"
    try:
        found = await page.wait_for_function(asked, arg=[event, times], timeout=PATIENCE * 1000)
    except NotSeen:
        pytest.fail(f"{event} was not heard {times} times; what was: {await page.evaluate('heard')}")
    return (await found.json_value())[1]


async def test_a_page_hears_a_webhooks_message_and_comes_back_after_restarts_and_cut_lines(
    pulse: Pulse, chromium: str, node_place: Path
) -> None:
    pusher_js = node_place / "node_modules" / "pusher-js" / "dist" / "web" / "pusher.js"
    channel = f"private-chat.{await vera_writes(pulse, PEER)}"
    front = Front(0)
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(a_page(pulse, chromium, pusher_js))
        port = await stack.enter_async_context(front.listening())
        async with a_door(pulse.house) as old:
            front.to_port = port_of(old)
            await page.evaluate("how => listen(...how)", [pulse.house.settings.push_key, port, channel])
            await heard(page, SUCCEEDED)
            await vera_writes(pulse, PEER, "Anybody there?")
            assert (await heard(page, "NewChatMessage"))["text"] == "Anybody there?"
            new = await stack.enter_async_context(a_door(pulse.house))  # the successor is there before the old one goes
            front.to_port = port_of(new)
        await heard(page, SUCCEEDED, times=2)
        await vera_writes(pulse, PEER, "After a restart")
        assert (await heard(page, "NewChatMessage", times=2))["text"] == "After a restart"
        front.cut()
        await heard(page, SUCCEEDED, times=3)
        await vera_writes(pulse, PEER, "After a cut line")
        assert (await heard(page, "NewChatMessage", times=3))["text"] == "After a cut line"


def port_of(door: Door) -> int:
    port = urlsplit(door.url).port
    assert port is not None
    return port
