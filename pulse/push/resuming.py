"""What a client missed that comes back with a cursor: all of it in order, or the advice to take a snapshot.

What is recent comes from the ring, at once; what is older from the log, in reads that are bounded and few at a time,
so that a crowd that comes back never starves those who are there. Any process answers any cursor.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import structlog

from pulse.access import Subscription
from pulse.cursors import WHOLE, AnotherLog, Cursor, Cursors, NotACursor
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.envelope import open_stored, subject_of
from pulse.eventlog.jetstream import Log
from pulse.metrics import Metrics
from pulse.push.encoding import Told, Wire
from pulse.push.framing import Framing, whose_rights
from pulse.push.ring import Ring
from pulse.push.rollbacks import Rollbacks

LAG_SECONDS, LOOK_SECONDS = 2.0, 0.02
SPAN, FRAMES, BYTES = 10_000, 2_000, 512 * 1024
AT_ONCE, WAIT_SECONDS = 8, 5.0
PAGE, TURN = 500, 50

log = structlog.get_logger(__name__)

Wanted = Callable[[Told], Wire | None]


class Reason(StrEnum):
    """Why a client has to take a snapshot."""

    EPOCH = "epoch"  # a cursor of another log, or none
    AHEAD = "ahead"  # this log ends before it
    LAG = "lag"  # this process does not know it yet
    EXPIRED = "expired"  # the log does not reach back so far
    TOO_FAR = "too_far"
    BUSY = "busy"  # too many come back at once
    RIGHTS = "rights"  # what this person may see has changed since
    AWAY = "away"  # the log can't be asked now


class MustSnapshot(Exception):
    """Not all that was missed can be told, so nothing of it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Comer:
    """Who comes back to one subscription, and what they are told of a frame (`wanted`), if anything.

    `person` is a moderator, `chat` the one for which a visitor's cursor is sealed. Where it is about one `channel`
    nothing else need be looked at. Who `polls` comes all the time, which is no coming back.
    """

    wanted: Wanted
    person: UUID | None = None
    channel: str | None = None
    chat: UUID | None = None
    polls: bool = False


class Missed(NamedTuple):
    """All that somebody missed; or nothing, and why they have to take a snapshot."""

    wires: list[Wire]
    reason: Reason | None = None


