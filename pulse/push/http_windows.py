"""What windows over HTTP have in common: who gets in, from which pages, how often, and that they leave the hub."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from pulse.access import may_call, may_embed
from pulse.errors import PulseError, TryLater
from pulse.http import Endpoint, problem
from pulse.limits import Rate, network_of
from pulse.push.codes import Code
from pulse.push.outlet import Outlet
from pulse.push.peers import Owner
from pulse.push.server import PushServer
from pulse.push.windows import SessionEnded, Windows

# https://fetch.spec.whatwg.org/#http-cors-protocol
CORS = {
    "Access-Control-Allow-Headers": "cache-control, content-type, last-event-id, x-request-id",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Expose-Headers": "x-request-id, retry-after",
}
VARY = {"Vary": "Origin"}


class TooManyWindows(TryLater):
    """Too many windows are open."""

    status = 429


class HttpWindows:
    """`opened` counts windows of an address, and `asked` of whoever polls."""

    def __init__(self, windows: Windows, server: PushServer) -> None:
        self.windows = windows
        self.server = server
        self.porter = server.porter
        self.opened = Rate(per_second=10, burst=200, name="streams")
        self.asked = Rate(per_second=10, burst=60, name="polls")

    @contextlib.asynccontextmanager
    async def window(
        self, owner: Owner, cursor: str | None, address: str, *, polls: bool = False
    ) -> AsyncIterator[Outlet]:  # fmt: skip
        """One that was told what it missed. Raises NobodyRelays, ServerFull, TooManyWindows, SessionEnded."""
        self.server.require_ready()
        outlet = Outlet(self.windows.hub.post, owner)
        with self.porter.seat(address):
            try:
                if (code := await self.windows.open(outlet, cursor, polls=polls)) is not None:
                    outlet.dismiss(code)
                    raise SessionEnded if code is Code.SESSION_ENDED else TooManyWindows
                yield outlet
            finally:
                self.windows.hub.leave(outlet)
                if not polls or outlet.code is not None:  # who polls comes back at once
                    self.server.count_out(outlet)

    def cors(self, route: Endpoint) -> Endpoint:
        """Whose page it is was checked before the window opened; here such pages may read the answer too."""
        return shared(route, self._cors_of)

    def _cors_of(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None or not self._may_read(origin, request.headers.get("host", "")):
            return VARY
        return CORS | VARY | {"Access-Control-Allow-Origin": origin}

    def _may_read(self, origin: str, host: str) -> bool:
        websites = (source for source in self.windows.directory.sources() if source.channel == "web")
        return may_call(origin, host) or any(may_embed(source.origins, origin) for source in websites)


def network(request: Request) -> str:
    """Of the client, as limits count it."""
    return network_of(request.client.host if request.client else "")


def shared(route: Endpoint, headers_for: Callable[[Request], Mapping[str, str]]) -> Endpoint:
    """A route whose answers, also of refusals, say which pages may read them."""

    async def with_cors(request: Request) -> Response:
        try:
            response = Response(status_code=204) if request.method == "OPTIONS" else await route(request)
        except PulseError as error:
            response = problem(error)
        response.headers.update(headers_for(request))
        return response

    return with_cors
