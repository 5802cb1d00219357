"""`POST /webhook/{channel}/{sourceId}`: a provider's delivery, answered once it is on disk.

An ASGI application of its own in front of the others: the frame around a FastAPI route costs as much as all that
happens here.
"""

from __future__ import annotations

import contextlib
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from pulse.channels import Channel, Unreadable, require_secret
from pulse.channels.arrivals import Confirmation
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.errors import BadInput, NotAuthentic, NotFound, PulseError, Refusal, Trouble
from pulse.http import problem, read_body
from pulse.ingest.blocked import is_blocked
from pulse.ingest.intake import Delivered, Intake
from pulse.ingest.traces import Traces

PREFIX = "/webhook/"
LIMIT = 1024 * 1024

log = structlog.get_logger(__name__)


class PostOnly(BadInput):
    """This address takes POST only."""

    status = 405


class NoCode(Refusal):
    """This source has no confirmation code yet. Copy it from the provider into `pulse source set ID --confirmation`."""


class Webhooks:
    """Everything under PREFIX, and what it needs."""

    def __init__(self, directory: Directory, drivers: Drivers, intake: Intake, traces: Traces) -> None:
        self.directory = directory
        self.drivers = drivers
        self.intake = intake
        self.traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """200 with the channel's own words once stored; 401 for strangers, whatever is wrong with them; never a 500."""
        try:
            media_type, words = await self._receive(scope, receive)
        except PulseError as error:
            refused = problem(error)
            if isinstance(error, PostOnly):
                refused.headers["Allow"] = "POST"
            await refused(scope, receive, send)
            return
        except Exception:  # nothing stands behind this door, and a provider sends again what is answered 503
            log.exception("webhook.unforeseen", path=scope["path"])
            await problem(Trouble())(scope, receive, send)
            return
        headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(words))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": words})

    async def _receive(self, scope: Scope, receive: Receive) -> tuple[str, bytes]:
        channel, source_id = _address(scope)
        headers = Headers(raw=scope["headers"])
        body = await read_body(headers, receive, LIMIT)
        driver = None
        try:
            driver = self._driver(channel, source_id)
            driver.verify(headers, body)
        except PulseError as refusal:
            await self.traces.leave(source_id, "refused", refusal.code, _without_proof(driver, body))
            raise
        code = await self._take(driver, driver.kept(body))
        return driver.answer if code is None else ("text/plain", code.encode())

    def _driver(self, channel: str, source_id: str) -> Channel:
        """One that is switched off is as unknown as any other."""
        try:
            driver = self.drivers.of(UUID(source_id)) if self._is_on(UUID(source_id)) else None
        except ValueError:
            driver = None
        if driver is None or driver.name != channel:
            require_secret(b"an unknown source takes as long as a known one", b"")
            raise NotAuthentic
        return driver

    def _is_on(self, source_id: UUID) -> bool:
        source = self.directory.find_source(source_id)
        return source is not None and not source.disabled

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
                if not arrival.code:
                    await self.traces.leave(str(driver.account.id), "refused", NoCode().code, body)
                    raise NoCode
                await self.traces.leave(str(driver.account.id), "confirmed", arrival.external_id, body)
                return arrival.code
            if is_blocked(self.directory, delivered.source.id, arrival):
                await self.traces.leave(str(driver.account.id), "blocked", arrival.external_id, body)
                continue
            taken = await self.intake.take(delivered, arrival)
            if taken.outcome in ("repeated", "live"):
                await self.traces.leave(str(driver.account.id), taken.outcome, arrival.external_id, body)
        return None


def _without_proof(driver: Channel | None, body: bytes) -> bytes:
    """What may be shown of a refused body: nothing, where nobody can say what in it is secret."""
    if driver is not None:
        with contextlib.suppress(BadInput):
            return driver.kept(body)
    return b""


def _address(scope: Scope) -> tuple[str, str]:
    """Channel and source id out of the path. Raises NotFound, PostOnly."""
    parts = scope["path"].removeprefix(PREFIX).split("/")
    if len(parts) != 2:
        raise NotFound
    if scope["method"] != "POST":
        raise PostOnly
    return parts[0], parts[1]
