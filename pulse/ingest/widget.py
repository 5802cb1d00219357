"""The website widget's API: a visitor gets a session, writes, and reads their own chat. Nothing else is reachable.

A session is the visitor's chat: its id is computed from a random peer inside the signed token, so nothing is
stored before the first word.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.access import may_embed
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.source import Source
from pulse.channels.arrivals import CallbackArrived, MessageArrived
from pulse.channels.fields import Fields
from pulse.channels.web import Web
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.errors import NotAllowed, NotAuthentic, NotFound, PulseError
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE
from pulse.http import Endpoint, answer, problem, read_body
from pulse.ingest.intake import Delivered, Intake, Taken
from pulse.ingest.traces import Traces
from pulse.limits import Rate, network_of
from pulse.message import Attachment
from pulse.projections import entries, thread
from pulse.projections.reads import Reads, as_uuid, number
from pulse.tokens import CHANNEL_TOKEN_LIFE, Signer, Visit

LIMIT = 64 * 1024
CALLBACK_LIMIT = 8 * 1024
NAME_LIMIT = 100
PAGE, LONGEST_PAGE = 50, 200

# https://fetch.spec.whatwg.org/#http-cors-protocol
CORS = {
    "Access-Control-Allow-Headers": "authorization, content-type, x-pulse-version, x-request-id, x-socket-id, range",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Expose-Headers": (
        "x-pulse-version, x-pulse-cursor, x-request-id, retry-after, ratelimit, ratelimit-policy, content-range"
    ),
}


class SenderBlocked(NotAllowed):
    """You can't write here any more."""


