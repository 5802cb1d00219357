"""The HTTP doors: webhooks, the widget and producers come in by one, the desk is the other."""

from __future__ import annotations

from typing import Any

import httpx2
from starlette.types import ASGIApp

from pulse.desk.app import http_app
from pulse.desk.error_pages import ErrorPages
from pulse.drivers import Drivers
from pulse.house import House, now
from pulse.http import Fork
from pulse.http_headers import AnswerHeaders
from pulse.ingest import openapi as of_ingest
from pulse.ingest.intake import Intake
from pulse.ingest.producers import Producers
from pulse.ingest.publishing import PREFIX as EVENTS
from pulse.ingest.publishing import Publishing
from pulse.ingest.traces import Traces
from pulse.ingest.webhooks import PREFIX as WEBHOOKS
from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget
from pulse.ingest.widget_files import WidgetFiles
from pulse.projections.reads import Reads
from pulse.push import openapi as of_push
from pulse.push import stream_openapi as of_streams
from pulse.scraping import metrics_route
from pulse.snapshots import Snapshots
from pulse.wiring.desk_parts import desk_parts, no_desk_parts
from pulse.wiring.desk_routes import desk_routers
from pulse.wiring.parts import readable, until_readable

PATHS = of_ingest.PATHS | of_push.PATHS | of_streams.PATHS
SECURITY = of_ingest.SECURITY | of_push.SECURITY


def open_ingest(house: House, reads: Reads) -> None:
    """Webhooks, producers' events and the widget."""
    intake = Intake(house.store, house.blobs, now)
    drivers = Drivers(house.directory, house.vault)
    traces = Traces(house.log)
    house.webhooks = Webhooks(house.directory, drivers, intake, traces)
    house.publishing = Publishing(Producers(house.directory, house.vault), house.store, traces, now)
    widget = Widget(house.directory, drivers, intake, house.signer, reads, now, traces)
    house.routes += [*widget.routes(), *WidgetFiles(widget, house.blobs).routes()]


def open_desk(house: House, reads: Reads, http: httpx2.AsyncClient) -> None:
    """The moderators' API; `http` asks providers."""
    parts = desk_parts(house, reads, http)
    house.routers += desk_routers(parts)
    house.pages = parts.pages
    house.tasks.append(parts.attention.run)
    house.checks["reads"] = lambda: readable(reads)
    house.begins.append(lambda: until_readable(reads))


def openapi() -> dict[str, Any]:
    """The HTTP API's document, made without any server."""
    nothing: Any = None
    return http_app(desk_routers(no_desk_parts()), [], nothing, PATHS, SECURITY).openapi()


def whole_app(house: House) -> ASGIApp:
    """Whatever routes this process has."""
    settings = house.settings
    routes = [*house.routes, metrics_route(house.metrics, settings.metrics_token, house.check)]
    app: ASGIApp = http_app(house.routers, routes, house.check, PATHS, SECURITY, proxies=settings.trusted_proxies)
    if house.reads is not None:
        app = Snapshots(app, house.reads, house.cursors)
    if house.pages is not None:
        app = ErrorPages(app, house.pages)
    if house.webhooks is not None and house.publishing is not None:
        app = Fork(WEBHOOKS, Fork(EVENTS, house.publishing, house.webhooks), app)
    return AnswerHeaders(app, tls=settings.secure_cookies)
