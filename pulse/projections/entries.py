"""Entries: what messages, replies and notes look like to people, everywhere, and what changes of them later."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat_events import (
    ButtonPressed,
    CallbackDone,
    CallbackRequested,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.aggregates.chat_replies import (
    ReplyAttempted,
    ReplyDelivered,
    ReplyFailed,
    ReplyRead,
    ReplyRequeued,
    ReplySent,
    ReplyUncertain,
    ReplyVouched,
)
from pulse.aggregates.chat_work import NoteWritten
from pulse.eventlog.envelope import Recorded
from pulse.message import Attachment, Incoming, Quoted, all_attachments, file_key, is_awaited

SHOWN = ("kind", "name", "mime", "size", "width", "height", "seconds", "latitude", "longitude", "phone", "file")
# nothing a customer has to know
OURS = frozenset({"client_msg_id", "attempt", "part", "parts", "error", "again_at"})

Entry = dict[str, Any]

# What a message need not have: laid over, it takes away what is not there any more.
NOTHING_BESIDE: Entry = {
    "reply_to": None, "forwarded": [], "album": None, "payload": None, "notice": None, "sent_at": None,
}  # fmt: skip


def entry_of(recorded: Recorded) -> Entry | None:
    """A message, reply or button press as people see it; None for anything else."""
    event = recorded.event
    seen: Entry = {"id": recorded.ver, "chat_id": recorded.aggregate_id, "created_at": recorded.at}
    match event:
        case MessageReceived(message=message):
            return seen | {"sender_type": "customer", "sender": _author(message)} | content_of(message, recorded.ver)
        case ButtonPressed():
            sender = {"id": event.author.id, "name": event.author.name, "username": event.author.username}
            return seen | {
                "sender_type": "customer", "sender": sender, "text": "", "payload": event.payload, "notice": "button",
            }  # fmt: skip
        case CallbackRequested():
            sender = {"id": event.author.id, "name": event.author.name, "username": event.author.username}
            asked: Entry = {"notice": "callback", "phone": event.phone, "wanted_at": event.wanted_at}
            return seen | asked | {"sender_type": "customer", "sender": sender, "text": event.comment}
        case _:
            return _entry_of_ours(recorded, seen)


def _entry_of_ours(recorded: Recorded, seen: Entry) -> Entry | None:
    event = recorded.event
    match event:
        case ReplyWritten():
            return seen | {
                "sender_type": "moderator", "sender": {"id": event.moderator_id}, "text": event.text,
                "client_msg_id": event.client_msg_id, "status": "pending",
                "attachments": _attachments(event.attachments, recorded.ver),
            }  # fmt: skip
        case NoteWritten():
            return seen | {
                "sender_type": "moderator", "sender": {"id": event.moderator_id}, "text": event.text,
                "notice": "note", "mentions": event.mentions,
            }  # fmt: skip
        case ReplyEchoed(confirms=None):
            return seen | {
                "sender_type": "outside", "sender": {"id": event.outside_author}, "text": event.text,
                "attachments": _attachments(event.attachments, recorded.ver),
            }  # fmt: skip
        case _:
            return None


def change_of(event: AggregateEvent) -> tuple[tuple[int, ...], Entry] | None:
    """Which entries an event changes, and the fields it lays over each.

    `reactions` are laid over by author: {"77": ["👍"]}, or {"77": None} when taken back. The others' stay. `files` are
    laid over by the attachment's id, then by its own copy's, wherever in the entry it is.
    """
    found: tuple[tuple[int, ...], Entry] | None = None
    match event:
        case MessageEdited(of=of, message=message):
            found = (of,), content_of(message, event.originator_version) | {"edited_at": event.timestamp}
        case MessageReread(of=of, message=message):
            read = NOTHING_BESIDE | {"sender": _author(message)} | content_of(message, event.originator_version)
            found = (of,), read | {"reread_at": event.timestamp}
        case MessagesDeleted(of=of):
            gone: Entry = {"text": "", "attachments": [], "reply_to": None, "forwarded": [], "payload": None}
            found = of, gone | {"deleted_at": event.timestamp}
        case CallbackDone(of=of):
            done = {"done_at": event.timestamp, "done_by": event.moderator_id, "outcome": event.outcome}
            found = (of,), done
        case MessageReacted(of=int(of)):
            found = (of,), {"reactions": {event.author.id: list(event.reactions) or None}}
        case AttachmentStored(file=file, mime=mime, size=size):
            found = (event.of,), {"files": {_key(event): {"file": file, "mime": mime, "size": size}}}
        case AttachmentLost(reason=reason, file=None):
            found = (event.of,), {"files": {_key(event): {"lost": reason}}}
        case AttachmentLost(reason=reason, file=str(file)):
            found = (event.of,), {"files": {file: {"lost": reason, "file": None}}}
        case _:
            found = status_of(event)
    return found


def status_of(event: AggregateEvent) -> tuple[tuple[int, ...], Entry] | None:
    """How far replies have got: pending, sending, sent, delivered, read; or waiting, failed, uncertain, with the `error`.

    What stands so is piece `part` of `parts`, which was tried last; those before it have arrived.
    """
    found: tuple[tuple[int, ...], Entry] | None = None
    match event:
        case ReplyAttempted(of=of, attempt=attempt, part=part, parts=parts):
            tried = {"attempt": attempt, "part": part + 1, "parts": parts}
            found = (of,), {"status": "sending", "error": None, "again_at": None, **tried}
        case ReplySent(of=of, part=part, parts=parts) | ReplyVouched(of=of, part=part, parts=parts):
            found = (of,), {"status": "sent" if part + 1 == parts else "sending", "error": None}
        case ReplyDelivered(of=int(of)):
            found = (of,), {"status": "delivered"}
        case ReplyRead(of=of):
            found = of, {"status": "read"}
        case ReplyFailed(of=of, reason=reason, anew=True):  # until its source goes on
            found = (of,), {"status": "waiting", "error": reason, "again_at": None}
        case ReplyFailed(of=of, reason=reason, again_at=None):
            found = (of,), {"status": "failed", "error": reason}
        case ReplyFailed(of=of, reason=reason, again_at=again_at):
            found = (of,), {"status": "sending", "error": reason, "again_at": again_at}
        case ReplyUncertain(of=of, reason=reason):
            found = (of,), {"status": "uncertain", "error": reason}
        case ReplyRequeued(of=of):
            found = (of,), {"status": "pending", "error": None}
    return found


def both(earlier: Entry, later: Entry) -> Entry:
    """Two patches as one."""
    patch = earlier | later
    for field in ("reactions", "files"):
        if field in earlier and field in later:
            patch[field] = earlier[field] | later[field]
    return patch


def with_files(entry: Entry) -> Entry:
    """An entry with what became of its files laid over its attachments, the quoted ones too."""
    files = entry.get("files")
    if not files:
        return entry
    shown = {field: value for field, value in entry.items() if field != "files"}
    return {field: _laid_over(value, files) for field, value in shown.items()}


def for_visitor(entry: Entry) -> Entry:
    """An entry as its customer sees it: who of ours wrote it by name only, without our client's id and our notes."""
    if entry["sender_type"] == "customer":
        return {field: value for field, value in entry.items() if field not in ("done_by", "outcome")}
    shown = {field: value for field, value in entry.items() if field not in OURS}
    return shown | {"sender": {"name": entry["sender"].get("name", "")}}