class Widget:
    """The routes and what they need. `clock` says now."""

    def __init__(
        self,
        directory: Directory,
        drivers: Drivers,
        intake: Intake,
        signer: Signer,
        reads: Reads,
        clock: Callable[[], datetime],
        traces: Traces,
    ) -> None:
        self.directory = directory
        self.drivers = drivers
        self.intake = intake
        self.signer = signer
        self.reads = reads
        self.clock = clock
        self.traces = traces
        self._sessions = Rate(per_second=5, burst=100, name="sessions")
        self._messages = Rate(per_second=5, burst=100, name="messages")
        self._callbacks = Rate(per_second=1 / 60, burst=5, name="callbacks")
        self._reads = Rate(per_second=10, burst=60, name="reads")

    def routes(self) -> list[Route]:
        """The widget's own addresses, and those that older clients know."""
        return [
            Route("/api/widget/session", self.cors(self.open_session), methods=["POST", "OPTIONS"]),
            Route("/api/widget/messages", self.cors(self.messages), methods=["GET", "POST", "OPTIONS"]),
            Route("/api/widget/callback", self.cors(self.callback), methods=["POST", "OPTIONS"]),
            Route("/chat/session", self.cors(self.open_session), methods=["POST", "OPTIONS"]),
            Route("/chat/session/{id}/channel-token", self.cors(self.channel_token), methods=["GET", "OPTIONS"]),
        ]

    async def open_session(self, request: Request) -> Response:
        """`{source, chat_token?, name?, department_id?}`: a new session, or the one of a `chat_token`."""
        self._sessions.require(network_of(request.client.host if request.client else ""))
        post = Fields.of(await read_body(request.headers, request.receive, LIMIT) or b"{}")
        token = post.maybe_text("chat_token")
        visit = self.signer.read_chat_token(token, self.clock()) if token else self._new_visit(post)
        self._require_origin(request, self._source_of(visit))
        request.state.visited = visit.chat
        return answer(self._session(visit))

    async def messages(self, request: Request) -> Response:
        """GET pages through the visitor's thread, POST `{text, clientMsgId}` writes into it."""
        if request.method == "POST":
            return await self._write(request)
        visit = self.visit(request)
        self._reads.require(visit.chat)
        if own_write := number(request.headers.get("x-pulse-version"), 0):
            await self.reads.wait_for_version(visit.chat, own_write)
        query = request.query_params
        page = await thread.page(
            self.reads, visit.chat, limit=max(1, min(number(query.get("limit"), PAGE), LONGEST_PAGE)),
            before=number(query.get("beforeId"), None), after=number(query.get("afterId"), None),
        )  # fmt: skip
        return answer({**page.body(), "items": [self._shown(entry) for entry in page.items]})

    def _shown(self, entry: entries.Entry) -> entries.Entry:
        if entry["sender_type"] == "moderator":
            entry = entry | {"sender": {"name": self.directory.name_of(UUID(entry["sender"]["id"]))}}
        return entries.for_visitor(entry)

    async def channel_token(self, request: Request) -> Response:
        """A fresh token for the socket of an existing chat."""
        visit = self.visit(request)
        self._reads.require(visit.chat)
        if visit.chat != as_uuid(request.path_params["id"]):
            raise NotFound
        return answer(self._session(visit))

    async def callback(self, request: Request) -> Response:
        """`{phone, time?, comment?}`: the visitor asks to be called. What is asked for already is the same request."""
        body = await read_body(request.headers, request.receive, CALLBACK_LIMIT)
        post = Fields.of(body)
        visit = self._visit(request, post.maybe_text("chat_token"))
        self._messages.require(visit.chat)
        source, driver = await self.taking(visit)
        asked = orjson.dumps({name: post.values.get(name) for name in ("phone", "time", "comment")})
        arrival = driver.read_callback(asked, external_id=secrets.token_urlsafe(12), peer=visit.peer, name=visit.name)
        taken = await self._take_callback(visit, Delivered(source, asked, visit.department), arrival)
        version = taken.decided.version
        if not taken.decided.events:
            chat = await self.intake.store.load(Chat, visit.chat)
            version = (chat and chat.asked(arrival.phone, arrival.wanted_at, arrival.comment)) or version
        status = 201 if taken.decided.events else 200
        return answer({"id": version, "chat_id": visit.chat}, status, {"X-Pulse-Version": str(version)})

    async def _take_callback(self, visit: Visit, asked: Delivered, arrival: CallbackArrived) -> Taken:
        """Only what is taken uses up the limit."""
        self._callbacks.require(visit.chat)
        taken: Taken | None = None
        try:
            taken = await self.intake.take(asked, arrival)
        finally:
            if taken is None or not taken.decided.events:
                self._callbacks.give_back(visit.chat)
        return taken

    async def taking(self, visit: Visit) -> tuple[Source, Web]:
        """Where a visitor's word goes. Raises SenderBlocked, NotAuthentic."""
        source = self._source_of(visit)
        if self.directory.block_of(source.id, visit.peer) is not None:
            # Without the body: it may hold the token.
            await self.traces.leave(str(source.id), "blocked", visit.peer, b"")
            raise SenderBlocked
        driver = self.drivers.of(source.id)
        if not isinstance(driver, Web):
            raise NotAuthentic
        return source, driver

    async def _write(self, request: Request) -> Response:
        body = await read_body(request.headers, request.receive, LIMIT)
        post = Fields.of(body)
        visit = self._visit(request, post.maybe_text("chat_token"))
        self._messages.require(visit.chat)
        source, driver = await self.taking(visit)
        client_msg_id = post.maybe_text("clientMsgId") or secrets.token_urlsafe(12)
        # The raw body is kept in the event, so the token must not be in it, nor claims, which are tokens too.
        attachments = attachments_of(_claims(post), visit.chat, self.signer, self.clock())
        said = orjson.dumps(
            {"text": _text(post, attachments), "clientMsgId": client_msg_id}
            | ({"files": [one.file for one in attachments]} if attachments else {})
        )
        arrival = driver.read_message(said, peer=visit.peer, name=visit.name, attachments=attachments)
        taken = await self.intake.take(Delivered(source, said, visit.department), arrival)
        # Not the position: that would tell visitors how much all of Pulse has to do.
        version = await self._version(visit, arrival, taken)
        body_out = {"id": version, "chat_id": visit.chat, "client_msg_id": client_msg_id}
        return answer(body_out, 201 if taken.decided.events else 200, {"X-Pulse-Version": str(version)})

    async def _version(self, visit: Visit, arrival: MessageArrived, taken: Taken) -> int:
        """The message's id: new, it is the chat's version; sent again, the chat remembers."""
        if taken.decided.events:
            return taken.decided.version
        chat = await self.intake.store.load(Chat, visit.chat)
        return chat.version_of(arrival.external_id) if chat else 0

    def _new_visit(self, post: Fields) -> Visit:
        source = self._website(post.maybe_text("source") or "")
        wanted = post.maybe_text("department_id")
        peer = secrets.token_hex(16)
        return Visit(
            chat_id(source.id, peer), source.id, peer, (post.maybe_text("name") or "").strip()[:NAME_LIMIT],
            as_uuid(wanted) if wanted else None, int(self.clock().timestamp()),
        )  # fmt: skip

    def _website(self, name: str) -> Source:
        """A source of type web, by its identifier or its id."""
        source = self.directory.source_named("web", name)
        with contextlib.suppress(ValueError):
            source = source or self.directory.find_source(UUID(name))
        if source is None or source.channel != "web" or source.disabled:
            raise NotFound("There is no website of this name.")
        return source

    def _source_of(self, visit: Visit) -> Source:
        """Raises NotFound, also for one that is switched off."""
        source = self.directory.source(visit.source)
        if source.disabled:
            raise NotFound("There is no website of this name.")
        return source

    def _session(self, visit: Visit) -> dict[str, object]:
        now = self.clock()
        today = Visit(visit.chat, visit.source, visit.peer, visit.name, visit.department, int(now.timestamp()))
        return {
            "session_id": visit.chat,
            "chat_id": visit.chat,
            "chat_token": self.signer.chat_token(today),
            "token": self.signer.channel_token(today),
            "stream_url": self.signer.stream_link(today),
            "expires_at": (now + CHANNEL_TOKEN_LIFE).astimezone(UTC).isoformat(),
        }

    def visit(self, request: Request) -> Visit:
        """Whose chat a request is about. Raises NotAuthentic, NotAllowed."""
        return self._visit(request, request.query_params.get("chat_token"))

    def _visit(self, request: Request, token: str | None) -> Visit:
        """From the Authorization header, or where older clients put the token."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else token
        if not given:
            raise NotAuthentic
        visit = self.signer.read_chat_token(given, self.clock())
        self._require_origin(request, self._source_of(visit))
        request.state.visited = visit.chat
        return visit

    def _require_origin(self, request: Request, source: Source) -> None:
        request.state.source = source
        if not may_embed(source.origins, request.headers.get("origin")):
            raise NotAllowed("This website may not use this source. Add it to the source's origins.")

    def cors(self, route: Endpoint) -> Endpoint:
        """Lets pages elsewhere call the widget's addresses: those that the source's list names, and no others."""

        async def with_cors(request: Request) -> Response:
            try:
                response = Response(status_code=204) if request.method == "OPTIONS" else await route(request)
            except PulseError as error:  # a page elsewhere may read why, so this answer needs the headers too
                response = problem(error)
            origin = request.headers.get("origin")
            if origin is not None and self._may_read(request, origin):
                response.headers.update(CORS | {"Access-Control-Allow-Origin": origin})
            response.headers.add_vary_header("Origin")
            return response

        return with_cors

    def _may_read(self, request: Request, origin: str) -> bool:
        """Before it is known whose source it is about, whoever may embed any website may be told what went wrong."""
        known = getattr(request.state, "source", None)
        sources = [known] if known else [one for one in self.directory.sources() if one.channel == "web"]
        return any(may_embed(source.origins, origin) for source in sources)


def _text(post: Fields, attachments: tuple[Attachment, ...]) -> str:
    """Files may come without one."""
    return (post.maybe_text("text") or "") if attachments else post.text("text")


def _claims(post: Fields) -> list[str]:
    """What uploads answered with. Raises Unreadable."""
    claims = post.values.get("files") or []
    if not isinstance(claims, list) or len(claims) > AT_ONCE or not all(isinstance(claim, str) for claim in claims):
        raise post.wrong("files", f"a list of {AT_ONCE} claims at most")
    return claims
