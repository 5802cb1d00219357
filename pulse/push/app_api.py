"""Pusher's signed HTTP API under `/apps/{id}/`, such that its server libraries work unchanged.

Its libraries show the body of a refusal as it is, so it is a sentence and not a problem document.
https://pusher.com/docs/channels/library_auth_reference/rest-api/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pulse.errors import NotFound, PulseError, Trouble
from pulse.http import answer, read_body
from pulse.limits import Rate
from pulse.push.app_occupancy import Channels
from pulse.push.app_publishing import Publishing
from pulse.pusher_app import PusherApp

BODY_BYTES = 768 * 1024  # ten events of 10 KB whose every character is escaped, with their channels
PER_SECOND, AT_ONCE = 500, 2000

Count = Callable[[str, int], None]
Act = Callable[[Request, bytes], Awaitable[dict[str, Any]]]
Endpoint = Callable[[Request], Awaitable[Response]]


class AppApi:
    """The routes. `clock` is in seconds since 1970; `count` is told each operation and its status."""

    def __init__(
        self, app: PusherApp, publishing: Publishing, channels: Channels, clock: Callable[[], float], count: Count
    ) -> None:
        self._app = app
        self._publishing = publishing
        self._channels = channels
        self._clock = clock
        self._count = count
        self._rate = Rate(PER_SECOND, AT_ONCE, name="app")

    def routes(self) -> list[BaseRoute]:
        """The last one is where the library for Python asks (its 3.3.4 leaves out the app)."""
        here, terminate = "/apps/{app_id}", self._signed("terminate_connections", self._terminate)
        ending = "/users/{user_id:path}/terminate_connections"
        return [
            Route(f"{here}/events", self._signed("events", self._publish), methods=["POST"]),
            Route(f"{here}/batch_events", self._signed("batch_events", self._publish_batch), methods=["POST"]),
            Route(f"{here}/channels", self._signed("channels", self._list), methods=["GET"]),
            Route(f"{here}/channels/{{channel}}", self._signed("channel", self._show), methods=["GET"]),
            Route(f"{here}/channels/{{channel}}/users", self._signed("users", self._users), methods=["GET"]),
            Route(f"{here}{ending}", terminate, methods=["POST"]),
            Route(ending, terminate, methods=["POST"]),
        ]

    def _signed(self, operation: str, act: Act) -> Endpoint:
        """Whatever is asked needs the signature first."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await self._admit(request)
                found: Response = answer(await act(request, body))
            except PulseError as refusal:
                found = refused(refusal)
            self._count(operation, found.status_code)
            return found

        return endpoint

    async def _admit(self, request: Request) -> bytes:
        """The body of a signed request. Raises NotAuthentic, AppDisabled, TooLarge, TooOften, NotFound (another app)."""
        body = await read_body(request.headers, request.receive, BODY_BYTES)
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        # Libraries sign the path as they mean it, or as they send it.
        paths = {request.scope["path"], request.scope.get("raw_path", b"").decode("latin-1")}
        self._app.require_signed(request.method, paths, query, body, self._clock())
        self._app.require_enabled()
        self._rate.require(self._app.id)
        if request.path_params.get("app_id", self._app.id) != self._app.id:
            raise NotFound("There is no such app.")
        return body

    async def _publish(self, _: Request, body: bytes) -> dict[str, Any]:
        return await self._publishing.one(body)

    async def _publish_batch(self, _: Request, body: bytes) -> dict[str, Any]:
        return await self._publishing.several(body)

    async def _list(self, request: Request, _: bytes) -> dict[str, Any]:
        query = request.query_params
        return self._channels.all(query.get("filter_by_prefix", ""), query.get("info", ""))

    async def _show(self, request: Request, _: bytes) -> dict[str, Any]:
        return await self._channels.one(request.path_params["channel"], request.query_params.get("info", ""))

    async def _users(self, request: Request, _: bytes) -> dict[str, Any]:
        return self._channels.users(request.path_params["channel"])

    async def _terminate(self, request: Request, _: bytes) -> dict[str, Any]:
        return await self._publishing.terminate(request.path_params["user_id"])


def refused(error: PulseError) -> Response:
    found = PlainTextResponse(str(error), error.status)
    if isinstance(error, Trouble):
        found.headers["Retry-After"] = str(error.retry_after)
    return found