class Resuming:
    def __init__(self, source: Log, framing: Framing, ring: Ring, cursors: Cursors, metrics: Metrics) -> None:
        self.source = source
        self.framing = framing
        self.ring = ring
        self.cursors = cursors
        self.metrics = metrics
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._rollbacks = Rollbacks(metrics)

    async def missed(self, cursor: str | None, comer: Comer) -> Missed:
        """Everything since a cursor up to now: all of it until something is awaited."""
        if cursor is None:
            return Missed([])
        try:
            since = self._read(cursor, comer)
            found = await self._since(since, comer)
        except MustSnapshot as must:
            self.metrics.resumes.labels("snapshot", must.reason).inc()
            return Missed([], must.reason)
        if not (comer.polls and self.ring.is_recent(since)):
            self.metrics.resumes.labels("recovered", "").inc()
            self.metrics.replayed_events.observe(len(found))
        return Missed(found)

    def _read(self, cursor: str, comer: Comer) -> Cursor:
        """Raises MustSnapshot."""
        try:
            return self.cursors.read(cursor) if comer.chat is None else self.cursors.unseal(cursor, comer.chat)
        except NotACursor as fault:
            if isinstance(fault, AnotherLog):
                self._rollbacks.note(Reason.EPOCH, comer.person, is_sealed=comer.chat is not None)
            raise MustSnapshot(Reason.EPOCH) from None

    async def _since(self, since: Cursor, comer: Comer) -> list[Wire]:
        """Raises MustSnapshot."""
        await self._until_known(since, comer)
        older, read_to = await self._older(since, comer) if self._is_older(since) else ([], since)
        if comer.person is not None and self.ring.rights_changed(comer.person, since):
            raise MustSnapshot(Reason.RIGHTS)
        return _wires([*older, *self.ring.after(read_to, comer.channel)], comer.wanted)

    async def _older(self, since: Cursor, comer: Comer) -> tuple[list[Told], Cursor]:
        """What the ring does not hold any more, from the log; and how far that goes. Raises MustSnapshot."""
        named = None if comer.channel is None else Subscription.named(comer.channel)
        async with self._slot():
            if named is not None and named.chat is not None:
                return await self._older_of_chat(since, named.chat, comer.person)
            return await self._older_of_all(since, comer)

    async def _older_of_all(self, since: Cursor, comer: Comer) -> tuple[list[Told], Cursor]:
        found: list[Told] = []
        read_to = since
        while self._is_older(read_to):
            if self.ring.floor - since.position > SPAN or len(found) > FRAMES:
                raise MustSnapshot(Reason.TOO_FAR)
            page = await self._page(read_to)
            told = self._told_in(page, comer.person)
            found += [one async for one in told if one.at > read_to and comer.wanted(one) is not None]
            read_to = Cursor(page[-1].position)
        return found, read_to

    async def _older_of_chat(self, since: Cursor, chat: UUID, person: UUID | None) -> tuple[list[Told], Cursor]:
        """A chat has a subject of its own: however much happened elsewhere, its events alone are read."""
        found: list[Told] = []
        read_to = since
        with _away():
            if await self.source.first_position() > _next(since):
                raise MustSnapshot(Reason.EXPIRED)
        while self._is_older(read_to):
            floor = self.ring.floor
            if person is not None:  # in the way are the events that may have taken the chat from them
                [one async for one in self._told_in(await self._of("moderator", person, read_to, floor), person)]
            events = await self._of("chat", chat, read_to, floor)
            found += [one async for one in self._told_in(events, person) if one.at > read_to]
            if len(found) > FRAMES:
                raise MustSnapshot(Reason.TOO_FAR)
            read_to = Cursor(floor)
        return found, read_to

    async def _of(self, kind: str, aggregate: UUID, read_to: Cursor, floor: int) -> list[Stored]:
        """The events of one aggregate up to a position. Raises MustSnapshot."""
        with _away():
            page = await self.source.read(_next(read_to), subject=subject_of(kind, aggregate), limit=FRAMES + 1)
        if len(page) > FRAMES:
            raise MustSnapshot(Reason.TOO_FAR)
        return [stored for stored in page if stored.position <= floor]

    def _is_older(self, cursor: Cursor) -> bool:
        """Is there anything after it that the ring does not hold?"""
        return cursor < Cursor(self.ring.floor)

    async def _until_known(self, since: Cursor, comer: Comer) -> None:
        """Waits a moment for a cursor that another process gave, which is further on."""
        if since <= self.ring.head:
            return
        with _away():
            if since.position > await self.source.last_position():
                self._rollbacks.note(Reason.AHEAD, comer.person, is_sealed=comer.chat is not None)
                raise MustSnapshot(Reason.AHEAD)
        try:
            async with asyncio.timeout(LAG_SECONDS):
                while since > self.ring.head:  # noqa: ASYNC110  moments; an event for each who waits costs more
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise MustSnapshot(Reason.LAG) from None

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of a few places at the log. Raises MustSnapshot when none becomes free."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise MustSnapshot(Reason.BUSY) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _page(self, read_to: Cursor) -> list[Stored]:
        """The next events, up to where the ring begins. Raises MustSnapshot."""
        start = _next(read_to)
        with _away():
            page = await self.source.read(start, limit=min(PAGE, self.ring.floor - start + 1))
        if not page or page[0].position != start:
            raise MustSnapshot(Reason.EXPIRED)
        return page

    async def _told_in(self, page: list[Stored], person: UUID | None) -> AsyncIterator[Told]:
        for number, stored in enumerate(page, 1):
            for told in await self._told_of(stored, person):
                yield told
            if number % TURN == 0:
                await asyncio.sleep(0)  # those who are there come first

    async def _told_of(self, stored: Stored, person: UUID | None) -> list[Told]:
        """Its frames once more. What could not be told live is passed over here as well."""
        try:
            recorded = open_stored(stored)
            frames = await self.framing.of(recorded)
        except Exception:
            log.exception("push.poison", position=stored.position)
            return []
        if person is not None and whose_rights(recorded) == person:
            raise MustSnapshot(Reason.RIGHTS)
        return [Told(frame, self.cursors, len(stored.body)) for frame in frames]


def _wires(missed: list[Told], wanted: Wanted) -> list[Wire]:
    """Raises MustSnapshot as soon as it is too much."""
    found: list[Wire] = []
    size = 0
    for told in missed:
        if (wire := wanted(told)) is not None:
            found.append(wire)
            size += len(wire.framed)
            if len(found) > FRAMES or size > BYTES:
                raise MustSnapshot(Reason.TOO_FAR)
    return found


def _next(read_to: Cursor) -> int:
    """Where to read on."""
    return read_to.position + (read_to.part == WHOLE)


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (LogDown, AppendRefused):
        raise MustSnapshot(Reason.AWAY) from None
