"""Brings the files of messages into our own storage: what lies at a channel expires.

Follows the log. A file is awaited until its chat says that it is stored or lost; nothing else is remembered, so after a
restart whatever is still awaited begins again. Each source has a queue of its own: no file waits behind another source's.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import httpx2
import msgspec
import structlog

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import MessageEdited, MessageReceived, MessageReread, ReplyEchoed
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.blobs import Blobs
from pulse.channels import Channel, Located
from pulse.channels.calls import CallFailed, NeverDelivered
from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import PREFIX, Recorded, UnknownEvent, open_envelope
from pulse.eventlog.follow import Follow
from pulse.eventlog.store import EventStore
from pulse.files.uploads import clean_name
from pulse.message import LARGEST_FILE, Attachment, all_attachments, file_key, is_awaited
from pulse.outside import AnswerTooLarge, ForbiddenAddress, NoAnswer, download, outside_client
from pulse.values import value

PER_SOURCE = 4
BEGUN = 500  # of one source, being fetched or waiting for the next try; the others wait in its queue
# Between tries: about an hour in all.
PAUSES = (5.0, 30.0, 120.0, 600.0, 2700.0)
OURS_SECONDS = 10.0
# A file may take this long, and a second more for each of so many bytes that it is said to have.
SECONDS = 60.0
SLOWEST = 256 * 1024
SAVE_EVERY = 500
GONE = frozenset({400, 403, 404, 410})

log = structlog.get_logger(__name__)

Key = tuple[UUID, str]
Save = Callable[[int], Awaitable[object]]
Pause = Callable[[float], Awaitable[object]]


@value
class Awaited:
    """A file that lies at its channel: of which message (or edit of it), the how manyth, and on which source."""

    chat_id: UUID
    source_id: UUID
    of: int
    edit: int | None
    index: int
    attachment: Attachment

    @property
    def key(self) -> Key:
        return self.chat_id, file_key(self.edit or self.of, self.index)


@value
class Sources:
    """What the worker asks of others: the driver of a source, and the hosts inside that files may come from."""

    driver: Callable[[UUID], Channel | None]
    trusted: frozenset[str] = frozenset()
    limit: Callable[[UUID], int] = lambda _: LARGEST_FILE


@dataclass(slots=True)
class Queue:
    """One source's files that nobody has begun to fetch, and how many others are begun."""

    files: deque[Awaited] = field(default_factory=deque)
    begun: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_SOURCE))


class Attachments:
    """`run` follows and fetches for ever. One process at a time; a second one would only do the same work again."""

    def __init__(
        self, store: EventStore, blobs: Blobs, sources: Sources, clock: Callable[[], datetime],
        pause: Pause = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.caught_up = asyncio.Event()
        self._store = store
        self._blobs = blobs
        self._sources = sources
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
            recorded = open_envelope(stored.position, stored.subject, stored.body)
        except (UnknownEvent, msgspec.MsgspecError):
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
            stored = await self._fetch(awaited)
        except NeverDelivered as never:
            await self._lose(awaited, never.reason)
        except AnswerTooLarge:
            await self._lose(awaited, "The file is too large.")
        except ForbiddenAddress:
            await self._lose(awaited, "The file lies where Pulse does not go.")
        else:
            await self._decide(
                awaited,
                lambda chat: chat.store_attachment(
                    stored, of=awaited.of, edit=awaited.edit, index=awaited.index, now=self._clock()
                ),
            )

    async def _fetch(self, awaited: Awaited) -> Attachment:
        driver, ref = self._sources.driver(awaited.source_id), awaited.attachment.ref
        if driver is None or ref is None:
            raise NeverDelivered("Its source is not connected any more.")
        limit = self._sources.limit(awaited.source_id)
        if (awaited.attachment.size or 0) > limit:
            raise AnswerTooLarge
        located = await driver.locate(ref)
        if (located.size or 0) > limit:
            raise AnswerTooLarge
        seconds = SECONDS + (located.size or awaited.attachment.size or limit) / SLOWEST
        trusted = self._sources.trusted
        async with self._blobs.gather() as gathered, outside_client(_hosts(located), allow_private=trusted) as client:
            status = await download(client, located.url, gathered.add, limit=limit, seconds=seconds)
            if status in GONE:
                raise NeverDelivered("The channel has it no more.")
            if status != 200:
                raise NoAnswer
            kept = await gathered.keep()
        name = awaited.attachment.name
        return replace(
            awaited.attachment, file=str(uuid4()), sha256=kept.sha256, size=kept.size, mime=kept.mime,
            name=None if name is None else clean_name(name),
        )  # fmt: skip

    async def _lose(self, awaited: Awaited, reason: str) -> None:
        await self._decide(
            awaited,
            lambda chat: chat.lose_attachment(
                of=awaited.of, edit=awaited.edit, index=awaited.index, reason=reason, now=self._clock()
            ),
        )

    async def _decide(self, awaited: Awaited, act: Callable[[Chat], None]) -> None:
        def decision(chat: Chat | None) -> Chat | None:
            if chat is not None:
                act(chat)
            return chat

        await self._store.decide(Chat, awaited.chat_id, decision, by="system")


def pause_after(tries: int) -> float:
    """Seconds until the next one; none after the last."""
    return PAUSES[tries] if tries < len(PAUSES) else 0.0


def files_in(recorded: Recorded) -> Iterator[Awaited]:
    """The files that an event brought and that are not with us."""
    edit: int | None = None
    of = recorded.ver
    attachments: tuple[Attachment, ...] = ()
    match recorded.event:
        case MessageReceived(message=message):
            attachments = all_attachments(message)
        case MessageEdited(of=of, message=message) | MessageReread(of=of, message=message):
            attachments, edit = all_attachments(message), recorded.ver
        case ReplyEchoed(confirms=None):
            attachments = recorded.event.attachments
    source = recorded.scope.source
    if source is not None:
        for index, one in enumerate(attachments):
            if is_awaited(one):
                yield Awaited(recorded.aggregate_id, source, of, edit, index, one)


def _hosts(located: Located) -> tuple[str, ...]:
    """Without a list, the one host it lies on. Raises ForbiddenAddress."""
    try:
        return located.hosts or (httpx2.URL(located.url).raw_host.decode("ascii"),)
    except httpx2.InvalidURL:
        raise ForbiddenAddress from None
