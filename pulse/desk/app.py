"""The desk as an application: FastAPI with every desk route, and whatever other routes wiring adds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pulse import __version__
from pulse.desk.docs import HEADERS, docs_page
from pulse.files.uploads import PATHS as UPLOADS
from pulse.http import BodyLimit, answer, install_problems, told

BODY_LIMIT = 64 * 1024

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is for programs, `title` for people; `errors` names fields, some rules add more.",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

Checks = Callable[[], Awaitable[dict[str, bool]]]


class Documented(FastAPI):
    """FastAPI whose document also holds what was written by hand for plain routes."""

    by_hand: Mapping[str, Any]
    schemes: Mapping[str, Any]

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"] = {**self.by_hand, **schema["paths"]}
            _tell_problems(schema)
            schema.setdefault("components", {}).setdefault("securitySchemes", {}).update(self.schemes)
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
    app = Documented(title="Pulse", version=__version__, docs_url=None, redoc_url=None)
    app.by_hand, app.schemes = by_hand, schemes
    if proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)
    app.add_middleware(BodyLimit, limit=BODY_LIMIT, but=UPLOADS)
    install_problems(app)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for router in routers:
        app.include_router(router)
    app.router.routes[:0] = routes

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["operation"])
    async def healthz() -> Response:
        """200 once everything this process needs is ready to serve."""
        found = await checks()
        ready = all(found.values())
        return answer({"status": "ok" if ready else "not ready", "checks": found}, 200 if ready else 503)

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/docs")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()), headers=HEADERS)

    return app


def _tell_problems(schema: dict[str, Any]) -> None:
    """Wrong fields are told as a problem, which FastAPI's document does not know."""
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in schema["paths"].values():
        for operation in methods.values():
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = {"description": "fields that are missing, wrong or unknown", "content": content}
            responses.setdefault("default", {"description": "any other error", "content": content})


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return told("invalid", f"The body is not JSON: {first['ctx']['error']}.", 422)
    if first["loc"] == ("body",):
        return told("invalid", "Send a JSON object, with the header Content-Type: application/json.", 422)
    faults: list[dict[str, Any]] = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]} for fault in error.errors()
    ]
    return told("invalid", "Some fields are missing, wrong or unknown.", 422, errors=jsonable_encoder(faults))
