"""Thread: what was said in one chat, in order. Also says what a message looks like to people, everywhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

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
from pulse.eventlog.envelope import Recorded
from pulse.message import Attachment, Incoming, Quoted
from pulse.projections.changes import Changes
from pulse.projections.paging import Page
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

VERSION = 8
SQL = Statements(__file__)
WRITES = ("insert_entries", "change_entries")
END = 2**31 - 1
# nothing a customer has to know
OURS = frozenset({"client_msg_id", "attempt", "part", "parts", "error", "again_at"})

Entry = dict[str, Any]

# What a message need not have: laid over, it takes away what is not there any more.
NOTHING_BESIDE: Entry = {
    "reply_to": None, "forwarded": [], "album": None, "payload": None, "notice": None, "sent_at": None,
}  # fmt: skip


def project(recorded: Recorded, changes: Changes) -> None:
    """New entries, and changes laid over old ones."""
    entry = entry_of(recorded)
    if entry is not None:
        row = {"chat_id": recorded.aggregate_id, "version": recorded.ver, "position": recorded.position}
        changes.add("thread.insert_entries", {**row, "entry": entry})
        return
    change = change_of(recorded.event)
    if change is not None:
        versions, patch = change
        for version in versions:
            changed = changes.fold("thread.change_entries", (recorded.aggregate_id, version))
            patches = both(changed.get("patch", {}), patch)
            changed |= {"chat_id": recorded.aggregate_id, "version": version, "patch": patches}


def entry_of(recorded: Recorded) -> Entry | None:
    """A message, reply or button press as people see it; None for anything else."""
    event = recorded.event
    seen: Entry = {"id": recorded.ver, "chat_id": recorded.aggregate_id, "created_at": recorded.at}
    match event:
        case MessageReceived(message=message):
            return seen | {"sender_type": "customer", "sender": _author(message)} | content_of(message)
        case ButtonPressed():
            sender = {"id": event.author.id, "name": event.author.name, "username": event.author.username}
            return seen | {
                "sender_type": "customer", "sender": sender, "text": "", "payload": event.payload, "notice": "button",
            }  # fmt: skip
        case CallbackRequested():
            sender = {"id": event.author.id, "name": event.author.name, "username": event.author.username}
            asked: Entry = {"notice": "callback", "phone": event.phone, "wanted_at": event.wanted_at}
            return seen | asked | {"sender_type": "customer", "sender": sender, "text": event.comment}
        case ReplyWritten():
            return seen | {
                "sender_type": "moderator", "sender": {"id": event.moderator_id}, "text": event.text,
                "client_msg_id": event.client_msg_id, "status": "pending",
                "attachments": [_attachment(a) for a in event.attachments],
            }  # fmt: skip
        case ReplyEchoed(confirms=None):
            return seen | {
                "sender_type": "outside", "sender": {"id": event.outside_author}, "text": event.text,
                "attachments": [_attachment(a) for a in event.attachments],
            }  # fmt: skip
        case _:
            return None


def change_of(event: AggregateEvent) -> tuple[tuple[int, ...], Entry] | None:
    """Which entries an event changes, and the fields it lays over each.

    `reactions` are laid over by author: {"77": ["👍"]}, or {"77": None} when taken back. The others' stay.
    """
    match event:
        case MessageEdited(of=of, message=message):
            return (of,), content_of(message) | {"edited_at": event.timestamp}
        case MessageReread(of=of, message=message):
            read = NOTHING_BESIDE | {"sender": _author(message)} | content_of(message)
            return (of,), read | {"reread_at": event.timestamp}
        case MessagesDeleted(of=of):
            gone: Entry = {"text": "", "attachments": [], "reply_to": None, "forwarded": [], "payload": None}
            return of, gone | {"deleted_at": event.timestamp}
        case CallbackDone(of=of):
            done = {"done_at": event.timestamp, "done_by": event.moderator_id, "outcome": event.outcome}
            return (of,), done
        case MessageReacted(of=int(of)):
            return (of,), {"reactions": {event.author.id: list(event.reactions) or None}}
        case _:
            return status_of(event)


def status_of(event: AggregateEvent) -> tuple[tuple[int, ...], Entry] | None:
    """How far replies have got: pending, sending, sent, delivered, read; or failed or uncertain, with the `error`.

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
    if "reactions" in earlier and "reactions" in later:
        patch["reactions"] = earlier["reactions"] | later["reactions"]
    return patch


def for_visitor(entry: Entry) -> Entry:
    """An entry as its customer sees it: who of ours wrote it by name only, without our client's id and our notes."""
    if entry["sender_type"] == "customer":
        return {field: value for field, value in entry.items() if field not in ("done_by", "outcome")}
    shown = {field: value for field, value in entry.items() if field not in OURS}
    return shown | {"sender": {"name": entry["sender"].get("name", "")}}


def content_of(message: Incoming) -> Entry:
    """Text and all that came with it, without what is only for fetching files."""
    content: Entry = {"text": message.text, "attachments": [_attachment(a) for a in message.attachments]}
    if message.reply_to is not None:
        content["reply_to"] = _quoted(message.reply_to)
    if message.forwarded:
        content["forwarded"] = [_quoted(quoted) for quoted in message.forwarded]
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


async def page(reads: Reads, chat_id: UUID, *, limit: int, before: int | None, after: int | None) -> Page:
    """A page of entries, oldest first. Without bounds the newest; `after` pages forward, `before` back."""
    if after is not None:
        rows = await reads.fetch(SQL["after"], chat_id=chat_id, after=after, limit=limit + 1)
        items = [row["entry"] for row in rows[:limit]]
        return Page(items, _id(items, -1) if len(rows) > limit else None, _id(items, 0) if after else None)
    bound = before if before is not None else END
    rows = await reads.fetch(SQL["newest"], chat_id=chat_id, before=bound, limit=limit + 1)
    items = [row["entry"] for row in reversed(rows[:limit])]
    return Page(items, _id(items, -1) if before is not None else None, _id(items, 0) if len(rows) > limit else None)


def _id(items: list[Entry], index: int) -> str | None:
    return str(items[index]["id"]) if items else None


def _author(message: Incoming) -> Entry:
    return {"id": message.author.id, "name": message.author.name, "username": message.author.username}


def _quoted(quoted: Quoted) -> Entry:
    attachments = [_attachment(a) for a in quoted.attachments]
    return {"text": quoted.text, "author": quoted.author, "attachments": attachments}


def _attachment(attachment: Attachment) -> Entry:
    shown = ("kind", "name", "mime", "size", "width", "height", "seconds", "latitude", "longitude", "phone", "file")
    return {field: value for field in shown if (value := getattr(attachment, field)) is not None}
