"""The HTTP fallback of pusher-js, `xhr_streaming` and `xhr_polling`, below `/pusher/app/{key}`: routes and sessions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.errors import LogDown, NotFound
from pulse.eventlog.jetstream import Log
from pulse.http import Endpoint, read_body
from pulse.limits import Rate
from pulse.push.codes import Code
from pulse.push.http_windows import VARY, network, shared
from pulse.push.porter import is_plain
from pulse.push.protocol import Pusher
from pulse.push.server import MESSAGE_LIMIT, PushServer
from pulse.push.streamed import UNBUFFERED, Streamed, unless_gone
from pulse.push.xhr_elsewhere import Elsewhere, answer_for, subject_of
from pulse.push.xhr_lines import HEARTBEAT_SECONDS, Reading, messages_in
from pulse.push.xhr_session import XhrSession

# Of any page unless the porter knows better, as at `/app/{key}`: nothing is told without a signature, and cookies count
# for nothing.
CORS = {
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
}
ADDRESS = "/pusher/app/{key}/{number}/{session}"
NAME = re.compile(r"[0-9]{1,3}\.[0-9A-Za-z]{1,32}")
SCRIPT = "application/javascript"

log = structlog.get_logger(__name__)


class Xhr:
    """Holds the sessions that began in this process."""

    def __init__(self, pusher: Pusher, server: PushServer, source: Log) -> None:
        self.pusher = pusher
        self.server = server
        self.source = source
        self.sessions: dict[str, XhrSession] = {}
        self.began = Rate(per_second=10, burst=200, name="connections")
        self._serving: set[asyncio.Task[None]] = set()

    def routes(self) -> list[Route]:
        ways = {"xhr_streaming": self.stream, "xhr": self.poll, "xhr_send": self.send}
        return [
            Route(f"{ADDRESS}/{way}", self.cors(to), methods=["POST", "OPTIONS"], name=way) for way, to in ways.items()
        ]

    async def stream(self, request: Request) -> Response:
        """Whatever it is told, until the client has enough for one answer and opens the next."""
        reading = await self._reading(request)
        return Streamed(reading.lines(), SCRIPT, nothing)

    async def poll(self, request: Request) -> Response:
        """One line, as soon as there is one."""
        reading = await self._reading(request)
        line = await unless_gone(request.receive, reading.line(HEARTBEAT_SECONDS))
        return Response(line or b"", media_type=SCRIPT, headers=UNBUFFERED)

    async def send(self, request: Request) -> Response:
        """Takes what the client says: a list of messages, each JSON in a string. An empty one says that it is there."""
        name = name_in(request)
        said = messages_in(await read_body(request.headers, request.receive, MESSAGE_LIMIT))
        held = self.sessions.get(name) or Elsewhere(self.source, name)
        if not await held.hear(said):
            raise NotFound("There is no such session. Connect anew.")
        return Response(status_code=204)

    def cors(self, route: Endpoint) -> Endpoint:
        """Pages read the answers that may also open sockets."""

        return shared(route, self._cors_of)

    def _cors_of(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if not (origins := self.server.porter.origins):
            return CORS | {"Access-Control-Allow-Origin": "*"}
        known = CORS | {"Access-Control-Allow-Origin": origin} if origin is not None and origin in origins else {}
        return known | VARY

    async def _reading(self, request: Request) -> Reading:
        """A known session goes on, wherever it is held; any other begins here."""
        name = name_in(request)
        await read_body(request.headers, request.receive, MESSAGE_LIMIT)
        if (held := await self._held(name)) is not None:
            return Reading(held)
        self.server.require_ready()
        self.began.require(network(request))
        return Reading(await self._begin(name, request), is_new=True)

    async def _held(self, name: str) -> XhrSession | Elsewhere | None:
        """With the log away, one elsewhere is none: then it begins anew, which its client understands."""
        if name not in self.sessions:
            with suppress(LogDown):
                elsewhere = Elsewhere(self.source, name)
                if await elsewhere.is_there():
                    return elsewhere
        return self.sessions.get(name)

    async def _begin(self, name: str, request: Request) -> XhrSession:
        """One that every process finds, unless the log is away. Raises WrongOrigin, ServerFull."""
        self.server.porter.require_origin(request.headers)
        async with AsyncExitStack() as until_over:
            until_over.enter_context(self.server.porter.seat(network(request)))
            session = self.sessions[name] = XhrSession(self.pusher.hub.post)
            session.address = network(request)
            until_over.callback(self.sessions.pop, name)
            with suppress(LogDown):
                listening = await self.source.answer(subject_of(name), partial(answer_for, session))
                until_over.push_async_callback(listening.unsubscribe)
            key, query = request.path_params["key"], dict(request.query_params)
            serving = (
                session.close(Code.TLS_ONLY) if self._wants_tls(request) else self.pusher.serve(session, key, query)
            )
            task = asyncio.create_task(self._serve(session, serving, until_over.pop_all()))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return session

    def _wants_tls(self, request: Request) -> bool:
        """Did it come without TLS to a proxy? A client that says so itself is sent away by itself."""
        porter = self.server.porter
        return porter.tls_only and bool(porter.proxies) and is_plain(request.headers.get("x-forwarded-proto"))

    async def _serve(self, session: XhrSession, serving: Awaitable[None], until_over: AsyncExitStack) -> None:
        async with until_over:
            try:
                await serving
                await session.parted()
            except Exception:
                log.exception("push.xhr_failed")
            finally:
                session.dismiss(Code.LEAVING)
                self.server.count_out(session)


def name_in(request: Request) -> str:
    """How a session is called, by its client. Raises NotFound."""
    name = "{number}.{session}".format(**request.path_params)
    if not NAME.fullmatch(name):
        raise NotFound
    return name


async def nothing() -> None:
    """There is nothing to leave: the session goes on."""
