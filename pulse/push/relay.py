"""Follows the log once per process and has every event's frames told to whoever may hear them."""

from __future__ import annotations

import asyncio
import time

import structlog

from pulse.access import Place
from pulse.aggregates.chat_events import ChatAssigned, ChatClosed, ChatTransferred, ChatUnassigned
from pulse.directory import KINDS
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.envelope import Recorded, open_stored
from pulse.eventlog.follow import RETRY_SECONDS, Follow
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import ROOM_TYPING
from pulse.logs import Outage
from pulse.metrics import Metrics
from pulse.push.encoding import Told
from pulse.push.evicting import Evicting
from pulse.push.framing import Framing, whose_rights
from pulse.push.room_frames import typing_frame
from pulse.push.sign_outs import SignOuts
from pulse.push.telling import Telling

WARM = 2_000
MOVES = (ChatAssigned, ChatUnassigned, ChatTransferred, ChatClosed)

log = structlog.get_logger(__name__)


class Relay:
    """Relays from the event on that was the newest when it began; NATS may come and go, the sockets stay and get
    what they missed.
    """

    def __init__(
        self, source: Log, telling: Telling, framing: Framing, evicting: Evicting, metrics: Metrics
    ) -> None:  # fmt: skip
        self.source = source
        self.directory = telling.directory
        self.telling = telling
        self.framing = framing
        self.evicting = evicting
        self.metrics = metrics
        self.sign_outs = SignOuts(telling.hub, self.directory)
        self.follow: Follow | None = None

    @property
    def ready(self) -> bool:
        """Does a socket that opens now hear everything from now on?"""
        return self.follow is not None and self.follow.caught_up.is_set()

    @property
    def behind(self) -> int:
        """How many events of the log were not told yet, as far as nats-server has said."""
        return 0 if self.follow is None else self.follow.behind

    async def begin(self) -> None:
        """Takes its place in the log, before the door listens. Waits for as long as the log can't tell it."""
        if self.follow is None:
            await self.source.listen(ROOM_TYPING, self._hear_typing)
        outage = Outage("push")
        while self.follow is None:
            try:
                last = await self.source.last_position()
                await self._warm(last)
                self.follow = Follow(self.source, last, when_stale=self.telling.tell_stale)
            except (LogDown, AppendRefused) as trouble:
                outage.began(trouble)
                await asyncio.sleep(RETRY_SECONDS)
        outage.ended()

    async def run(self) -> None:
        """Relays for ever. Every socket is told when the feed is stale, and when it is not any more."""
        await self.begin()
        assert self.follow is not None
        async for page in self.follow:
            for stored in page:
                await self._relay(stored)

    async def _warm(self, last: int) -> None:
        """What was told of late: whoever comes back after a restart finds it in memory. Raises LogDown."""
        ring = self.telling.ring
        ring.begin(max(last - WARM, 0))
        while ring.head.position < last:
            page = await self.source.read(ring.head.position + 1, limit=last - ring.head.position)
            if not page or page[0].position != ring.head.position + 1:  # the log does not reach back so far
                ring.begin(page[0].position - 1 if page else last)
            for stored in page:
                await self._remember(stored)
        ring.mark()

    async def _remember(self, stored: Stored) -> None:
        try:
            recorded = open_stored(stored)
            self._note_rights(recorded)
            for frame in await self.framing.of(recorded):
                self.telling.ring.keep(Told(frame, self.telling.cursors, len(stored.body)))
        except Exception:
            log.exception("push.poison", position=stored.position)
        finally:
            self.telling.ring.pass_by(stored.position)

    async def _relay(self, stored: Stored) -> None:
        """One event. What can't be told is logged and passed over: everything after it still has to arrive."""
        try:
            recorded = open_stored(stored)
            if recorded.kind in KINDS:
                # What follows is judged by the rights as they are after this.
                await self.directory.wait_for(recorded.position)
                self._note_rights(recorded)
                self.sign_outs.look([recorded.aggregate_id])
            for frame in await self.framing.of(recorded):
                await self.telling.tell(frame, len(stored.body))
            await self._evict(recorded)
            self.metrics.stream_lag.observe(max(0.0, time.time() - recorded.at.timestamp()))
        except Exception:
            self.evicting.moves += 1  # it may have been a move
            self.metrics.dispatch_errors.labels("poison").inc()
            log.exception("push.poison", position=stored.position)
        finally:
            self.telling.ring.pass_by(stored.position)

    def _note_rights(self, recorded: Recorded) -> None:
        if (who := whose_rights(recorded)) is not None:
            self.telling.ring.change_rights(who, recorded.position)

    async def _evict(self, recorded: Recorded) -> None:
        """Whoever heard that a chat moved away, or that they are no admin any more, hears no more on its channels."""
        if isinstance(recorded.event, MOVES):
            self.evicting.from_chat(recorded.aggregate_id, Place(recorded.scope.department, recorded.scope.holder))
        elif (who := whose_rights(recorded)) is not None:
            await self.evicting.person(who)

    async def _hear_typing(self, body: bytes) -> None:
        await self.telling.tell(typing_frame(body, self.directory.name_of))
