"""Shows customers that a moderator is typing, where their channel can. Told live and never kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from uuid import UUID

import orjson
import structlog

from pulse.channels.calls import CallFailed
from pulse.delivery.outbox import Outbox
from pulse.drivers import Drivers
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import STAFF_TYPING

EVERY_SECONDS = 4.0  # Telegram shows it for five
CALL_SECONDS = 5.0
KEPT = 10_000
AT_ONCE = 32

log = structlog.get_logger(__name__)


class Typing:
    """Hears what every desk says; acts for the sources that this process sends for."""

    def __init__(self, source: Log, outbox: Outbox, drivers: Drivers) -> None:
        self._source = source
        self._outbox = outbox
        self._drivers = drivers
        self._shown_at: OrderedDict[UUID, float] = OrderedDict()
        self._calls: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        await self._source.listen(STAFF_TYPING, self._hear)

    async def _hear(self, body: bytes) -> None:
        told = orjson.loads(body)
        chat_id, source_id = UUID(told["chat_id"]), UUID(told["source_id"])
        now = asyncio.get_running_loop().time()
        if source_id not in self._outbox.senders or now - self._shown_at.get(chat_id, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        self._shown_at[chat_id] = now
        self._shown_at.move_to_end(chat_id)
        if len(self._shown_at) > KEPT:
            self._shown_at.popitem(last=False)
        if len(self._calls) < AT_ONCE:
            call = asyncio.ensure_future(self._show(source_id, told["peer"]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _show(self, source_id: UUID, peer: str) -> None:
        """Nobody waits for it, and nobody misses it."""
        driver = self._drivers.of(source_id)
        if driver is None or not driver.capabilities.typing:
            return
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await driver.show_typing(peer)
        except (CallFailed, TimeoutError) as failed:
            log.info("typing.not_shown", source=str(source_id), error=type(failed).__name__)
