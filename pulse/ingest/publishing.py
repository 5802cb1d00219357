"""`POST /webhook/events/{producerId}`: signed business events, answered 202 once all of them are on disk.

An ASGI application of its own, like the webhooks beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pulse.aggregates.feed import CloudEvent, EventPublished, Feed, Telling, feed_id
from pulse.contracts import json_path
from pulse.errors import NotFound, PulseError, Trouble, WrongMethod
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.http import answer, problem, read_body
from pulse.ingest.cloud_events import NotAnEvent, challenge_of, read_post
from pulse.ingest.producers import Known, Producers
from pulse.ingest.traces import Traces
from pulse.limits import Rate

PREFIX = "/webhook/events/"
LIMIT = 256 * 1024
PER_SECOND, AT_ONCE = 1000, 5000
ORIGIN = re.compile(r"[A-Za-z0-9.:/_-]{1,255}")
METHODS = {"Allow": "POST, OPTIONS"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """One event, where it is told, and the delivery that brought it (None in a batch: that one brought many)."""

    event: CloudEvent
    telling: Telling
    delivery: str | None


class Publishing:
    """Everything under PREFIX, and what it needs. `clock` says now."""

    def __init__(self, producers: Producers, store: EventStore, traces: Traces, clock: Callable[[], datetime]) -> None:
        self.producers = producers
        self.store = store
        self.traces = traces
        self.clock = clock
        self._rate = Rate(PER_SECOND, AT_ONCE, name="posts")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """202 once stored; 401 for strangers, whatever is wrong with them; never a 500."""
        try:
            response = await self._answer(scope, receive)
        except PulseError as error:
            response = problem(error)
        except Exception:  # nothing stands behind this door, and a producer sends again what is answered 503
            log.exception("publishing.unforeseen", path=scope["path"])
            response = problem(Trouble())
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers, producer = Headers(raw=scope["headers"]), scope["path"].removeprefix(PREFIX)
        if not producer or "/" in producer:
            raise NotFound
        match scope["method"]:
            case "POST":
                return await self._take(producer, headers, await read_body(headers, receive, LIMIT))
            case "OPTIONS":
                return _handshake(headers)
            case _:
                refused = problem(WrongMethod())
                refused.headers.update(METHODS)
                return refused

    async def _take(self, producer: str, headers: Headers, body: bytes) -> Response:
        known: Known | None = None
        try:
            known = self.producers.authentic(producer, headers, body, self.clock().timestamp())
            self._rate.require(known.producer.id)
            if (challenge := challenge_of(known.scheme, body)) is not None:
                return Response(challenge, media_type="text/plain")
            publications = read_publications(known, headers, body)
        except PulseError as refusal:
            await self.traces.leave(producer, "refused", refusal.code, body if known else b"")
            raise
        decided = await self._publish(known.producer.id, publications)
        stored = sum(isinstance(event, EventPublished) for event in decided.events)
        if publications and not stored:
            await self.traces.leave(producer, "repeated", publications[0].event.id, body)
        return answer({"stored": stored, "repeated": len(publications) - stored}, 202)

    async def _publish(self, producer: UUID, publications: Sequence[Publication]) -> Decided:
        """All of them, or none. Raises Trouble; after AckLost they may be stored, and count once either way."""
        if not publications:
            return Decided(0, 0, ())
        in_feed: dict[str, list[Publication]] = {}
        for publication in publications:
            in_feed.setdefault(publication.telling.channel, []).append(publication)
        decision = partial(_decide, producer, in_feed, self.clock())
        once = _message_id(producer, publications[0]) if len(publications) == 1 else None
        keys = [(Feed, feed_id(producer, channel)) for channel in in_feed]
        return await self.store.decide_together(keys, decision, by=f"producer:{producer.hex}", msg_id=once)


def read_publications(known: Known, headers: Headers, body: bytes) -> list[Publication]:
    """What an authentic post publishes. Raises BadInput; then nothing of it may be stored."""
    post = read_post(headers, body, known.scheme, known.origin)
    delivery = None if post.batch else known.scheme.delivery_of(headers, body)
    return [
        Publication(event, known.tell(event, json_path("$", [number] if post.batch else [])), delivery)
        for number, event in enumerate(post.events)
    ]


def _decide(
    producer: UUID, in_feed: Mapping[str, Sequence[Publication]], now: datetime, *feeds: Feed | None
) -> list[Feed]:
    found = []
    for feed, (channel, publications) in zip(feeds, in_feed.items(), strict=True):
        opened = feed or Feed.open(producer, channel, now=now)
        for each in publications:
            opened.publish(each.event, each.telling, delivery=each.delivery, now=now)
        found.append(opened)
    return found


def _message_id(producer: UUID, publication: Publication) -> str:
    """Names an event for the log's own short memory; a hash, because ids may hold anything."""
    event = publication.event
    named = f"{producer.hex}:{publication.telling.channel}:{event.source}\0{event.id}"
    return blake2b(named.encode(), digest_size=16).hexdigest()


def _handshake(headers: Headers) -> Response:
    """CloudEvents' webhook profile: whoever is about to post asks first. The same for every id, known or not.

    https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection
    """
    origin = headers.get("webhook-request-origin")
    if origin is None:
        return Response(status_code=204, headers=METHODS)
    if not ORIGIN.fullmatch(origin):
        raise NotAnEvent("WebHook-Request-Origin must be the name of a host.")
    allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": str(PER_SECOND * 60)}
    return Response(status_code=200, headers=METHODS | allowed)
