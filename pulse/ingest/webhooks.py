"""`POST /webhook/{channel}/{sourceId}`: a provider's delivery, answered once it is on disk.

Plain Starlette, not FastAPI: the frame around a handler would cost twice what the handler does.
"""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.channels import Channel, Confirmation, Unreadable, require_secret
from pulse.directory import Directory
from pulse.errors import NotAuthentic, PulseError
from pulse.http import read_body
from pulse.ingest.drivers import Drivers
from pulse.ingest.intake import Delivered, Intake
from pulse.ingest.traces import Traces

LIMIT = 1024 * 1024


class Webhooks:
    """The route and what it needs."""

    def __init__(self, directory: Directory, drivers: Drivers, intake: Intake, traces: Traces) -> None:
        self.directory = directory
        self.drivers = drivers
        self.intake = intake
        self.traces = traces

    def routes(self) -> list[Route]:
        return [Route("/webhook/{channel}/{source_id}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """200 with the channel's own words once stored; 401 for strangers, whatever is wrong with them."""
        body = await read_body(request, LIMIT)
        try:
            driver = self._driver(request.path_params["channel"], request.path_params["source_id"])
            driver.verify(request.headers, body)
        except PulseError as refusal:
            await self.traces.leave(request.path_params["source_id"], "refused", refusal.code, body)
            raise
        code = await self._take(driver, body)
        if code is not None:
            return Response(code, media_type="text/plain")
        media_type, words = driver.answer
        return Response(words, media_type=media_type)

    def _driver(self, channel: str, source_id: str) -> Channel:
        try:
            driver = self.drivers.of(UUID(source_id))
        except ValueError:
            driver = None
        if driver is None or driver.name != channel:
            require_secret(b"an unknown source takes as long as a known one", b"")
            raise NotAuthentic
        return driver

    async def _take(self, driver: Channel, body: bytes) -> str | None:
        """Takes in every arrival; returns a confirmation code if the delivery asks for one."""
        delivered = Delivered(self.directory.source(driver.account.id), body)
        try:
            arrivals = driver.read(body)
        except Unreadable as unreadable:
            await self.intake.quarantine(delivered, str(unreadable))
            return None
        for arrival in arrivals:
            if isinstance(arrival, Confirmation):
                await self.traces.leave(str(driver.account.id), "confirmed", arrival.external_id, body)
                return arrival.code
            taken = await self.intake.take(delivered, arrival)
            if taken.outcome in ("repeated", "live"):
                await self.traces.leave(str(driver.account.id), taken.outcome, arrival.external_id, body)
        return None
