"""The files of a chat's messages: brought to our own storage, or lost. Decided by whoever fetches them.

A message's files are counted through: its own first, then those of what it answers, then those of what it forwards.
"""

from __future__ import annotations

from datetime import datetime

from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat_so_far import ChatSoFar
from pulse.message import Attachment, file_key


class AttachmentStored(AggregateEvent):
    """Our own copy of a file. `of` is the message's version, `edit` that of the edit that brought it, if one did.

    `file` is the copy's id, `mime` what its first bytes say, `size` is in bytes; `sha256` names the content.
    """

    of: int
    edit: int | None
    index: int
    kind: str
    file: str
    sha256: str
    size: int
    mime: str
    name: str | None

    def apply(self, chat: ChatSoFar) -> None:
        chat.awaited.discard(file_key(self.edit or self.of, self.index))


class AttachmentLost(AggregateEvent):
    """A file could not be fetched and never will be, or was kept for its time. `reason` is a sentence for people.

    `file` is our own copy's id, if there was one.
    """

    of: int
    edit: int | None
    index: int
    reason: str
    file: str | None = None

    def apply(self, chat: ChatSoFar) -> None:
        if self.file is not None:
            chat.expired.add(file_key(self.edit or self.of, self.index))
        chat.awaited.discard(file_key(self.edit or self.of, self.index))


class FiledChat(ChatSoFar):
    """Each decision changes nothing when the file is not awaited: it was decided before."""

    def store_attachment(self, stored: Attachment, *, of: int, edit: int | None, index: int, now: datetime) -> None:
        """A file is in our own storage: `stored` is what it turned out to be, with `file` and `sha256`."""
        if file_key(edit or of, index) in self.awaited:
            assert stored.file is not None
            assert stored.sha256 is not None
            self.trigger_event(
                AttachmentStored, of=of, edit=edit, index=index, kind=stored.kind, file=stored.file,
                sha256=stored.sha256, size=stored.size or 0, mime=stored.mime or "", name=stored.name, timestamp=now,
            )  # fmt: skip

    def lose_attachment(self, *, of: int, edit: int | None, index: int, reason: str, now: datetime) -> None:
        """A file can't be had."""
        if file_key(edit or of, index) in self.awaited:
            self.trigger_event(AttachmentLost, of=of, edit=edit, index=index, reason=reason[:500], timestamp=now)

    def expire_attachment(self, file: str, *, of: int, edit: int | None, index: int, days: int, now: datetime) -> None:
        """Our own copy of a file was kept as long as it may be; once, however often that is found."""
        if file_key(edit or of, index) not in self.expired:
            reason = f"Files are kept for {days} days." if days > 1 else "Files are kept for one day."
            self.trigger_event(AttachmentLost, of=of, edit=edit, index=index, reason=reason, file=file, timestamp=now)
