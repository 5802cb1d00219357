"""V13 Configuration, V14 data protection, V15 secure coding and V16 errors and logs."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from pulse.errors import ReadsDown
from pulse.projections.reads import Reads
from tests.conftest import Pulse
from tests.desk.test_one_style import ADDRESSES
from tests.desk.test_sign_in import a_cookie
from tests.world import Desk, a_name, is_problem, settled, vera_writes


@pytest.mark.parametrize(
    "address", ["/.git/config", "/.env", "/debug", "/metrics", "/server-status", "/phpinfo.php", "/redoc"]
)
async def test_v13_4_2_and_5_nothing_is_there_that_nobody_meant_to_show(shared: Pulse, address: str) -> None:
    """No debug pages, no version control, no metrics on the public port, and no server's name."""
    answer = await shared.http.get(address)
    is_problem(answer, 404, "not-found")
    assert "server" not in answer.headers


async def test_v14_2_1_the_apis_tokens_travel_in_headers(shared: Pulse, desk: Desk) -> None:
    """A token in an address signs nobody in (sockets of older clients are the exception; docs/security.md names it)."""
    token = (await desk.headers("anna"))["Authorization"].removeprefix("Bearer ")
    is_problem(await shared.http.get("/api/chats", params={"access_token": token}), 401, "not-authentic")


async def test_v14_3_2_what_was_read_is_kept_by_no_cache(shared: Pulse, desk: Desk) -> None:
    """`no-store` on every answer of the API."""
    for method, address in ADDRESSES:
        if method == "GET":
            answer = await shared.http.get(address, headers=await desk.headers("admin"))
            assert answer.headers["cache-control"] in ("no-store", "private, max-age=3600"), address


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


async def test_v16_4_1_a_line_of_the_log_stays_one_line(shared: Pulse) -> None:
    """A request's id that could break a line is not taken (tests/test_http_headers.py has more of them)."""
    answer = await shared.http.get("/healthz", headers={"X-Request-Id": 'x"} {"event": "forged'})
    assert "forged" not in answer.headers["x-request-id"]


async def test_v16_5_1_and_4_an_error_nobody_foresaw_tells_nothing_and_ends_nothing(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence, a stable code and the request's id; the next request is answered."""

    async def stumble(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("select * from secrets")

    headers = await desk.headers("anna")
    with monkeypatch.context() as stumbling:
        stumbling.setattr("pulse.desk.chats.inbox.page", stumble)
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
