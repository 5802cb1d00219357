"""What all doors share: whatever goes wrong is a problem document, and bodies are no larger than they may be."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pulse.errors import BadInput, StoreConflict
from pulse.http import BodyLimit, install_problems, json_object
from tests.world import is_problem


async def stumble(_: Request) -> Response:
    raise ZeroDivisionError("secret")


async def conflict(_: Request) -> Response:
    raise StoreConflict


async def teapot(_: Request) -> Response:
    raise HTTPException(418, "I am a teapot.")


async def half(_: Request) -> Response:
    raise HTTPException(400)


async def read(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def ignore(_: Request) -> Response:
    return PlainTextResponse("not read")


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    ends = (stumble, conflict, teapot, half, read, ignore)
    routes = [Route(f"/{end.__name__}", end, methods=["POST"]) for end in ends]
    app = Starlette(routes=routes, middleware=[Middleware(BodyLimit, limit=1000)])
    install_problems(app)
    wire = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=wire, base_url="http://pulse.example") as client:
        yield client


async def test_every_error_is_a_problem(http: httpx2.AsyncClient) -> None:
    told = is_problem(await http.post("/stumble"), 500, "unforeseen")
    assert "secret" not in str(told)
    trouble = await http.post("/conflict")
    is_problem(trouble, 503, "store-conflict")
    assert int(trouble.headers["retry-after"]) > 0
    is_problem(await http.post("/elsewhere"), 404, "not-found")
    is_problem(await http.post("/half"), 400, "bad-input")
    assert is_problem(await http.post("/teapot"), 418, "http")["title"] == "I am a teapot."
    refused = await http.get("/read")
    is_problem(refused, 405, "wrong-method")
    assert refused.headers["allow"] == "POST"


async def test_a_body_is_read_up_to_the_limit(http: httpx2.AsyncClient) -> None:
    async def in_chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 300):
            yield b"x" * min(300, size - start)

    for content in (b"x" * 1000, in_chunks(1000)):
        assert (await http.post("/read", content=content)).text == "1000"
    for content in (b"x" * 1001, in_chunks(1001), in_chunks(100_000)):
        is_problem(await http.post("/read", content=content), 413, "too-large")
    assert (await http.post("/ignore", content=b"x" * 1001)).text == "not read"


def test_an_object_is_read_or_refused() -> None:
    assert json_object(b'{"a": 1}') == json_object('{"a": 1}') == {"a": 1}
    for odd in (b"", b"\xff", b"[]", b"null", b"{", "5", "NaN", '{"a": NaN}'):
        with pytest.raises(BadInput):
            json_object(odd)
