"""Pusher's webhooks: the owner of the app is told which channels are occupied, who came and went, what clients said.

Events are gathered for a moment into one post. What happens in one process is told by that process (`Hooks`), and is
lost with it; what all of them know of, by one of them (`shared_hooks`).
https://pusher.com/docs/channels/server_api/webhooks/
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal

import msgspec
import structlog
from prometheus_client import Counter

from pulse.logs import Outage

GATHER_SECONDS, GATHERED = 0.1, 100
QUEUED = 10_000
# Five minutes of trying, then the events are given up: 1 + 2 + 4 + … seconds between the tries.
DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)

Name = Literal[
    "channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event", "cache_miss",
    "subscription_count",
]  # fmt: skip
Post = Callable[[bytes], Awaitable[bool]]
Clock = Callable[[], datetime]
Over = Callable[[Sequence["HookEvent"]], Awaitable[None]]

log = structlog.get_logger(__name__)


class HookEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened. `event`, `data`, `socket_id` are of a client event; `user_id` of it and of members."""

    name: Name
    channel: str
    event: str | None = None
    data: str | None = None
    socket_id: str | None = None
    user_id: str | None = None
    subscription_count: int | None = None


class Hooks:
    """A bounded queue and its postman. `post` answers whether what it brought was taken, and raises nothing.

    While the receiver is away the newest events are kept, and go out in order once it is back.
    """

    def __init__(self, post: Post, dropped: Counter, clock: Clock, delays: Sequence[float] = DELAYS) -> None:
        self._post = post
        self._dropped = dropped
        self._clock = clock
        self._delays = delays
        self._queue: deque[HookEvent] = deque()
        self._came, self._full = asyncio.Event(), asyncio.Event()
        self._outage = Outage("hooks")  # a line when events begin to be dropped, not one for each

    def say(self, event: HookEvent) -> None:
        """Never waits: the oldest event makes room."""
        if len(self._queue) >= QUEUED:
            self._queue.popleft()
            self._dropped.labels("queue full").inc()
            self._outage.began("the oldest events are dropped")
        self._queue.append(event)
        self._came.set()
        if len(self._queue) >= GATHERED:
            self._full.set()

    async def run(self, over: Over | None = None) -> None:
        """Posts for ever. `over` is called with the events of each post once it was taken, or given up."""
        while True:
            await self._came.wait()
            await self._gather()
            if events := self._next():
                await self._bring(events)
                if over is not None:
                    await over(events)

    def forget(self) -> None:
        """Whatever waits is somebody else's to tell now."""
        self._queue.clear()

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._full.wait()
        except TimeoutError:
            return

    def _next(self) -> list[HookEvent]:
        events = [self._queue.popleft() for _ in range(min(GATHERED, len(self._queue)))]
        if not self._queue:
            self._came.clear()
        if len(self._queue) < GATHERED:
            self._full.clear()
        return events

    async def _bring(self, events: Sequence[HookEvent]) -> None:
        """Tries for five minutes."""
        body = msgspec.json.encode({"time_ms": int(self._clock().timestamp() * 1000), "events": events})
        for delay in (*self._delays, None):
            if await self._post(body):
                self._outage.ended()
                return
            if delay is not None:
                await asyncio.sleep(delay)
        self._dropped.labels("not taken").inc(len(events))
        log.warning("hooks.given_up", events=len(events))
