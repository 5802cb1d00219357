"""What the doors share: errors as problem details (RFC 9457), bodies with a limit, and JSON objects out of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulse.errors import BadInput, NotAllowed, NotFound, PulseError, TooLarge, Trouble, WrongMethod
from pulse.limits import Rate, TooOften, network_of

MEDIA_TYPE = "application/problem+json"

# What the framework itself refuses is told like our own refusals.
FRAMEWORKS: dict[int, type[PulseError]] = {400: BadInput, 404: NotFound, 405: WrongMethod, 413: TooLarge}


class Invalid(BadInput):
    """Some fields are missing, wrong or unknown."""

    status = 422


# Of one address; the webhooks, which stand before this, have proofs instead.
PER_SECOND, AT_ONCE = 500, 5000
HEALTH = "/healthz"  # whoever watches over us is never turned away

NO_PATH = re.compile(r"(?!)")

Endpoint = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger(__name__)


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def problem(error: PulseError) -> Response:
    """An error as its sender should see it: a stable code, a sentence, and details where the rule gives some."""
    if error.status == 503:
        cause = repr(error.__cause__) if error.__cause__ else None
        # An outage is told once, by what follows the log and by what reads Postgres; not by everybody who meets it.
        log.debug("trouble", code=error.code, message=str(error), cause=cause)
    response = told(error.code, str(error), error.status, **error.details)
    if isinstance(error, Trouble):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def told(code: str, title: str, status: int, /, **details: object) -> Response:
    """A problem document."""
    body = described(code, title, status) | details
    return Response(orjson.dumps(body, default=str), status, media_type=MEDIA_TYPE)


def described(code: str, title: str, status: int, /) -> dict[str, Any]:
    """What every problem document says."""
    return {"type": f"urn:pulse:{code}", "title": title, "status": status, "code": code}


def install_problems(app: Starlette) -> None:
    """Every error becomes a problem, here and nowhere else: ours, the framework's, and what nobody foresaw."""

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, PulseError)
        if isinstance(error, NotAllowed):
            _log_refused(request, error)
        return problem(error)

    async def on_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        ours = FRAMEWORKS.get(error.status_code)
        response = problem(ours()) if ours else told("http", error.detail, error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def on_unforeseen(_: Request, __: Exception) -> Response:
        return told("unforeseen", "Something went wrong in Pulse. It is in its log.", 500)

    app.add_exception_handler(PulseError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_unforeseen)


def _log_refused(request: Request, error: NotAllowed) -> None:
    """Who tried what, with the route as it is written: an address itself may hold a token."""
    log.warning(
        "http.refused",
        code=error.code,
        method=request.method,
        route=getattr(request.scope.get("route"), "path", ""),
        account=getattr(request.state, "person", None),
        address=request.client.host if request.client else "",
    )


class Fork:
    """Sends the addresses under a prefix to an application of their own, past the frame around all others."""

    def __init__(self, prefix: str, taken: ASGIApp, others: ASGIApp) -> None:
        self.prefix = prefix
        self.taken = taken
        self.others = others

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        taken = scope["type"] == "http" and scope["path"].startswith(self.prefix)
        return (self.taken if taken else self.others)(scope, receive, send)


class AddressLimit:
    """What one address may ask for altogether: much, for a whole office may share it, but not everything."""

    def __init__(self, app: ASGIApp, rate: Rate | None = None) -> None:
        self.app = app
        self.rate = rate or Rate(PER_SECOND, AT_ONCE, name="address")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH:
            try:
                self.rate.require(network_of(scope["client"][0] if scope["client"] else ""))
            except TooOften as refusal:
                await problem(refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """Whoever reads more of a body than `limit` bytes is told 413, before the rest is read.

    Addresses that match `but` limit their bodies themselves.
    """

    def __init__(self, app: ASGIApp, limit: int, but: re.Pattern[str] = NO_PATH) -> None:
        self.app = app
        self.limit = limit
        self.but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.but.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        declared = declared_size(Headers(scope=scope))
        read = 0

        async def limited() -> Message:
            nonlocal read
            message: Message = {} if declared > self.limit else await receive()
            read += len(message.get("body", b""))
            if max(read, declared) > self.limit:
                raise HTTPException(413)  # the frameworks' own: they pass it on
            return message

        await self.app(scope, limited, send)


def declared_size(headers: Mapping[str, str]) -> int:
    declared = headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises TooLarge before the rest is read."""
    if declared_size(headers) > limit:
        raise TooLarge
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("The body broke off.")
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(chunks[-1])
        if size > limit:
            raise TooLarge
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def json_object(body: bytes | str) -> dict[str, Any]:
    """The JSON object that a body or a socket's message is. Raises BadInput."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadInput("This is not JSON.") from None
    if not isinstance(parsed, dict):
        raise BadInput("This is JSON, but not an object.")
    return parsed
