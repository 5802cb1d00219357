"""Telling: one subscriber is told one event after the other, in the log's order; nothing is skipped."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pulse.aggregates.subscriber import Subscriber
from pulse.delivery.post import NotTaken, Post, WantsNoMore
from pulse.delivery.public_event import TYPES, Told, public_event
from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import name_of, open_stored
from pulse.eventlog.follow import RETRY_SECONDS, Follow, until_told
from pulse.eventlog.jetstream import Log
from pulse.progress import Progress, Progresses

KEEP_SECONDS = 1.0
LOOK_SECONDS = 30.0  # the wall clock may be set meanwhile
JITTER = 0.1
RANDOM = random.Random()  # noqa: S311

# Seconds before the second, third … try, as Standard Webhooks advise; there is none after the last.
DELAYS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)

GiveUp = Callable[[Subscriber, str, str], Awaitable[object]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When what was not taken is tried again."""

    clock: Callable[[], datetime]
    delays: tuple[float, ...] = DELAYS

    def again_at(self, attempt: int, after: float) -> datetime | None:
        """After that many failed tries; later, if the subscriber asked for it. None when it was the last."""
        if attempt > len(self.delays):
            return None
        delay = self.delays[attempt - 1] * (1 + RANDOM.uniform(0, JITTER))
        return self.clock() + timedelta(seconds=max(delay, after))

    async def until(self, moment: datetime | None) -> None:
        while moment is not None and (left := (moment - self.clock()).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, LOOK_SECONDS))


class Telling:
    """`run` goes on from where the subscriber's progress stands, and ends when it has to be paused."""

    def __init__(
        self, subscriber: Subscriber, source: Log, progresses: Progresses, schedule: Schedule, give_up: GiveUp
    ) -> None:
        self._subscriber = subscriber
        self._source = source
        self._progresses = progresses
        self._schedule = schedule
        self._give_up = give_up
        self._kept = 0

    async def run(self, post: Post) -> None:
        """Raises LogHole."""
        progress = await self._begin()
        keeping = asyncio.ensure_future(self._keep(progress))
        try:
            while True:
                await self._schedule.until(progress.again_at)
                try:
                    await self._go_on(progress, post)
                except NotTaken as trouble:
                    if await self._put_off(progress, trouble):
                        return
        finally:
            keeping.cancel()

    async def _begin(self) -> Progress:
        progress = await until_told(lambda: self._progresses.of(self._subscriber))
        self._kept = progress.position
        return progress

    async def _go_on(self, progress: Progress, post: Post) -> None:
        """For ever. Raises NotTaken; then progress stands before the event that was not."""
        follow = Follow(self._source, progress.position)
        async with contextlib.aclosing(aiter(follow)) as pages:
            async for page in pages:
                for stored in page:
                    told = self._told_of(stored)
                    if told is None:
                        progress.position = stored.position
                        continue
                    await post.send(told)
                    progress.taken(stored.position, self._schedule.clock())
                    await self._save(progress)

    def _told_of(self, stored: Stored) -> Told | None:
        """None for what is not told to this subscriber. Raises NotTaken for what can't be put into words."""
        try:
            name = name_of(stored.body)
            if name not in TYPES or not self._subscriber.wants(name):
                return None
            return public_event(open_stored(stored))
        except Exception as error:
            log.exception("subscriber.poison", position=stored.position)
            raise NotTaken(f"This version of Pulse can't read the event at position {stored.position}.") from error

    async def _put_off(self, progress: Progress, trouble: NotTaken) -> bool:
        """Notes when it is tried again; or pauses the subscriber, and returns True."""
        gone = isinstance(trouble, WantsNoMore)
        again_at = None if gone else self._schedule.again_at(progress.attempt + 1, trouble.after)
        progress.failed(str(trouble), again_at, self._schedule.clock())
        await self._save(progress)
        if again_at is not None:
            return False
        await self._pause("gone" if gone else "gave-up", str(trouble))
        return True

    async def _pause(self, reason: str, error: str) -> None:
        """Waits for as long as the log can't take it."""
        log.warning("subscriber.paused", subscriber=str(self._subscriber.id), reason=reason, error=error)
        while True:
            try:
                await self._give_up(self._subscriber, reason, error)
            except Trouble:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _keep(self, progress: Progress) -> None:
        """What nobody wants is passed over without a note for each; how far that got is noted now and then."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            if progress.position != self._kept:
                await self._save(progress)

    async def _save(self, progress: Progress) -> None:
        self._kept = progress.position
        await self._progresses.save(self._subscriber, progress)
