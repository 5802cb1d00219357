"""`GET /metrics`: what Prometheus reads, and who may.

With a token, whoever brings it. Without one, programs of this very machine: a proxy here speaks for others, and names
them, so what came through one is not from here. Nobody else is told that there is anything.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.errors import NotAuthentic, NotFound
from pulse.http import problem
from pulse.metrics import MEDIA_TYPE, Metrics

PATH = "/metrics"
OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")

Checks = Callable[[], Awaitable[Mapping[str, bool]]]


def metrics_route(metrics: Metrics, token: str, checks: Checks) -> Route:
    """`checks` are those of /healthz."""

    async def show_metrics(request: Request) -> Response:
        try:
            require_scraper(request, token)
        except NotAuthentic as refusal:
            refused = problem(refusal)
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        for check, good in (await checks()).items():
            metrics.ready.labels(check).set(good)
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return Route(PATH, show_metrics, methods=["GET"])


def require_scraper(request: Request, token: str) -> None:
    """Raises NotAuthentic where a token is wanted, NotFound where being here is."""
    if token:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(f"Bearer {token}".encode(), given):
            raise NotAuthentic
    elif not _is_here(request.client.host if request.client else "") or any(map(request.headers.get, OF_PROXIES)):
        raise NotFound


def _is_here(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
