"""Sends the replies of one source: each chat's in order, many chats at once, never faster than the channel allows.

Every call is on disk before it is made, and its end after. Whoever is cut off in between is found by the next sender.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from pulse.aggregates.chat import Chat
from pulse.aggregates.source import Halt, Source
from pulse.channels import Channel
from pulse.channels.calls import CallFailed, MaybeSent, NotNow, SourceInTrouble
from pulse.channels.table import CHANNELS
from pulse.delivery.breaker import Breaker
from pulse.delivery.calling import ReadFile, make_call
from pulse.delivery.outcomes import makes_unreachable, record_failure, record_sent
from pulse.delivery.pace import Pace
from pulse.delivery.reach import lose_customer
from pulse.delivery.turns import Terms, Turn, later, take_turn
from pulse.delivery.waiting import Waiting
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.errors import PulseError, Trouble
from pulse.eventlog.appends import AckLost
from pulse.eventlog.store import EventStore
from pulse.vault import WrongKey

AT_ONCE = 16
RETRY_SECONDS = 0.5
STUMBLED_SECONDS = 30.0
LAST_CALLS_SECONDS = 5.0
UPLOADS = 2
LOCKED = "Pulse can't open its secrets: they were sealed with another PULSE_MASTER_KEY. Start Pulse with that one."
LOCKED_SECONDS = 300.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What senders need. `read_file` gives the content of one of our files; `clock` says now."""

    store: EventStore
    directory: Directory
    drivers: Drivers
    read_file: ReadFile
    clock: Callable[[], datetime]


