"""What the HTTP doors share: errors as problem details (RFC 9457), and bodies with a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pulse.errors import BadInput, PulseError, TooLarge, Trouble

RETRY_AFTER_SECONDS = 2

Endpoint = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger(__name__)


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def problem(error: PulseError) -> Response:
    """An error as its sender should see it: a stable code, a sentence, and details where the rule gives some."""
    if error.status == 503:
        log.warning("trouble", code=error.code, message=str(error))
    body = {
        "type": f"urn:pulse:{error.code}", "title": str(error), "status": error.status, "code": error.code,
    } | error.details  # fmt: skip
    response = Response(orjson.dumps(body, default=str), error.status, media_type="application/problem+json")
    if isinstance(error, Trouble):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def install_problems(app: Starlette) -> None:
    """Every error of ours becomes a problem, here and nowhere else; anything unforeseen becomes a plain 500."""

    async def on_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, PulseError)
        return problem(error)

    async def on_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        body = {"type": "about:blank", "title": error.detail, "status": error.status_code, "code": "http"}
        return Response(orjson.dumps(body), error.status_code, error.headers, "application/problem+json")

    app.add_exception_handler(PulseError, on_error)
    app.add_exception_handler(HTTPException, on_http)


class Fork:
    """Sends the addresses under a prefix to an application of their own, past the frame around all others."""

    def __init__(self, prefix: str, taken: ASGIApp, others: ASGIApp) -> None:
        self.prefix = prefix
        self.taken = taken
        self.others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = scope["type"] == "http" and scope["path"].startswith(self.prefix)
        await (self.taken if taken else self.others)(scope, receive, send)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises TooLarge before the rest is read."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadInput("The body broke off.")
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(chunks[-1])
        if size > limit:
            raise TooLarge
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def same_host(origin: str, host: str) -> bool:
    """Does a browser's Origin name this very host? Ports may differ: the push door has its own."""
    try:
        named = urlsplit(origin).hostname
        return named is not None and named == urlsplit(f"//{host}").hostname
    except ValueError:
        return False
