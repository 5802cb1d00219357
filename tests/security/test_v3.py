"""V3 Web frontend security."""

from __future__ import annotations

import pytest

from pulse.desk.html import own_path
from pulse.desk.way_pages import FRAGMENT
from tests.conftest import Pulse
from tests.desk.signing import an_account, signed_in
from tests.desk.test_files import a_file, get
from tests.desk.test_one_style import ADDRESSES, ELSEWHERE
from tests.desk.test_sign_in import a_cookie
from tests.world import Desk, a_name, is_problem, vera_writes

PAGE = b"<html><script>alert(1)</script>"
STRICT = ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
PAGES = ("/", "/login", "/docs", "/openapi.json", "/healthz", "/elsewhere", "/api/chats")


async def test_v3_2_1_a_file_is_never_run_by_a_browser(shared: Pulse, desk: Desk) -> None:
    """Files are bytes in a sandbox and an attachment; nothing of the API is guessed to be a page."""
    _, file = await a_file(desk, "page.html", PAGE)
    answer = await get(desk, file)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_v3_2_2_a_name_is_text_in_every_page(shared: Pulse) -> None:
    """A person who is called like a program is greeted by that name; our one script writes into no page at all."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    assert (
        await browser.ask("PATCH", "/api/settings/profile", {"name": "<img src=x onerror=alert(1)>"})
    ).status_code == 200
    cookie = {"Cookie": f"pulse_session={browser.cookies['pulse_session']}"}
    for address in ("/dashboard", "/admin", "/settings/profile"):
        page = (await shared.http.get(address, headers=cookie)).text
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert "<img" not in page
    for writes in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert writes not in FRAGMENT


FOR_PAGES = ("/api/widget", "/chat/", "/channel/", "/pusher/")


@pytest.mark.parametrize(("method", "address"), [one for one in ADDRESSES if not one[1].startswith(FOR_PAGES)])
async def test_v3_4_2_no_other_website_reads_the_desks_answers(shared: Pulse, method: str, address: str) -> None:
    """CORS headers are the widget's and the streams' alone; whom they are given there, tests of the widget and of push say."""
    answer = await shared.http.request(method, address, headers={"Origin": ELSEWHERE})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("address", PAGES)
async def test_v3_4_3_and_6_every_answer_has_a_strict_policy_and_is_framed_by_nobody(
    shared: Pulse, address: str
) -> None:
    """A CSP without any script, base or frame, on pages, documents and errors alike."""
    policy = (await shared.http.get(address)).headers["content-security-policy"]
    for directive in STRICT:
        assert directive in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("address", [*PAGES, "/webhook/telegram/unknown"])
async def test_v3_4_4_and_5_nothing_is_sniffed_and_no_address_is_told_on(shared: Pulse, address: str) -> None:
    """nosniff, and no Referer to anybody else, on every answer; pages need their own, or their forms have no Origin."""
    headers = (await shared.http.get(address)).headers
    is_page = headers["content-type"].startswith("text/html")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == ("same-origin" if is_page else "no-referrer")


async def test_v3_5_1_another_websites_form_changes_nothing(shared: Pulse) -> None:
    """A session cookie counts only for requests that our own pages send."""
    cookie, chat = await a_cookie(shared), await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    for sender in ({"Origin": ELSEWHERE}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        is_problem(await shared.http.post(f"/api/chats/{chat}/close", headers=cookie | sender), 403, "not-from-here")
    assert await shared.house.log.last_position() == before


async def test_v3_5_2_a_plain_form_is_no_json(shared: Pulse, desk: Desk) -> None:
    """What a form can send without asking first (text/plain) is not read as a command's body."""
    chat = await vera_writes(shared, a_name())
    headers = await desk.headers("anna") | {"Content-Type": "text/plain"}
    answer = await shared.http.post(f"/api/chats/{chat}/messages", content='{"text": "Hi"}', headers=headers)
    is_problem(answer, 422, "invalid")


async def test_v3_5_3_reading_changes_nothing(shared: Pulse, desk: Desk) -> None:
    """No GET of the whole API appends an event."""
    await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    for method, address in ADDRESSES:
        if method == "GET":
            await shared.http.get(address, headers=await desk.headers("admin"))
    assert await shared.house.log.last_position() == before


async def test_v3_5_8_a_file_is_no_part_of_another_website(shared: Pulse, desk: Desk) -> None:
    """What needs a sign-in can't be embedded elsewhere (Cross-Origin-Resource-Policy)."""
    _, file = await a_file(desk, "notes.txt", b"private")
    assert (await get(desk, file)).headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("asked", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"])
def test_v3_7_2_nobody_is_led_to_another_website(asked: str) -> None:
    """After signing in one comes to an address of ours."""
    assert own_path(asked, "/dashboard") == "/dashboard"
