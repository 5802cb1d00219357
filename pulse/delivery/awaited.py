"""Files that messages brought and that lie at their channel. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict
from uuid import UUID

from pulse.aggregates.chat_events import MessageEdited, MessageReceived, MessageReread, ReplyEchoed
from pulse.eventlog.envelope import Recorded
from pulse.message import Attachment, all_attachments, file_key, is_awaited
from pulse.values import value

Key = tuple[UUID, str]


class Place(TypedDict):
    """Where in its chat a file stands."""

    of: int
    edit: int | None
    index: int


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

    @property
    def place(self) -> Place:
        return {"of": self.of, "edit": self.edit, "index": self.index}


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
