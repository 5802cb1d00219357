"""Who may read the metrics: with a token whoever has it, else programs of this machine."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import pytest
from starlette.applications import Starlette

from pulse.http import install_problems
from pulse.metrics import MEDIA_TYPE, Metrics
from pulse.scraping import metrics_route
from tests.world import is_problem

TOKEN = "a-token-of-the-scraper"
HERE, ELSEWHERE = "127.0.0.1", "10.0.0.7"


async def checks() -> Mapping[str, bool]:
    return {"log": True, "reads": False}


async def scraped(token: str = "", address: str = HERE, **headers: str) -> httpx2.Response:
    app = Starlette(routes=[metrics_route(Metrics(), token, checks)])
    install_problems(app)
    transport = httpx2.ASGITransport(app, client=(address, 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://pulse.example") as client:
        return await client.get("/metrics", headers=headers)


@pytest.mark.parametrize("address", [HERE, "::1", "::ffff:127.0.0.1", "127.1.2.3"])
async def test_programs_of_this_machine_read_them(address: str) -> None:
    answer = await scraped(address=address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert 'pulse_ready{check="log"} 1.0' in answer.text
    assert 'pulse_ready{check="reads"} 0.0' in answer.text


@pytest.mark.parametrize("address", [ELSEWHERE, "::ffff:10.0.0.7", "2001:db8::1", "", "testclient"])
async def test_others_are_not_told_that_they_are_there(address: str) -> None:
    is_problem(await scraped(address=address), 404, "not-found")
    is_problem(await scraped(address=address, authorization="Bearer "), 404, "not-found")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Proto"])
async def test_what_came_through_a_proxy_here_is_not_from_here(header: str) -> None:
    is_problem(await scraped(**{header: HERE}), 404, "not-found")


async def test_a_token_opens_them_from_anywhere_and_nothing_else_does() -> None:
    for address in (HERE, ELSEWHERE):
        assert (await scraped(TOKEN, address, authorization=f"Bearer {TOKEN}")).status_code == 200
        for given in ("", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN):
            refused = await scraped(TOKEN, address, authorization=given)
            is_problem(refused, 401, "not-authentic")
            assert refused.headers["www-authenticate"] == "Bearer"
