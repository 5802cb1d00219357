"""What a client missed that comes back with a cursor: all of it in order, or the advice to take a snapshot.

What is recent comes from the ring, at once; what is older from the log, in reads that are bounded and few at a time,
so that a crowd that comes back never starves those who are there. Any process answers any cursor.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import structlog

from pulse.access import Subscription
from pulse.cursors import WHOLE, AnotherLog, Cursor, Cursors, NotACursor
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.envelope import open_stored, subject_of
from pulse.eventlog.jetstream import Log
from pulse.metrics import Metrics
from pulse.push.encoding import Told
from pulse.push.framing import Framing, whose_rights
from pulse.push.missed import Comer, Found, Missed, MustSnapshot, Reason
from pulse.push.ring import Ring
from pulse.push.rollbacks import Rollbacks

LAG_SECONDS = 2.0
SPAN, EVENTS = 10_000, 2_000
AT_ONCE, WAIT_SECONDS = 8, 5.0
PAGE, TURN = 500, 50

log = structlog.get_logger(__name__)


class Resuming:
    def __init__(self, source: Log, framing: Framing, ring: Ring, cursors: Cursors, metrics: Metrics) -> None:
        self.source = source
        self.framing = framing
        self.ring = ring
        self.cursors = cursors
        self.metrics = metrics
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._rollbacks = Rollbacks(metrics)
        self._asking: asyncio.Task[int] | None = None

    async def missed(self, cursor: str | None, comer: Comer, found: Found | None = None) -> Missed:
        """Everything since a cursor up to now: all of it until something is awaited. Who means to go on from there brings
        what it is added to."""
        if cursor is None:
            return Missed([])
        found = found or Found(comer)
        try:
            since = self._read(cursor, comer)
            await self._find(found, since, comer)
        except MustSnapshot as must:
            self.metrics.resumes.labels("snapshot", must.reason).inc()
            return Missed([], must.reason)
        if not (comer.polls and self.ring.is_recent(since)):
            self.metrics.resumes.labels("recovered", "").inc()
            self.metrics.replayed_events.observe(len(found.wires))
        return Missed(found.wires)

    def _read(self, cursor: str, comer: Comer) -> Cursor:
        """Raises MustSnapshot."""
        try:
            return self.cursors.read(cursor) if comer.chat is None else self.cursors.unseal(cursor, comer.chat)
        except NotACursor as fault:
            if isinstance(fault, AnotherLog):
                self._rollbacks.note(Reason.EPOCH, comer.person, is_sealed=comer.chat is not None)
            raise MustSnapshot(Reason.EPOCH) from None

    async def _find(self, found: Found, since: Cursor, comer: Comer) -> None:
        """Raises MustSnapshot."""
        await self._until_known(since, comer)
        read_to = await self._add_older(found, since, comer) if self._is_older(since) else since
        if comer.person is not None and self.ring.rights_changed(comer.person, since):
            raise MustSnapshot(Reason.RIGHTS)
        for told in self.ring.after(read_to, comer.channel):
            found.add(told)

    # Out of the log

    async def _add_older(self, found: Found, since: Cursor, comer: Comer) -> Cursor:
        """Adds what the ring does not hold any more; returns how far that goes. Raises MustSnapshot."""
        named = None if comer.channel is None else Subscription.named(comer.channel)
        async with self._slot():
            if named is not None and named.chat is not None:
                return await self._add_of_chat(found, since, named.chat, comer.person)
            return await self._add_of_all(found, since, comer.person)

    async def _add_of_all(self, found: Found, since: Cursor, person: UUID | None) -> Cursor:
        read_to = since
        while self._is_older(read_to):
            if self.ring.floor - since.position > SPAN:
                raise MustSnapshot(Reason.TOO_FAR)
            page = await self._page(read_to)
            await self._add(found, page, read_to, person)
            read_to = Cursor(page[-1].position)
        return read_to

    async def _add_of_chat(self, found: Found, since: Cursor, chat: UUID, person: UUID | None) -> Cursor:
        """A chat has a subject of its own: however much happened elsewhere, none of it is read, but what was done to
        the moderator who comes, which may have taken the chat from them."""
        read_to = since
        with _away():
            if await self.source.first_position() > _next(since):
                raise MustSnapshot(Reason.EXPIRED)
        while self._is_older(read_to):
            floor = self.ring.floor
            if person is not None:
                await self._require_rights(person, read_to, floor)
            async for page in self._pages("chat", chat, read_to, floor):
                await self._add(found, page, read_to, person)
            read_to = Cursor(floor)
        return read_to

    async def _require_rights(self, person: UUID, read_to: Cursor, floor: int) -> None:
        """Raises MustSnapshot when what a moderator may see changed."""
        async for page in self._pages("moderator", person, read_to, floor):
            for stored in page:
                await self._told_of(stored, person)

    async def _pages(self, kind: str, aggregate: UUID, read_to: Cursor, floor: int) -> AsyncIterator[list[Stored]]:
        """The events of one aggregate up to a position, however large they are. Raises MustSnapshot."""
        start, left = _next(read_to), EVENTS
        while start <= floor:
            with _away():
                page = await self.source.read(start, subject=subject_of(kind, aggregate), limit=left + 1)
            older = [stored for stored in page if stored.position <= floor]
            left -= len(older)
            if left < 0:
                raise MustSnapshot(Reason.TOO_FAR)
            yield older
            if len(older) < len(page) or not page:
                return
            start = page[-1].position + 1

    async def _page(self, read_to: Cursor) -> list[Stored]:
        """The next events, up to where the ring begins. Raises MustSnapshot."""
        start = _next(read_to)
        with _away():
            page = await self.source.read(start, limit=min(PAGE, self.ring.floor - start + 1))
        if not page or page[0].position != start:
            raise MustSnapshot(Reason.EXPIRED)
        return page

    async def _add(self, found: Found, page: list[Stored], read_to: Cursor, person: UUID | None) -> None:
        """Raises MustSnapshot."""
        for number, stored in enumerate(page, 1):
            for told in await self._told_of(stored, person):
                if told.at > read_to:
                    found.add(told)
            if number % TURN == 0:
                await asyncio.sleep(0)  # those who are there come first

    async def _told_of(self, stored: Stored, person: UUID | None) -> list[Told]:
        """Its frames once more; what could not be told live is passed over here as well. Raises MustSnapshot when it
        changed what this moderator may see."""
        try:
            recorded = open_stored(stored)
            frames = await self.framing.of(recorded)
        except Exception:
            log.exception("push.poison", position=stored.position)
            return []
        if person is not None and whose_rights(recorded) == person:
            raise MustSnapshot(Reason.RIGHTS)
        return [Told(frame, self.cursors, len(stored.body)) for frame in frames]

    def _is_older(self, cursor: Cursor) -> bool:
        """Is there anything after it that the ring does not hold?"""
        return cursor < Cursor(self.ring.floor)

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

    # What another process told

    async def _until_known(self, since: Cursor, comer: Comer) -> None:
        """Waits a moment for a cursor that another process gave, which is further on. Raises MustSnapshot."""
        if since <= self.ring.head:
            return
        if await self._is_ahead(since.position):
            self._rollbacks.note(Reason.AHEAD, comer.person, is_sealed=comer.chat is not None)
            raise MustSnapshot(Reason.AHEAD)
        try:
            async with asyncio.timeout(LAG_SECONDS):
                await self.ring.passed(since.position)
        except TimeoutError:
            raise MustSnapshot(Reason.LAG) from None

    async def _is_ahead(self, position: int) -> bool:
        """Does the log end before it? Raises MustSnapshot."""
        with _away():
            # Others may have asked the first before this position was there, but not the second.
            return position > await self._last_position() and position > await self._last_position()

    async def _last_position(self) -> int:
        """However many want to know it at the same time, the log is asked once. Raises LogDown, AppendRefused."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self.source.last_position())
        return await asyncio.shield(self._asking)


def _next(read_to: Cursor) -> int:
    """Where to read on."""
    return read_to.position + (read_to.part == WHOLE)


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (LogDown, AppendRefused):
        raise MustSnapshot(Reason.AWAY) from None
