"""Errors as browsers see them: a page in their language with a way back, where the API has a problem document."""

from __future__ import annotations

from html import escape

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulse.desk.page_desk import DASHBOARD, LOGIN, PageDesk, Shell
from pulse.http import MEDIA_TYPE
from pulse.http_headers import OF_LINES

# First parts of addresses where programs ask, also those that a browser opens; /auth has pages of its own.
OF_PROGRAMS = frozenset({
    "api", "apps", "auth", "broadcasting", "channel", "chat", "healthz", "metrics", "openapi.json", "pusher", "webhook",
    "widget",
})  # fmt: skip
# Whoever comes too often, or while we are in trouble, is not looked up as well.
UNASKED = frozenset({429, 500, 503})
# What a problem says of its own body; the page says the same of its.
OF_BODIES = frozenset({"content-type", "content-length"})


class ErrorPages:
    """An application whose problems are pages for whoever asks for HTML at an address of people."""

    def __init__(self, app: ASGIApp, desk: PageDesk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not for_people(scope):
            await self._app(scope, receive, send)
            return
        problem: list[Message] = []

        async def send_page(message: Message) -> None:
            """Holds a problem back until it is whole."""
            if not problem and not is_problem(message):
                await send(message)
                return
            problem.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                page = await self._page(Request(scope), problem)
                await page(scope, receive, send)

        await self._app(scope, receive, send_page)

    async def _page(self, request: Request, problem: list[Message]) -> Response:
        start, *bodies = problem
        status = start["status"]
        strangers = status in UNASKED
        shell = self._desk.strangers(request) if strangers else await self._desk.shell(request)
        code = orjson.loads(b"".join(body.get("body", b"") for body in bodies))["code"]
        page = error_page(shell, status, code)
        _keep(page.headers, Headers(raw=start["headers"]))
        return page


def for_people(scope: Scope) -> bool:
    """Does somebody at a browser look?"""
    if scope["type"] != "http" or scope["path"].lstrip("/").partition("/")[0] in OF_PROGRAMS:
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def is_problem(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE


def error_page(shell: Shell, status: int, code: str) -> Response:
    """A sentence of the error's own if there is one, and the way back."""
    words, kind = shell.words, str(status) if str(status) in shell.words else "error"
    # Forms say `not-authentic` of a code that came too late.
    said = shell.says("" if status == 401 else code, status)
    number = f'<p class="quiet">{escape(words["request"])} <code>{_request_id()}</code></p>' if status == 500 else ""
    body = f"<p>{escape(said)}</p>{number}<p>{_way_back(shell, status)}</p>"
    return shell.page(words[kind], body, status)


def _way_back(shell: Shell, status: int) -> str:
    words = shell.words
    if status == 401:
        return shell.link(LOGIN, words["sign_in"])
    if shell.person is not None:
        return shell.link(DASHBOARD, words[DASHBOARD])
    return shell.link("/", words["home"])


def _request_id() -> str:
    """What stands in the log's lines about it."""
    return escape(OF_LINES.get(""))


def _keep(headers: MutableHeaders, of_problem: Headers) -> None:
    for name, said in of_problem.items():
        if name not in OF_BODIES:
            headers[name] = said
