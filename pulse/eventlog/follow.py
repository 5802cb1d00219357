"""Reads the log in order, for ever: pages while behind, then a pull consumer that waits for what is new.

Pull only: nats-py's push consumers drop messages without a word when their queue overflows. Every position is
checked to follow the one before, so a hole stops the reader instead of being skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import nats
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from pulse.errors import LogDown, Trouble
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.jetstream import Log
from pulse.logs import Outage

PAGE = 2000  # twice what others read at once: what is projected together is folded together
PULL = 500
PULL_BYTES = 8 * 1024 * 1024
HEARTBEAT_SECONDS = 2
RETRY_SECONDS = 0.25
PENDING = "Nats-Pending-Messages"

T = TypeVar("T")


class LogHole(Trouble):
    """The event log is missing a position. Reading stops here: nothing is skipped. Restore the log from a backup."""


class Follow:
    """Iterate it for lists of messages after a position. Survives restarts of the server.

    `behind` is how many messages the server had not sent yet. `subjects` narrows it to some kinds; `caught_up` is set
    once everything that existed has been handed out. `when_stale` is called with True when the log can't be followed
    any more, with False when all of it is known again.
    """

    def __init__(
        self, source: Log, after: int, *, subjects: tuple[str, ...] = (), caught_up: asyncio.Event | None = None,
        when_stale: Callable[[bool], object] = lambda _: None,
    ) -> None:  # fmt: skip
        self.source = source
        self.position = after
        self.subjects = subjects
        self.caught_up = caught_up or asyncio.Event()
        self.behind = 0
        self._when_stale = when_stale
        self._stale = False

    async def __aiter__(self) -> AsyncGenerator[list[Stored], None]:
        try:
            while True:
                try:
                    async for page in self._once():
                        yield page
                except (LogDown, AppendRefused) as trouble:
                    self.source.following.began(trouble, self)
                    self._tell_stale(True)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.source.following.forget(self)

    async def _once(self) -> AsyncIterator[list[Stored]]:
        """Until the log can't be followed. Raises LogDown, AppendRefused."""
        if not self.subjects:
            async for page in self._pages():
                yield page
        async for page in self._tail():
            yield page

    async def _pages(self) -> AsyncIterator[list[Stored]]:
        """Pages up to the end of the log; the next is fetched while the last is being worked on."""
        page = await self.source.read(self.position + 1, limit=PAGE)
        self.source.following.ended(self)
        while page:
            fetching = asyncio.ensure_future(self.source.read(page[-1].position + 1, limit=PAGE))
            try:
                self._check(page)
                yield page
                page = await fetching
            finally:
                fetching.cancel()

    async def _tail(self) -> AsyncIterator[list[Stored]]:
        tail = Tail(self.source, self.position + 1, self.subjects)
        try:
            existed = await tail.open()
            await self._check_end()
            self.source.following.ended(self)
            while True:
                if existed <= 0:
                    self.caught_up.set()
                    self._tell_stale(False)
                page = await tail.next()
                self.behind = tail.behind
                if page and not self.subjects:
                    self._check(page)
                elif page:
                    self.position = page[-1].position
                yield page
                existed -= len(page)
        finally:
            await tail.close()

    def _tell_stale(self, stale: bool) -> None:
        if stale != self._stale:
            self._when_stale(stale)
        self._stale = stale

    async def _check_end(self) -> None:
        """A log that ends before our position lost its tail, and would give the same positions to other events."""
        last = await self.source.last_position()
        if last < self.position:
            raise LogHole(f"The log ends at position {last}, but {self.position} was already read.")

    def _check(self, page: list[Stored]) -> None:
        for stored in page:
            if stored.position != self.position + 1:
                raise LogHole(f"After position {self.position} the log goes on with {stored.position}.")
            self.position = stored.position


async def until_told(ask: Callable[[], Awaitable[T]]) -> T:
    """What the log answers; waits for as long as it can't tell."""
    outage = Outage("log")
    while True:
        try:
            told = await ask()
        except (LogDown, AppendRefused) as trouble:
            outage.began(trouble)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            outage.ended()
            return told


class Tail:
    """An ephemeral pull consumer. It is never acknowledged: whoever reads keeps their own position."""

    def __init__(self, source: Log, start: int, subjects: tuple[str, ...]) -> None:
        self.source = source
        self.start = start
        self.subjects = subjects
        self.name = f"follow-{uuid4().hex}"
        self.behind = 0
        self._arrived: list[Stored] = []
        self._wake = asyncio.Event()
        self._wanted = 0
        self._sequence = 0
        self._broken: LogDown | None = None
        self._inbox: Subscription | None = None

    async def open(self) -> int:
        """Makes the consumer and asks for messages; returns how many already wait."""
        config: dict[str, Any] = {
            "name": self.name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.start,
            "ack_policy": "none",
            "inactive_threshold": 30_000_000_000,
            "mem_storage": True,
            "num_replicas": 1,
        }
        if self.subjects:
            config["filter_subjects"] = list(self.subjects)
        body = {"stream_name": self.source.stream, "config": config, "action": "create"}
        info = await self.source.api(f"CONSUMER.CREATE.{self.source.stream}.{self.name}", body)
        self._inbox = await self.source.open_inbox(self._on_message)
        self.source.when_lost.add(self._on_lost)
        await self._pull()
        return int(info["num_pending"])

    async def next(self) -> list[Stored]:
        """What has arrived, waiting for something if nothing has. Raises LogDown when the consumer is gone."""
        while not self._arrived:
            if self._broken is not None:
                raise self._broken
            self._wake.clear()
            try:
                # Not `wait_for`: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(HEARTBEAT_SECONDS * 2.5):
                    await self._wake.wait()
            except TimeoutError:
                raise LogDown("The event log has gone silent.") from None
            if self._wanted < PULL // 2:
                await self._pull()
        page, self._arrived = self._arrived, []
        if self._wanted < PULL // 2:
            await self._pull()
        return page

    async def close(self) -> None:
        """Stops listening; the server removes the consumer by itself."""
        self.source.when_lost.discard(self._on_lost)
        if self._inbox is not None:
            with contextlib.suppress(nats.errors.Error):
                await self._inbox.unsubscribe()

    async def _pull(self) -> None:
        request = {
            "batch": PULL, "max_bytes": PULL_BYTES, "expires": 30_000_000_000,
            "idle_heartbeat": HEARTBEAT_SECONDS * 1_000_000_000,
        }  # fmt: skip
        self._wanted += PULL
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.source.stream}.{self.name}"
        assert self._inbox is not None
        await self.source.ask(subject, orjson.dumps(request), self._inbox.subject)

    def _on_lost(self) -> None:
        self._broken = LogDown("The connection to the event log is lost.")
        self._wake.set()

    async def _on_message(self, message: Msg) -> None:
        self._wake.set()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._on_stored(message)
        elif status == "408" or (status == "409" and PENDING in headers):  # a pull ended early: its time, its bytes
            self._wanted -= int(headers.get(PENDING, PULL))
        elif status != "100":
            self._broken = LogDown(f"The reader's place in the event log is gone ({status}).")

    def _on_stored(self, message: Msg) -> None:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<position>.<consumer sequence>.<time>.<pending>
        *_, position, sequence, _, pending = message.reply.split(".")
        self.behind = int(pending)
        self._wanted -= 1
        if int(sequence) != self._sequence + 1:
            self._broken = LogDown("A message was lost on the way; reading it again.")
            return
        self._sequence += 1
        if self._broken is None:
            self._arrived.append(Stored(int(position), message.subject, message.data))
