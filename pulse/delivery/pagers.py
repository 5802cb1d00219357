"""Tells moderators of work in the Telegram they linked: new chats, chats given to them, mentions. One process at a time.

At most once: how far it is is written down before anybody is told. What is older than a quarter of an hour is history.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat_events import CallbackRequested, MessageReceived
from pulse.aggregates.pager import Pager, PagerLinked
from pulse.delivery.pager_sender import PagerSender
from pulse.delivery.pager_words import Page
from pulse.directory import KINDS, Directory
from pulse.errors import ReadsDown
from pulse.eventlog.appends import Stored, WrongSequence
from pulse.eventlog.envelope import NEWER, Recorded, open_stored
from pulse.eventlog.follow import Follow, until_told
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.projections import inbox
from pulse.projections.changes import Row
from pulse.projections.notifications import GIVEN, must_see, notices_of
from pulse.projections.reads import Reads

NAME = "pagers"
STALE = timedelta(minutes=15)
SAVE_SECONDS = 5.0
NAME_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Pagers:
    """`run` waits for its turn, then follows the log for ever."""

    def __init__(
        self, store: EventStore, directory: Directory, reads: Reads, sender: PagerSender, epoch: str,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._store = store
        self._directory = directory
        self._reads = reads
        self._sender = sender
        self._epoch = epoch
        self._clock = clock
        self._notes = Notes(store.log)
        self._revision = 0
        self._saved_at = 0.0
        self.begun = asyncio.Event()

    async def run(self) -> None:
        """Raises LogHole."""
        await Lease(self._notes, NAME).run(self._work)

    async def _work(self) -> None:
        after = await until_told(self._begin)
        self.begun.set()
        self._sender.begin()
        async with asyncio.TaskGroup() as group:
            async for page in Follow(self._store.log, after):
                for stored in page:
                    await self._take(group, stored)
                await self._save(page[-1].position)

    async def _begin(self) -> int:
        """From where it got to; in a log where it never was, from its end. Raises LogDown, AppendRefused."""
        note = await self._notes.read(NAME)
        self._revision = note.revision
        if note.says.get("epoch") == self._epoch:
            return int(note.says["position"])
        after = await self._store.log.last_position()
        await self._note(after)
        return after

    async def _take(self, group: asyncio.TaskGroup, stored: Stored) -> None:
        if stored.subject.split(".")[2] in KINDS:
            # Who is away, and who sees what, as they are after this.
            await self._directory.wait_for(stored.position)
        try:
            recorded = open_stored(stored)
        except NEWER:  # a newer Pulse wrote it
            return
        if self._clock() - recorded.at > STALE:
            return
        pages = [told for told in await self._pages(recorded) if told[0].linked_at and recorded.at >= told[0].linked_at]
        if pages and await self._write_down(stored.position):
            for pager, page in pages:
                self._sender.give(group, pager, page)

    async def _pages(self, recorded: Recorded) -> list[tuple[Pager, Page]]:
        """Who is told what of an event."""
        match recorded.event:
            case PagerLinked():
                return [
                    (pager, Page("linked")) for pager in self._directory.pagers() if pager.id == recorded.aggregate_id
                ]
            case MessageReceived(message=message) if recorded.scope.messages == 1:
                page = Page("new", who=message.author.name, text=message.text)
                return [(pager, page) for pager in self._told_of_new(recorded)]
            case CallbackRequested(author=author, comment=comment) if recorded.scope.messages == 1:
                page = Page("new", who=author.name, text=comment)
                return [(pager, page) for pager in self._told_of_new(recorded)]
            case _:
                return [each for notice in notices_of(recorded) for each in await self._of_notice(recorded, notice)]

    def _told_of_new(self, recorded: Recorded) -> Iterator[Pager]:
        for pager in self._directory.pagers():
            if pager.wishes.new_chats and self._hears(pager, _place(recorded)):
                yield pager

    async def _of_notice(self, recorded: Recorded, notice: Row) -> list[tuple[Pager, Page]]:
        kind, who = notice["kind"], notice["moderator_id"]
        place = _place(recorded) if must_see(notice) else None
        pagers = [
            pager for pager in self._directory.pagers()
            if pager.moderator_id == who and _wants(pager, kind) and self._hears(pager, place)
        ]  # fmt: skip
        if not pagers:
            return []
        by = self._directory.name_of(notice["by_id"]) if notice["by_id"] else ""
        name = await self._name(notice["chat_id"], recorded.position) if notice["chat_id"] else ""
        page = Page("room" if notice["room_id"] else kind, by, name, notice["text"])
        return [(pager, page) for pager in pagers]

    async def _name(self, chat_id: UUID, position: int) -> str:
        """As the list has it after that position, however long the chat is; left out where the list can't tell soon."""
        row: Row | None = None
        with contextlib.suppress(ReadsDown, TimeoutError):
            async with asyncio.timeout(NAME_SECONDS):
                await self._reads.wait_for(position)
                row = await inbox.one(self._reads, chat_id)
        return str(row["name"]) if row else ""

    def _hears(self, pager: Pager, place: Place | None) -> bool:
        """Is it their business, and do they want to be told now?"""
        person: Person | None = self._directory.person(pager.moderator_id)
        if person is None or (person.away and pager.wishes.quiet_when_away):
            return False
        return place is None or may_see(person, place)

    # How far it is

    async def _save(self, position: int) -> None:
        """Now and then, also when nobody was told."""
        now = asyncio.get_running_loop().time()
        if now >= self._saved_at + SAVE_SECONDS:
            self._saved_at = now
            await self._write_down(position)

    async def _write_down(self, position: int) -> bool:
        """Waits for as long as the log can't take it."""
        return await until_told(lambda: self._note(position))

    async def _note(self, position: int) -> bool:
        """False when that was written before: by us, whose answer got lost, or by who has our lease now.

        Raises LogDown, AppendRefused.
        """
        says = {"epoch": self._epoch, "position": position}
        try:
            self._revision = await self._notes.write(NAME, says, expect=self._revision)
        except WrongSequence:
            note = await self._notes.read(NAME)
            self._revision = note.revision
            if note.says.get("epoch") == self._epoch and note.says["position"] >= position:
                return False
            raise
        return True


def _place(recorded: Recorded) -> Place:
    return Place(recorded.scope.department, recorded.scope.holder)


def _wants(pager: Pager, kind: str) -> bool:
    if kind in GIVEN:
        return pager.wishes.assigned
    return kind == "mention" and pager.wishes.mentions
