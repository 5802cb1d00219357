"""The desk as an application: FastAPI with every desk route, and whatever other routes wiring adds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response
from starlette.routing import BaseRoute

from pulse import __version__
from pulse.http import answer, install_problems

BODY_LIMIT = 64 * 1024

Checks = Callable[[], Awaitable[dict[str, bool]]]


class Documented(FastAPI):
    """FastAPI whose document also holds what was written by hand for plain routes."""

    by_hand: Mapping[str, Any]
    schemes: Mapping[str, Any]

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"] = {**self.by_hand, **schema["paths"]}
            schema.setdefault("components", {}).setdefault("securitySchemes", {}).update(self.schemes)
        return super().openapi()


def http_app(
    routers: Sequence[APIRouter],
    routes: Sequence[BaseRoute],
    checks: Checks,
    by_hand: Mapping[str, Any],
    schemes: Mapping[str, Any],
) -> FastAPI:
    """One application out of the doors that this process opens. `by_hand` documents the plain routes."""
    app = Documented(title="Pulse", version=__version__)
    app.by_hand, app.schemes = by_hand, schemes
    install_problems(app)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for router in routers:
        app.include_router(router, max_body_size=BODY_LIMIT)
    # Webhooks and the widget bring their own limits and are not wrapped.
    app.router.routes[:0] = routes

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> Response:
        """200 once everything this process needs is ready to serve."""
        found = await checks()
        ready = all(found.values())
        return answer({"status": "ok" if ready else "not ready", "checks": found}, 200 if ready else 503)

    return app


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults: list[dict[str, Any]] = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]} for fault in error.errors()
    ]
    body = {
        "type": "urn:pulse:invalid", "title": "Some fields are missing or wrong.", "status": 422, "code": "invalid",
        "errors": jsonable_encoder(faults),
    }  # fmt: skip
    return Response(orjson.dumps(body), 422, media_type="application/problem+json")
