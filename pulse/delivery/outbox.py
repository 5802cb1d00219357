"""Follows the log for replies that have not left whole, and has one sender for each source that this process holds.

The log is the queue: what waits, what was tried and when to try again are events. After a restart the outbox reads on
from the oldest reply that was open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from uuid import UUID

import structlog

from pulse.aggregates.chat_events import ReplyWritten
from pulse.aggregates.chat_replies import ReplyFailed, ReplyRequeued, ReplySent, ReplyUncertain, ReplyVouched
from pulse.channels.table import CHANNELS
from pulse.delivery.sender import Parts, Sender
from pulse.errors import NotFound
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER, Recorded, open_stored
from pulse.eventlog.follow import Follow, until_told
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes, Place

SAVE_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Outbox:
    """`run` follows and sends for ever."""

    def __init__(self, parts: Parts, epoch: str) -> None:
        self.senders: dict[UUID, Sender] = {}
        self.begun = asyncio.Event()
        self._parts = parts
        self._store = parts.store
        self._directory = parts.directory
        self._notes = Notes(parts.store.log)
        self._place = Place(self._notes, "outbox", epoch)
        self._open: dict[UUID, dict[tuple[UUID, int], int]] = {}  # by source: open replies, and where they stand
        self._served: set[UUID] = set()
        self._noted = 0

    @property
    def done_with(self) -> int:
        """Nothing up to this position has to be read again: it is before the oldest open reply, and was noted."""
        oldest = [position for replies in self._open.values() for position in replies.values()]
        return min(oldest) - 1 if oldest else self._noted

    @property
    def ready(self) -> bool:
        """Does it know of every reply that was open when it began?"""
        return self.begun.is_set()

    @property
    def position(self) -> int:
        """How far it has noted what happened."""
        return self._noted

    def open_replies(self, source_id: UUID) -> Collection[tuple[UUID, int]]:
        """Chats and versions of what has not left whole and is not stuck."""
        return self._open.get(source_id, {}).keys()

    async def run(self) -> None:
        self._noted = await until_told(self._place.load)
        follow = Follow(self._store.log, self._noted, caught_up=self.begun)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save_place())
            for source in self._directory.sources():
                self._serve(source.id, group)
            async for page in follow:
                for stored in page:
                    await self._take(stored, group)
                    self._noted = stored.position

    async def _save_place(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._place.save(self.done_with)

    async def _take(self, stored: Stored, group: asyncio.TaskGroup) -> None:
        kind = stored.subject.split(".")[2]
        if kind == "source":
            await self._directory.wait_for(stored.position)
            self._serve(UUID(stored.subject.rsplit(".", 1)[1]), group)
        if kind != "chat":
            return
        try:
            self._note(open_stored(stored))
        except NEWER:  # a newer Pulse wrote it; what it knows how to send, it sends
            log.warning("outbox.beyond", position=stored.position)

    def _note(self, recorded: Recorded) -> None:
        """Keeps count of what is open, and wakes the sender of what can go on."""
        source, chat_id, event = recorded.scope.source, recorded.aggregate_id, recorded.event
        if source is None:
            return
        replies = self._open.setdefault(source, {})
        match event:
            case ReplyWritten():
                replies[chat_id, event.originator_version] = recorded.position
            case ReplySent(of=of, part=part, parts=parts) | ReplyVouched(of=of, part=part, parts=parts):
                if part + 1 == parts:
                    replies.pop((chat_id, of), None)
                else:  # it may have been stuck before
                    replies.setdefault((chat_id, of), recorded.position)
            case ReplyRequeued(of=of):
                replies[chat_id, of] = recorded.position
            case ReplyUncertain(of=of) | ReplyFailed(of=of, again_at=None):
                replies.pop((chat_id, of), None)
            case _:
                return
        if source in self.senders:
            self.senders[source].wake(chat_id)

    def _serve(self, source_id: UUID, group: asyncio.TaskGroup) -> None:
        """A sender for each source that has a driver; one that has changed is told so."""
        if source_id in self.senders:
            self.senders[source_id].look_again()
        source = self._directory.find_source(source_id)
        if source_id in self._served or source is None or source.channel not in CHANNELS:
            return
        self._served.add(source_id)
        lease = Lease(self._notes, f"outbox.{source_id.hex}")
        group.create_task(lease.run(lambda: self._send(source_id, lease)))

    async def _send(self, source_id: UUID, lease: Lease) -> None:
        """While this process holds the source."""
        try:
            sender = Sender(source_id, self._parts, lease.held.is_set)
        except NotFound:  # a newer Pulse changed it; that one sends
            return
        self.senders[source_id] = sender
        for chat_id, _ in self._open.get(source_id, {}):
            sender.wake(chat_id)
        try:
            await sender.run()
        finally:
            del self.senders[source_id]