class Sender:
    """Tell it which chats may have something to send (`wake`); `run` sends for as long as it is let."""

    def __init__(self, source_id: UUID, parts: Parts, holds: Callable[[], bool]) -> None:
        """`holds`: does this process still send for the source? Raises NotFound."""
        self.source_id = source_id
        self._parts = parts
        self._holds = holds
        self._store = parts.store
        self._clock = parts.clock
        self._breaker = Breaker()
        self._pace = Pace(CHANNELS[parts.directory.source(source_id).channel].capabilities)
        self._waiting = Waiting()
        self._not_called: dict[UUID, set[tuple[int, int]]] = {}
        self._changed = asyncio.Event()
        self._uploads = asyncio.Semaphore(UPLOADS)  # a file is in memory while it is sent

    def wake(self, chat_id: UUID) -> None:
        """This chat may have something to send."""
        self._waiting.put(chat_id)

    def look_again(self) -> None:
        """The source has changed: it may send again, or no more."""
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled; calls under way may then end for a moment."""
        workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            self._waiting.end()
            for worker in workers:
                if not worker.cancelling():  # a second time would cut its last call off
                    worker.cancel()
            await asyncio.wait(workers)

    async def _work(self) -> None:
        while True:
            chat_id = await self._waiting.take()
            try:
                await self._serve(chat_id)
            except PulseError as trouble:  # the log is away, or a newer Pulse knows this source better
                log.warning("delivery.postponed", chat=str(chat_id), trouble=trouble.code)
                self._waiting.put_later(chat_id, RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001  one chat must not stop the others; its words may hold a token
                log.error("delivery.stumbled", chat=str(chat_id), error=type(error).__name__)  # noqa: TRY400
                self._waiting.put_later(chat_id, STUMBLED_SECONDS)
            finally:
                self._waiting.over(chat_id)

    async def _serve(self, chat_id: UUID) -> None:
        """One call for this chat, if it is time for one. Raises Trouble of the log.

        When sending stops, a turn that was taken is let end: what was recorded is called, what was called is recorded.
        Where the lease is lost somebody else sends already, so the call is dropped at once.
        """
        await self._source_turn()
        turn = asyncio.ensure_future(self._take_and_call(chat_id))
        turn.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            if self._holds():
                await asyncio.wait([turn], timeout=LAST_CALLS_SECONDS)
            turn.cancel()
            raise

    async def _take_and_call(self, chat_id: UUID) -> None:
        called = False
        try:
            turn = await self._take_turn(chat_id)
            if isinstance(turn, Turn):
                called = True
                await self._call_and_record(chat_id, turn)
                self.wake(chat_id)
            elif turn is not None:
                self._waiting.put_later(chat_id, (turn - self._clock()).total_seconds())
        except WrongKey:
            await self._halt_source(SourceInTrouble(LOCKED, after=LOCKED_SECONDS))
            self.wake(chat_id)
        finally:
            if not called:
                self._pace.give_back()
                self._breaker.no_call()

    async def _source_turn(self) -> None:
        """Waits while the source is switched off or halted, does not answer, or is at its limit; then a call is reserved."""
        loop = asyncio.get_running_loop()
        while True:
            source = self._parts.directory.source(self.source_id)
            if not source.may_send(self._clock()):
                await self._until_changed(None if source.disabled else source.halted)
                continue
            now = loop.time()
            delay = max(self._pace.source_delay(now), self._breaker.delay(now))
            if delay <= 0:
                self._pace.reserve(now)
                self._breaker.probe()
                return
            await asyncio.sleep(delay)

    async def _until_changed(self, halt: Halt | None) -> None:
        """Returns when somebody changed the source, or its time is over."""
        left = None if halt is None or halt.until is None else (halt.until - self._clock()).total_seconds()
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._changed.wait()

    async def _take_turn(self, chat_id: UUID) -> Turn | datetime | None:
        loop, now = asyncio.get_running_loop(), self._clock()
        taken: list[Turn | datetime | None] = [None]

        def may_call_at(chat: Chat) -> datetime:
            return later(now, self._pace.chat_delay(chat_id, loop.time(), group=chat.group))

        terms = Terms(self._driver().capabilities, may_call_at, self._not_called.get(chat_id, ()))

        def take(chat: Chat) -> None:
            taken.append(take_turn(chat, terms, now))

        try:
            decided = await self._store.decide_if_known(Chat, chat_id, take, by="system")
        except AckLost:
            if isinstance(turn := taken[-1], Turn):  # it may be on disk, but surely no call was made
                self._not_called.setdefault(chat_id, set()).add((turn.of, turn.attempt))
            raise
        self._not_called.pop(chat_id, None)
        turn = taken[-1]
        if isinstance(turn, Turn):
            self._pace.count(chat_id, loop.time(), group=turn.piece.group)
            return turn if decided.events else None
        return turn

    async def _call_and_record(self, chat_id: UUID, turn: Turn) -> None:
        """The call, and what came of it, written until the log has it."""
        driver = self._driver()
        try:
            async with self._uploads if turn.attachment else contextlib.nullcontext():
                message_id = await make_call(driver, turn, self._parts.read_file)
        except CallFailed as failed:
            self._look_at(failed, asyncio.get_running_loop().time())
            limits, trouble = driver.capabilities, self._named(failed)
            await self._record(chat_id, lambda chat: record_failure(chat, turn, trouble, limits, self._clock()))
            if isinstance(failed, SourceInTrouble):
                await self._halt_source(failed)
            if makes_unreachable(failed) and not turn.piece.group:
                peer, reason = turn.piece.peer, failed.reason
                await lose_customer(self._store, self.source_id, peer, reason=reason, now=self._clock())
        else:
            self._breaker.went_well()
            await self._record(chat_id, lambda chat: record_sent(chat, turn, message_id, self._clock()))

    async def _record(self, chat_id: UUID, record: Callable[[Chat], None]) -> None:
        while True:
            try:
                await self._store.decide_if_known(Chat, chat_id, record, by="system")
            except Trouble:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _look_at(self, failed: CallFailed, now: float) -> None:
        """What a failure means for the other chats of this source."""
        if isinstance(failed, NotNow) and failed.after is not None:
            if failed.whole_source or self._breaker.many_are_busy(now):
                self._pace.pause(now + failed.after)
        elif isinstance(failed, NotNow | MaybeSent):
            self._breaker.went_badly(now)
        else:
            self._breaker.went_well()  # it answered

    async def _halt_source(self, trouble: SourceInTrouble) -> None:
        now = self._clock()
        until = later(now, trouble.after) if trouble.after is not None else None
        admins = self._parts.directory.admins()

        def halt(source: Source) -> None:
            source.halt(trouble.reason, code=trouble.provider_code, until=until, now=now, admins=admins)

        decided = await self._store.decide_if_known(Source, self.source_id, halt, by="system")
        if decided.events:
            log.error("delivery.halted", source=str(self.source_id), reason=trouble.reason)
            await self._parts.directory.wait_for(decided.position)

    def _named(self, failed: CallFailed) -> CallFailed:
        """What is wrong with the whole source says which one it is: it is read beside a reply."""
        if not isinstance(failed, SourceInTrouble):
            return failed
        title = self._parts.directory.source(self.source_id).title
        return SourceInTrouble(f"the source “{title}” sends nothing. {failed.reason}", failed.provider_code)

    def _driver(self) -> Channel:
        """As the source's settings and secrets are now. Raises WrongKey."""
        driver = self._parts.drivers.of(self.source_id)
        assert driver is not None
        return driver
