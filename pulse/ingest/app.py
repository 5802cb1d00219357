"""The ingest door: webhook and widget routes, nothing that needs more than the log."""

from __future__ import annotations

from starlette.routing import BaseRoute

from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget


def ingest_routes(webhooks: Webhooks, widget: Widget) -> list[BaseRoute]:
    return [*webhooks.routes(), *widget.routes()]