def content_of(message: Incoming, version: int) -> Entry:
    """Text and all that came with it, without what is only for fetching files. `version` is that of the event."""
    shown = iter(_attachments(all_attachments(message), version))
    content: Entry = {"text": message.text, "attachments": list(islice(shown, len(message.attachments)))}
    if message.reply_to is not None:
        content["reply_to"] = _quoted(message.reply_to, shown)
    if message.forwarded:
        content["forwarded"] = [_quoted(quoted, shown) for quoted in message.forwarded]
    for field in ("album", "payload", "notice", "sent_at"):
        if (value := getattr(message, field)) is not None:
            content[field] = value
    return content


def preview_of(message: Incoming) -> tuple[str, str]:
    """One line for lists: a text, and what kind of thing it is (`text`, `photo`, `forward`, a notice)."""
    if message.text:
        return message.text[:200], "text"
    if message.attachments:
        return (message.attachments[0].name or "")[:200], message.attachments[0].kind
    if message.forwarded:
        return message.forwarded[0].text[:200], "forward"
    return message.notice or "", "notice"


def _author(message: Incoming) -> Entry:
    return {"id": message.author.id, "name": message.author.name, "username": message.author.username}


def _quoted(quoted: Quoted, shown: Iterator[Entry]) -> Entry:
    attachments = list(islice(shown, len(quoted.attachments)))
    return {"text": quoted.text, "author": quoted.author, "attachments": attachments}


def _attachments(attachments: tuple[Attachment, ...], version: int) -> list[Entry]:
    """Those that are not with us yet have an id, by which they are told of later."""
    return [
        ({"id": file_key(version, index)} if is_awaited(one) else {})
        | {field: value for field in SHOWN if (value := getattr(one, field)) is not None}
        for index, one in enumerate(attachments)
    ]


def _laid_over(value: Any, files: Entry) -> Any:
    if isinstance(value, list):
        return [_laid_over(one, files) for one in value]
    if isinstance(value, dict) and "kind" in value:
        ours = value | files.get(value.get("id", ""), {})
        return ours | files.get(ours.get("file") or "", {})
    if isinstance(value, dict) and "attachments" in value:
        return value | {"attachments": _laid_over(value["attachments"], files)}
    return value


def _key(event: AttachmentStored | AttachmentLost) -> str:
    return file_key(event.edit or event.of, event.index)
