"""Errors in a browser: pages with a way back at addresses of people, problems for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import escape

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pulse.desk.error_pages import OF_PROGRAMS, ErrorPages
from pulse.desk.guard import AdminsOnly
from pulse.desk.words import ENGLISH, RUSSIAN
from pulse.errors import LogDown, NotAllowed, NotAuthentic, NotFound
from pulse.http import install_problems
from pulse.http_headers import AnswerHeaders
from pulse.limits import TooOften
from pulse.wiring.doors import openapi
from tests.conftest import Pulse
from tests.desk.test_pages import is_plain
from tests.desk.test_sign_in import a_cookie
from tests.world import is_problem

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ERRORS = (NotAuthentic, NotAllowed, AdminsOnly, NotFound, TooOften, LogDown, ZeroDivisionError)
STATUSES = (401, 403, 403, 404, 429, 503, 500)
CODES = ("not-authentic", "not-allowed", "admins-only", "not-found", "too-often", "log-down", "unforeseen")
PROBLEMS_AT = (
    "/api/nowhere",
    "/api/chats",
    "/chat/session",
    "/webhook/telegram/unknown",
    "/channel/sse",
    "/pusher/nowhere",
)


async def stumble(request: Request) -> Response:
    raise ERRORS[int(request.path_params["which"])]("a secret of ours")


async def well(_: Request) -> Response:
    return PlainTextResponse("well", 404)


@pytest.fixture
async def http(shared: Pulse) -> AsyncIterator[httpx2.AsyncClient]:
    """Whatever can go wrong at an address, with the same frame around it as the whole Pulse."""
    pages = shared.house.pages
    assert pages is not None
    routes = [Route(f"{under}/stumble/{{which}}", stumble) for under in ("", "/api")]
    app = Starlette(routes=[*routes, Route("/well", well)])
    install_problems(app)
    wire = httpx2.ASGITransport(AnswerHeaders(ErrorPages(app, pages), tls=False), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=wire, base_url="http://pulse.example") as client:
        yield client


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("ru", RUSSIAN)])
@pytest.mark.parametrize(("which", "status"), list(enumerate(STATUSES)))
async def test_an_error_is_a_page_with_a_way_back(
    http: httpx2.AsyncClient, which: int, status: int, language: str, words: dict[str, str]
) -> None:
    page = await http.get(f"/stumble/{which}", headers=HTML | {"Accept-Language": language})
    is_plain(page)
    assert page.status_code == status
    assert f'<html lang="{language}">' in page.text
    assert escape(words[str(status)]) in page.text
    assert escape(words[f"{status}-says"]) in page.text
    assert 'href="/login">' in page.text if status == 401 else 'href="/">' in page.text
    assert "secret" not in page.text
    assert ("retry-after" in page.headers) is (status in (429, 503))


async def test_what_nobody_foresaw_has_the_number_that_stands_in_the_log(http: httpx2.AsyncClient) -> None:
    page = await http.get("/stumble/6", headers=HTML | {"X-Request-Id": "mine-1"})
    assert (page.status_code, page.headers["x-request-id"]) == (500, "mine-1")
    assert "<code>mine-1</code>" in page.text


@pytest.mark.parametrize("which", range(len(ERRORS)))
async def test_programs_get_problems(http: httpx2.AsyncClient, which: int) -> None:
    for address, headers in ((f"/stumble/{which}", {}), (f"/api/stumble/{which}", HTML)):
        is_problem(await http.get(address, headers=headers), STATUSES[which], CODES[which])


async def test_what_is_no_problem_stays_as_it_is(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/well", headers=HTML)
    assert (answer.status_code, answer.text) == (404, "well")


async def test_the_whole_pulse_has_them(shared: Pulse) -> None:
    nowhere = await shared.http.get("/nowhere", headers=HTML)
    is_plain(nowhere)
    assert (nowhere.status_code, ENGLISH["404"] in nowhere.text) == (404, True)
    wrong = await shared.http.put("/dashboard", headers=HTML)
    is_plain(wrong)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    large = await shared.http.post("/login", content=b"x" * 10_000, headers=HTML)
    is_plain(large)
    assert large.status_code == 413
    for address in PROBLEMS_AT:
        assert "json" in (await shared.http.get(address, headers=HTML)).headers["content-type"]


async def test_whoever_is_signed_in_goes_on_from_there(shared: Pulse) -> None:
    page = await shared.http.get("/nowhere", headers=HTML | await a_cookie(shared))
    assert page.status_code == 404
    assert '<a href="/dashboard">' in page.text
    assert 'action="/logout"' in page.text


def test_every_address_of_the_api_is_one_of_programs() -> None:
    assert {path.split("/")[1] for path in openapi()["paths"]} <= OF_PROGRAMS
