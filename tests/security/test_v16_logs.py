"""V16 Security logging: what is written, what never is, and what goes on when something else does not."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from pulse.desk.tries import GUESSER
from pulse.errors import ReadsDown
from pulse.projections.reads import Reads
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, code_of, signed_in, with_two_factor
from tests.desk.test_one_style import ELSEWHERE
from tests.desk.test_sign_in import a_cookie
from tests.world import Desk, a_name, is_problem, kinds, since, vera_writes

CODE = "/api/users/login/code"
FORGER = r"""
import logging, structlog
from pulse.logs import configure_logs
configure_logs("info")
evil = 'x\r\n{"event": "sign_in.begun", "account": "admin"}\n\u2028\x1b[2J'
structlog.get_logger().warning("first", said=evil)
logging.getLogger("uvicorn.error").error("second %s", evil)
"""


def told(lines: Any, event: str) -> list[Any]:
    return [line for line in lines if line["event"] == event]


async def test_v16_2_5_no_line_holds_what_opens_a_door(shared: Pulse) -> None:
    """Neither passwords nor codes, cookies, tokens or challenges, right or wrong; accounts go by their id."""
    email = await an_account(shared, "anna")
    with capture_logs() as lines:
        browser = await signed_in(shared, email)
        secret, recovery = await with_two_factor(browser)
        challenge = await Browser(shared, email).challenge()
        await Browser(shared, email).login("another password")
        await Browser(shared, email).post(CODE, {"challenge": challenge, "recovery_code": "wrong-code-123"})
        await Browser(shared, email).post(CODE, {"challenge": challenge, "code": code_of(secret, 1)})
    assert len(lines) >= 4
    hidden = [PASSWORD, "another password", "wrong-code-123", secret, challenge, browser.token, email, *recovery]
    assert [one for one in (*hidden, *browser.cookies.values()) if one in str(lines)] == []


async def test_v16_3_1_every_sign_in_is_written_down_good_or_bad(shared: Pulse) -> None:
    """With account and address: begun, refused, a wrong code; what ends a session is an event, for good."""
    email = await an_account(shared, "anna")
    with capture_logs() as lines:
        browser = await signed_in(shared, email)
        is_problem(await Browser(shared, email).login("guess"), 401, "wrong-password")
        await with_two_factor(browser)
        body = {"challenge": await Browser(shared, email).challenge(), "recovery_code": "guess"}
        is_problem(await Browser(shared, email).post(CODE, body), 401, "wrong-code")
        is_problem(await browser.post("/api/settings/password", {"old": "guess", "new": "x"}), 403, "not-proven")
    for event in ("sign_in.begun", "sign_in.refused", "sign_in.code_refused", "http.refused"):
        [line] = told(lines, event)
        assert (line["account"], line["address"]) == (str(browser.account), "127.0.0.1")
    before = await shared.house.log.last_position()
    assert (await browser.post("/api/users/logout")).status_code == 204
    assert kinds(await since(shared, before)) == ["moderator.session-ended"]


async def test_v16_3_2_what_somebody_may_not_do_is_written_down(shared: Pulse, desk: Desk) -> None:
    """Who, from where, which route and why; the route as it is written, for an address may hold a token."""
    await desk.headers("anna")
    with capture_logs() as lines:
        is_problem(await desk.get("anna", "/api/sources"), 403, "admins-only")
    [line] = told(lines, "http.refused")
    assert (line["route"], line["method"], line["code"]) == ("/api/sources", "GET", "admins-only")
    assert (len(line["account"]), line["address"], line["log_level"]) == (36, "127.0.0.1", "warning")


async def test_v16_3_3_whoever_tries_to_get_around_a_rule_is_written_down(shared: Pulse) -> None:
    """Guessing past its limit, and another website's requests with somebody's cookie."""
    email = await an_account(shared, "anna")
    cookie, stranger = await a_cookie(shared), Browser(shared, email)
    with capture_logs() as lines:
        for _ in range(GUESSER.free + 1):
            await stranger.login("guess")
        answer = await shared.http.post("/api/users/logout", headers=cookie | {"Origin": ELSEWHERE})
        is_problem(answer, 403, "not-from-here")
    assert [line["account"] for line in told(lines, "sign_in.locked_out")] == [str(stranger.account)]
    assert [line["code"] for line in told(lines, "http.refused")] == ["not-from-here"]


async def test_v16_3_4_an_error_nobody_foresaw_is_written_down_whole(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With its traceback, in the log and nowhere else."""

    async def stumble(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    headers = await desk.headers("anna")
    monkeypatch.setattr("pulse.desk.chats.chat_list.page", stumble)
    with caplog.at_level(logging.ERROR):
        async with httpx2.AsyncClient(base_url=shared.http.base_url) as unheld:
            answer = await unheld.get("/api/chats", headers=headers)
    assert "nobody foresaw this" not in answer.text
    assert "nobody foresaw this" in caplog.text
    assert "test_v16_logs.py" in caplog.text


def test_v16_4_1_whatever_is_said_a_line_of_the_log_stays_one_line() -> None:
    """Line breaks and control characters are written as JSON escapes, in our lines and in those of libraries."""
    done = subprocess.run([sys.executable, "-c", FORGER], capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stderr.decode().splitlines()]
    assert [line["event"][:6] for line in lines] == ["first", "second"]
    assert b"\x1b" not in done.stderr
    assert b"\r" not in done.stderr


async def test_v16_5_2_without_the_read_models_messages_are_taken_all_the_same(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Postgres is away customers' words are stored, replies too, and what can't be read is told so, in good order."""
    chat, anna = await vera_writes(shared, peer := a_name()), await desk.headers("anna")

    async def away(*_: Any, **__: Any) -> None:
        raise ReadsDown

    with monkeypatch.context() as outage:
        outage.setattr(Reads, "fetch", away)
        assert await vera_writes(shared, peer, "Anybody there?") == chat
        refused = await shared.http.get("/api/chats", headers=anna)
        assert int(refused.headers["retry-after"]) > 0
        is_problem(refused, 503, "reads-down")
    assert "Anybody there?" in [entry["text"] for entry in await desk.thread("anna", chat)]
