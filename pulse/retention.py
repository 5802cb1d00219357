"""Applies how long files are kept: what is older is told to be gone, so that the sweep may remove it.

The log's events stay, and so does what they say of a file: its name, its size, its hash. A content that anything
younger names stays too; whoever sends the same file again keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog
from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import MessageReceived, ReplyWritten
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.aggregates.retention import Limits
from pulse.blobs import NAMED
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER_HISTORY, envelope_of, open_stored, wire_name
from pulse.eventlog.store import EventStore
from pulse.eventlog.whole import Pages
from pulse.message import Attachment, all_attachments, file_key
from pulse.values import value

LOST = f'"{wire_name(AttachmentLost)[0]}"'.encode()
PAGE = 500
TABLES = """
create table due (chat text, key text, said blob, content text, size integer);
create table told (chat text, key text);
create table kept (content text, chat text, primary key (content, chat)) without rowid;
"""
# What is over: nothing younger in its chat names it, and its chat has not told it yet.
OVER = """
from due where not exists (select 1 from kept where kept.content = due.content and kept.chat = due.chat)
    and not exists (select 1 from told where told.chat = due.chat and told.key = due.key)
"""
GONE = "select 1 from due where content = ? and not exists (select 1 from kept where kept.content = due.content)"

log = structlog.get_logger(__name__)


@value
class OldFile:
    """Our own copy of a file that was kept long enough: of which message (or edit of it), the how manyth."""

    chat_id: UUID
    of: int
    edit: int | None
    index: int
    file: str
    sha256: str
    size: int
    days: int = 0

    @property
    def key(self) -> str:
        return file_key(self.edit or self.of, self.index)


class Ledger:
    """What was found in the log, in a table on the disk: memory stays the same however many files there are."""

    def __init__(self, folder: str) -> None:
        self._rows = sqlite3.connect(Path(folder) / "retention", isolation_level=None, check_same_thread=False)
        self._rows.execute("pragma synchronous = off")
        self._rows.executescript(TABLES)

    def add(self, old: list[OldFile], told: list[tuple[str, str]], kept: set[tuple[str, str]]) -> None:
        rows = [(one.chat_id.hex, one.key, msgspec.json.encode(one), one.sha256, one.size) for one in old]
        self._rows.execute("begin")
        self._rows.executemany("insert into due values (?, ?, ?, ?, ?)", rows)
        self._rows.executemany("insert into told values (?, ?)", told)
        self._rows.executemany("insert or ignore into kept values (?, ?)", kept)
        self._rows.execute("commit")

    def index(self) -> None:
        self._rows.execute("create index due_by_content on due (content)")
        self._rows.execute("create index told_by_key on told (chat, key)")

    def total(self) -> tuple[int, int]:
        """How many files are over, and their bytes; the same content counts as often as it was sent."""
        count, size = self._rows.execute(f"select count(*), coalesce(sum(size), 0) {OVER}").fetchone()
        return int(count), int(size)

    def over(self, after: int) -> list[tuple[int, OldFile]]:
        """A page of what is over, with its place."""
        asked = f"select rowid, said {OVER} and rowid > ? order by rowid limit ?"
        rows = self._rows.execute(asked, (after, PAGE)).fetchall()
        return [(int(row), msgspec.json.decode(said, type=OldFile)) for row, said in rows]

    def still(self, names: set[str]) -> set[str]:
        """Those of the names that something but old files names."""
        return {name for name in names if self._rows.execute(GONE, (name,)).fetchone() is None}

    def close(self) -> None:
        self._rows.close()


@contextlib.asynccontextmanager
async def old_files(pages: Pages, limits: Limits, *, now: datetime) -> AsyncIterator[Ledger]:
    """What is older than it may be, as of `now`; `pages` are the `whole` log's. Changes nothing.

    Raises LogTooShort, LogDown.
    """
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(folder)
        try:
            if limits.shortest is not None:
                async for page in pages():
                    await asyncio.to_thread(_note, ledger, page, limits, now)
            await asyncio.to_thread(ledger.index)
            yield ledger
        finally:
            ledger.close()


async def expire(ledger: Ledger, store: EventStore, now: datetime) -> int:
    """Tells every chat which of its files are over; returns how many. Safe to repeat. Raises Trouble."""
    place = told = 0
    while page := await asyncio.to_thread(ledger.over, place):
        for _, old in page:
            told += await _tell(store, old, now)
        place = page[-1][0]
    return told


async def _tell(store: EventStore, old: OldFile, now: datetime) -> int:
    def decision(chat: Chat | None) -> Chat | None:
        if chat is not None:
            chat.expire_attachment(old.file, of=old.of, edit=old.edit, index=old.index, days=old.days, now=now)
        return chat

    return len((await store.decide(Chat, old.chat_id, decision, by="system", cause="retention")).events)


def _note(ledger: Ledger, page: list[Stored], limits: Limits, now: datetime) -> None:
    old: list[OldFile] = []
    told: list[tuple[str, str]] = []
    kept: set[tuple[str, str]] = set()
    for stored in page:
        names = {name.decode() for name in NAMED.findall(stored.body)}
        kind, chat = stored.subject.split(".")[2], stored.subject.rpartition(".")[2]
        if kind == "chat" and LOST in stored.body:
            told += _told(stored)
        found = list(_old(stored, limits, now)) if kind == "chat" and names else []
        old += found
        kept |= {(name, chat) for name in names - {one.sha256 for one in found}}
    ledger.add(old, told, kept)


def _old(stored: Stored, limits: Limits, now: datetime) -> Iterator[OldFile]:
    """The files of an event that is older than they are kept."""
    envelope = envelope_of(stored.body)
    days = limits.days_of(envelope.scope.source)
    if days is None or envelope.at >= now - timedelta(days=days):
        return
    event = _event(stored)
    if event is not None:
        for of, edit, index, one in _files(event):
            if one.file is not None and one.sha256 is not None:
                yield OldFile(event.originator_id, of, edit, index, one.file, one.sha256, one.size or 0, days)


def _files(event: AggregateEvent) -> Iterator[tuple[int, int | None, int, Attachment]]:
    """With the message each belongs to, the edit that brought it, and its number there."""
    attachments: tuple[Attachment, ...] = ()
    match event:
        case AttachmentStored() as one:
            yield one.of, one.edit, one.index, Attachment(one.kind, file=one.file, sha256=one.sha256, size=one.size)
        case MessageReceived(message=message):
            attachments = all_attachments(message)
        case ReplyWritten(attachments=attachments):
            pass
    for index, attachment in enumerate(attachments):
        yield event.originator_version, None, index, attachment


def _told(stored: Stored) -> Iterator[tuple[str, str]]:
    match _event(stored):
        case AttachmentLost(file=str()) as lost:
            yield lost.originator_id.hex, file_key(lost.edit or lost.of, lost.index)


def _event(stored: Stored) -> AggregateEvent | None:
    """None for one that a newer Pulse wrote: what it names stays."""
    try:
        return open_stored(stored).event
    except NEWER_HISTORY:
        log.warning("retention.unreadable", position=stored.position)
        return None
