"""Sends pages to Telegram: each bot by itself and at its own pace, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from pulse.aggregates.pager import Pager
from pulse.channels import Channel, Outgoing
from pulse.channels.calls import CallFailed, NeverDelivered, NotNow
from pulse.delivery.pace import Window
from pulse.delivery.pager_words import Page, words_of
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.errors import Trouble
from pulse.eventlog.store import EventStore

CALL_SECONDS = 30.0
PER_SECOND = 5  # of the bot's 30, which customers need
PER_MINUTE = 20  # to one moderator; whoever is told more often reads nothing
TRIES, PAUSE_SECONDS, LONGEST_PAUSE = 3, 5.0, 60.0
WAITING = 1000
KEPT = 10_000

log = structlog.get_logger(__name__)


class PagerSender:
    """What it was given and has not sent when its turn ends is lost: nobody is told twice. So is what a bot should send
    that is switched off or halted.
    """

    def __init__(
        self, store: EventStore, directory: Directory, drivers: Drivers, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._directory = directory
        self._drivers = drivers
        self._clock = clock
        self._queues: dict[UUID, asyncio.Queue[tuple[Pager, str]]] = {}
        self._lately: OrderedDict[UUID, Window] = OrderedDict()
        self._skipped: dict[UUID, int] = {}

    def begin(self) -> None:
        """A turn begins: the tasks of the one before are gone, and what waited for them is old."""
        self._queues.clear()

    def give(self, group: asyncio.TaskGroup, pager: Pager, page: Page) -> None:
        """Takes a page to send, unless its moderator was told too much in this minute; the next one counts those."""
        source_id, who = pager.source_id, pager.moderator_id
        if source_id is None:
            return
        if source_id not in self._queues:
            self._queues[source_id] = asyncio.Queue(WAITING)
            group.create_task(self._send(source_id, self._queues[source_id]))
        if not self._has_room(who) or self._queues[source_id].full():
            self._skipped[who] = self._skipped.get(who, 0) + 1
            return
        skipped = self._skipped.pop(who, 0)
        words = words_of(page, self._language(pager), whole=pager.wishes.whole_text, skipped=skipped)
        self._queues[source_id].put_nowait((pager, words))

    def _language(self, pager: Pager) -> str:
        """What their profile says, else what Telegram says they speak."""
        moderator = self._directory.moderator(pager.moderator_id)
        return (moderator.locale if moderator else "") or pager.language

    def _has_room(self, who: UUID) -> bool:
        now = asyncio.get_running_loop().time()
        window = self._lately.setdefault(who, Window(PER_MINUTE, 60))
        self._lately.move_to_end(who)
        if len(self._lately) > KEPT:
            self._lately.popitem(last=False)
        if window.delay(now):
            return False
        window.count(now)
        return True

    async def _send(self, source_id: UUID, queue: asyncio.Queue[tuple[Pager, str]]) -> None:
        """For ever, one after the other."""
        loop, pace = asyncio.get_running_loop(), Window(PER_SECOND, 1.0)
        while True:
            pager, words = await queue.get()
            await asyncio.sleep(pace.delay(loop.time()))
            pace.count(loop.time())
            driver = self._drivers.of(source_id)
            if driver is not None:
                await self._tell(driver, pager, words)

    def _may_send(self, source_id: UUID) -> bool:
        source = self._directory.find_source(source_id)
        return source is not None and source.may_send(self._clock())

    async def _tell(self, driver: Channel, pager: Pager, words: str) -> None:
        """Repeated only where Telegram surely took nothing, and nobody switched the bot off meanwhile."""
        for _ in range(TRIES):
            if not self._may_send(driver.account.id):
                return
            try:
                await self._call(driver, pager, words)
            except NotNow as busy:
                await asyncio.sleep(min(busy.after or PAUSE_SECONDS, LONGEST_PAUSE))
            else:
                return

    async def _call(self, driver: Channel, pager: Pager, words: str) -> None:
        """Raises NotNow."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await driver.send(Outgoing(pager.peer, 0, words))
        except NotNow:
            raise
        except NeverDelivered as never:
            if never.unreachable:
                await self._unlink(pager, never.reason)
        except (CallFailed, TimeoutError) as failed:
            log.info("pager.not_told", source=str(driver.account.id), error=type(failed).__name__)
        except Exception as error:  # noqa: BLE001  its words may hold a token
            log.error("pager.unforeseen", source=str(driver.account.id), error=type(error).__name__)  # noqa: TRY400

    async def _unlink(self, pager: Pager, reason: str) -> None:
        """Its owner blocked the bot; Pulse itself tells them so."""

        def unlink(known: Pager) -> None:
            known.unlink(reason, peer=pager.peer, now=self._clock())

        try:
            await self._store.decide_if_known(Pager, pager.id, unlink, by="system")
        except Trouble as trouble:  # the next page finds it again
            log.warning("pager.not_unlinked", trouble=repr(trouble))
