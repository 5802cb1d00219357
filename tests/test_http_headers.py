"""What every answer carries: the id of its request, what is left of the limits it met, and what browsers must know."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import LogCapture

from pulse.http import AddressLimit, install_problems
from pulse.http_headers import AnswerHeaders
from pulse.limits import Rate
from tests.test_limits import Clock
from tests.world import is_problem

log = structlog.get_logger("test")
CLOCK = Clock()


async def hello(_: Request) -> Response:
    log.info("said")
    return PlainTextResponse("hello")


async def page(_: Request) -> Response:
    return PlainTextResponse(
        "page", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "private"}
    )


async def stumble(_: Request) -> Response:
    log.info("said")
    raise ZeroDivisionError("secret")


def app(*, tls: bool = False, burst: int = 5) -> AnswerHeaders:
    inner = Starlette(routes=[Route(f"/{end.__name__}", end) for end in (hello, page, stumble)])
    install_problems(inner)
    limited = AddressLimit(inner, Rate(1, burst, CLOCK, name="address"))
    return AnswerHeaders(limited, tls=tls)


@pytest.fixture
def client() -> Callable[..., httpx2.AsyncClient]:
    def opened(**how: object) -> httpx2.AsyncClient:
        wire = httpx2.ASGITransport(app(**how), raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx2.AsyncClient(transport=wire, base_url="http://pulse.example")

    return opened


async def test_a_callers_own_id_comes_back_and_stands_in_every_line(client: Callable[..., httpx2.AsyncClient]) -> None:
    lines = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, lines])
    try:
        async with client() as http:
            for address in ("/hello", "/stumble"):
                answer = await http.get(address, headers={"X-Request-Id": "order-17.a_B"})
                assert answer.headers["x-request-id"] == "order-17.a_B"
            other = (await http.get("/hello")).headers["x-request-id"]
    finally:
        structlog.configure(**before)
    assert [line["request_id"] for line in lines.entries] == ["order-17.a_B", "order-17.a_B", other]


@pytest.mark.parametrize("odd", ["", "a b", "x" * 65, 'a"b', "<script>", "ä", "a\tb"])
async def test_an_odd_id_is_replaced_by_one_of_ours(client: Callable[..., httpx2.AsyncClient], odd: str) -> None:
    async with client() as http:
        answers = [await http.get("/hello", headers={"X-Request-Id": odd.encode()}) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert odd not in ids
    assert len(set(ids)) == 2


async def test_errors_and_what_is_not_there_carry_them_too(client: Callable[..., httpx2.AsyncClient]) -> None:
    async with client() as http:
        for address, status in (("/elsewhere", 404), ("/stumble", 500), ("/hello", 200)):
            answer = await http.get(address)
            assert answer.status_code == status
            assert answer.headers["x-request-id"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert (
                answer.headers["content-security-policy"]
                == "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
            )
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in answer.headers
        refused = await http.post("/hello")
        assert (refused.status_code, bool(refused.headers["x-request-id"])) == (405, True)


async def test_an_answer_that_says_so_itself_is_left_alone(client: Callable[..., httpx2.AsyncClient]) -> None:
    async with client() as http:
        answer = await http.get("/page")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("cache-control") == ["private"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_behind_tls_browsers_are_told_to_stay_there(client: Callable[..., httpx2.AsyncClient]) -> None:
    async with client(tls=True) as http:
        assert "max-age=" in (await http.get("/hello")).headers["strict-transport-security"]


async def test_a_limit_is_told_before_it_is_met_and_when_there_is_room_again(
    client: Callable[..., httpx2.AsyncClient],
) -> None:
    async with client(burst=2) as http:
        told = [await http.get("/hello") for _ in range(3)]
    assert {answer.headers["ratelimit-policy"] for answer in told} == {'"address";q=2;w=2'}
    assert [answer.headers["ratelimit"] for answer in told] == [
        '"address";r=1;t=1', '"address";r=0;t=2', '"address";r=0;t=2',
    ]  # fmt: skip
    assert [answer.status_code for answer in told] == [200, 200, 429]
    is_problem(told[-1], 429, "too-often")
    assert told[-1].headers["retry-after"] == "1"
    CLOCK.now += 100


async def test_whoever_watches_over_us_is_never_turned_away(client: Callable[..., httpx2.AsyncClient]) -> None:
    async with client(burst=1) as http:
        assert {(await http.get("/healthz")).status_code for _ in range(5)} == {404}  # as far as the routes
        assert [(await http.get("/hello")).status_code for _ in range(2)] == [200, 429]
    CLOCK.now += 100
