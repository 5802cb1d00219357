"""Files: whose each of our own copies is, and how it is called; for serving them."""

from __future__ import annotations

from collections.abc import Iterator
from mimetypes import guess_extension
from typing import Any
from uuid import UUID

from pulse.access import Place
from pulse.aggregates.chat_events import MessageReceived, ReplyWritten
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.errors import NotFound
from pulse.eventlog.envelope import Recorded
from pulse.eventlog.jetstream import Log
from pulse.message import Attachment
from pulse.projections.changes import Changes
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.values import value

VERSION = 2
SQL = Statements(__file__)
WRITES = ("insert_files", "forget_files")


@value
class StoredFile:
    """A file as it is served. `sha256` names the content and is never shown; `place` is where its chat stands."""

    id: UUID
    chat_id: UUID
    kind: str
    sha256: str
    size: int
    mime: str
    name: str
    place: Place


def project(recorded: Recorded, changes: Changes) -> None:
    """Files come from channels, with a visitor's own words, and with replies; they go when they were kept long enough."""
    if isinstance(recorded.event, AttachmentLost) and recorded.event.file is not None:
        changes.add("files.forget_files", {"file_id": recorded.event.file})
    for kind, stored in _files_of(recorded):
        row = {"file_id": stored["file"], "chat_id": recorded.aggregate_id, "kind": kind, "position": recorded.position}
        changes.add("files.insert_files", row | {field: stored[field] for field in ("sha256", "size", "mime", "name")})


def _files_of(recorded: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    match recorded.event:
        case AttachmentStored() as stored:
            yield stored.kind, {field: getattr(stored, field) for field in ("file", "sha256", "size", "mime", "name")}
        case MessageReceived(message=message):
            yield from _kept(message.attachments)
        case ReplyWritten(attachments=attachments):
            yield from _kept(attachments)


def _kept(attachments: tuple[Attachment, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in attachments:
        if one.file is not None and one.sha256 is not None:
            yield (
                one.kind,
                {"file": one.file, "sha256": one.sha256, "size": one.size, "mime": one.mime, "name": one.name},
            )


async def one(reads: Reads, log: Log, file_id: UUID) -> StoredFile:
    """Raises NotFound, ReadsDown, LogDown."""
    for row in await reads.fetch(SQL["one"], file_id=file_id):
        return _stored(row)
    # A frame may have told of it before its row was there.
    await reads.wait_for(await log.last_position())
    for row in await reads.fetch(SQL["one"], file_id=file_id):
        return _stored(row)
    raise NotFound


def _stored(row: dict[str, Any]) -> StoredFile:
    nameless = f"{row['kind']}{guess_extension(row['mime'] or '') or ''}"  # a channel's photos have no names
    return StoredFile(
        row["file_id"], row["chat_id"], row["kind"], row["sha256"], row["size"], row["mime"] or "", row["name"] or nameless,
        Place(row["department_id"], row["holder_id"]),
    )  # fmt: skip
