"""The desk as an application: FastAPI with every desk route, and whatever other routes wiring adds."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pulse import __version__
from pulse.desk.answers import Shown, shows
from pulse.desk.document import SIGNED_IN, complete
from pulse.desk.faults import faults_of
from pulse.desk.refusals import Guards, guards_of
from pulse.errors import WrongMethod
from pulse.files.uploads import PATHS as UPLOADS
from pulse.http import AddressLimit, BodyLimit, Invalid, answer, install_problems, problem
from pulse.socket_ids import SenderSocket

BODY_LIMIT = 64 * 1024
# Addresses that limit their own bodies: uploads, and what Pusher's server libraries publish.
OWN_LIMITS = re.compile(rf"{UPLOADS.pattern}|/apps/[^/]+/(batch_)?events")


class Health(Shown):
    """Whether everything that this process needs is ready."""

    status: Literal["ok", "not ready"]
    checks: Annotated[dict[str, bool], Field(examples=[{"log": True, "reads": True}])]


Checks = Callable[[], Awaitable[dict[str, bool]]]


class Documented(FastAPI):
    """FastAPI whose document also holds what was written by hand for plain routes; others are called like functions."""

    by_hand: Mapping[str, Any]
    schemes: Mapping[str, Any]
    guards: Guards
    without_example: Sequence[str] = ()

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            for route in self.routes:
                if isinstance(route, APIRoute):
                    route.operation_id = route.name
            schema = super().openapi()
            schema["paths"] = {**deepcopy(dict(self.by_hand)), **schema["paths"]}
            self.without_example = complete(schema, self.guards)
            schema["components"]["securitySchemes"] = {**self.schemes, **SIGNED_IN}
        return super().openapi()


def http_app(
    routers: Sequence[APIRouter],
    routes: Sequence[BaseRoute],
    checks: Checks,
    by_hand: Mapping[str, Any],
    schemes: Mapping[str, Any],
    proxies: str = "",
) -> FastAPI:
    """One application out of the doors that this process opens. `by_hand` documents the plain routes.

    Only `proxies` (addresses and networks, with commas between) are believed about who their clients are.
    """
    app = Documented(title="Pulse", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.by_hand, app.schemes, app.guards = by_hand, schemes, guards_of(routers)
    app.add_middleware(AddressLimit)
    if proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)
    app.add_middleware(SenderSocket)
    app.add_middleware(BodyLimit, limit=BODY_LIMIT, but=OWN_LIMITS)
    install_problems(app)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    # As they are: `include_router` would make every one of them again, with all that it is checked by.
    app.router.routes[:0] = [*routes, *(route for router in (*routers, own_routes(checks)) for route in router.routes)]
    app.add_exception_handler(405, _on_method(app.routes))
    return app


def own_routes(checks: Checks) -> APIRouter:
    """What the application says of itself."""
    router = APIRouter(tags=["operation"])

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz", responses=shows(Health) | shows(Health, "not ready yet", 503))
    async def show_health() -> Response:
        """200 once everything this process needs is ready to serve."""
        found = await checks()
        ready = all(found.values())
        return answer({"status": "ok" if ready else "not ready", "checks": found}, 200 if ready else 503)

    return router


def _on_method(routes: Sequence[BaseRoute]) -> Callable[[Request, Exception], Response]:
    """405 with every method of the address (RFC 9110, 15.5.6): the framework names those of one route alone."""
    known = [(route.path_regex, route.methods or set()) for route in routes if isinstance(route, Route)]

    def on_method(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        allowed = {one for pattern, methods in known if pattern.match(request.url.path) for one in methods}
        refused = problem(WrongMethod())
        refused.headers["Allow"] = ", ".join(sorted(allowed)) or (error.headers or {}).get("Allow", "GET")
        return refused

    return on_method


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(_no_body(f"The body is not JSON: {first['ctx']['error']}."))
    if first["loc"] == ("body",):
        return problem(_no_body("Send a JSON object, with the header Content-Type: application/json."))
    return problem(Invalid(errors=faults_of(error.errors(), request.scope["route"])))


def _no_body(words: str) -> Invalid:
    """Of the whole body, so its fault has no field."""
    return Invalid(words, errors=[{"field": "", "message": words}])
