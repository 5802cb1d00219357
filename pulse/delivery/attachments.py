"""Brings the files of messages into our own storage: what lies at a channel expires.

Follows the log. A file is awaited until its chat says that it is stored or lost; nothing else is remembered, so after a
restart whatever is still awaited begins again. Each source has a queue of its own: no file waits behind another source's.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.blobs import Blobs
from pulse.channels.calls import CallFailed, NeverDelivered
from pulse.delivery.awaited import Awaited, Key, files_in
from pulse.delivery.fetching import Fetching, Origins
from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER, PREFIX, open_stored
from pulse.eventlog.follow import Follow
from pulse.eventlog.store import EventStore
from pulse.message import file_key
from pulse.outside import AnswerTooLarge, ForbiddenAddress, NoAnswer

PER_SOURCE = 4
BEGUN = 500  # of one source, being fetched or waiting for the next try; the others wait in its queue
# Between tries: about an hour in all.
PAUSES = (5.0, 30.0, 120.0, 600.0, 2700.0)
OURS_SECONDS = 10.0
SAVE_EVERY = 500

log = structlog.get_logger(__name__)

Save = Callable[[int], Awaitable[object]]
Pause = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class Queue:
    """One source's files that nobody has begun to fetch, and how many others are begun."""

    files: deque[Awaited] = field(default_factory=deque)
    begun: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_SOURCE))


class Attachments:
    """`run` follows and fetches for ever. One process at a time; a second one would only do the same work again."""

    def __init__(
        self, store: EventStore, blobs: Blobs, origins: Origins, clock: Callable[[], datetime],
        pause: Pause = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.caught_up = asyncio.Event()
        self._store = store
        self._fetching = Fetching(blobs, origins)
        self._clock = clock
        self._pause = pause
        self._queues: defaultdict[UUID, Queue] = defaultdict(Queue)
        self._waiting: dict[Key, int] = {}  # the positions that brought them, the oldest first
        self._fresh: dict[Key, Awaited] = {}  # in no queue yet
        self._saved = 0

    async def run(self, after: int, save: Save) -> None:
        """`save` is told up to where every file is decided; a run after that position misses none."""
        self.caught_up.clear()
        self._waiting.clear()
        self._fresh.clear()
        self._queues.clear()
        self._saved = after
        follow = Follow(self._store.log, after, subjects=(f"{PREFIX}.chat.>",), caught_up=self.caught_up)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._begin_when_caught_up(group))
            async for page in follow:
                for stored in page:
                    self._take(stored)
                if self.caught_up.is_set():
                    self._begin(group)
                await self._save(follow.position, save)

    def _take(self, stored: Stored) -> None:
        try:
            recorded = open_stored(stored)
        except NEWER:
            log.exception("attachments.unreadable", position=stored.position)
            return
        match recorded.event:
            case AttachmentStored() | AttachmentLost() as done:
                key = (recorded.aggregate_id, file_key(done.edit or done.of, done.index))
                self._waiting.pop(key, None)
                self._fresh.pop(key, None)
            case _:
                for awaited in files_in(recorded):
                    self._waiting[awaited.key] = stored.position
                    self._fresh[awaited.key] = awaited

    async def _begin_when_caught_up(self, group: asyncio.TaskGroup) -> None:
        """Not before: what was awaited once may have been stored since."""
        await self.caught_up.wait()
        self._begin(group)

    def _begin(self, group: asyncio.TaskGroup) -> None:
        for awaited in self._fresh.values():
            queue = self._queues[awaited.source_id]
            queue.files.append(awaited)
            if queue.begun < BEGUN:
                queue.begun += 1
                group.create_task(self._work_off(queue))
        self._fresh.clear()

    async def _work_off(self, queue: Queue) -> None:
        """One file after the other, until the queue is empty."""
        while queue.files:
            await self._bring(queue.files.popleft(), queue.room)
        queue.begun -= 1

    async def _save(self, position: int, save: Save) -> None:
        reached = next(iter(self._waiting.values()), position + 1) - 1
        if reached >= self._saved + SAVE_EVERY:  # a restart reads that far again, which costs nobody anything
            await save(reached)
            self._saved = reached

    async def _bring(self, awaited: Awaited, room: asyncio.Semaphore) -> None:
        """Until it is stored or lost. Waiting for the next try takes nobody's room."""
        tries = 0
        while True:
            try:
                if tries > len(PAUSES):
                    return await self._lose(awaited, "The channel did not hand it out, however often it was asked.")
                async with room:
                    return await self._bring_once(awaited)
            except (CallFailed, NoAnswer) as trouble:
                again = max(pause_after(tries), getattr(trouble, "after", None) or 0.0)
                tries += 1
                # Not the trouble's own words: nobody knows what a provider or a library puts into them.
                log.info("attachments.later", chat=awaited.chat_id.hex, key=awaited.key[1], trouble=trouble.code)
            except Trouble as trouble:  # ours: the disk or the log is away
                again = OURS_SECONDS
                log.warning("attachments.kept-waiting", trouble=trouble.code)
            except Exception as unforeseen:  # noqa: BLE001  one file must not stop the others
                again = pause_after(tries)
                tries += 1
                # Without its words and its stack, which may hold an address with a token in it.
                log.error("attachments.unforeseen", error=type(unforeseen).__name__, key=awaited.key[1])  # noqa: TRY400
            await self._pause(again)

    async def _bring_once(self, awaited: Awaited) -> None:
        """Stores it or knows that it is lost. Raises CallFailed, NoAnswer for the channel, other Trouble for us."""
        try:
            stored = await self._fetching.fetch(awaited.source_id, awaited.attachment)
        except NeverDelivered as never:
            await self._lose(awaited, never.reason)
        except AnswerTooLarge:
            await self._lose(awaited, "The file is too large.")
        except ForbiddenAddress:
            await self._lose(awaited, "The file lies where Pulse does not go.")
        else:
            await self._decide(awaited, lambda chat: chat.store_attachment(stored, **awaited.place, now=self._clock()))

    async def _lose(self, awaited: Awaited, reason: str) -> None:
        await self._decide(
            awaited, lambda chat: chat.lose_attachment(**awaited.place, reason=reason, now=self._clock())
        )

    async def _decide(self, awaited: Awaited, act: Callable[[Chat], None]) -> None:
        await self._store.decide_if_known(Chat, awaited.chat_id, act, by="system")


def pause_after(tries: int) -> float:
    """Seconds until the next one; none after the last."""
    return PAUSES[tries] if tries < len(PAUSES) else 0.0
