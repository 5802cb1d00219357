"""Frames about a chat, as staff hear them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pulse.push.shapes import Heard
from pulse.shapes import ABSENT, Change, Shape
from pulse.shapes.chats import ChatTold, Count, Name, Named, Priority, Status, Tags, Version, ViewerRow
from pulse.shapes.entries import Content, EntryRow, Progress, Sender

ChatId = Annotated[UUID, Field(description="on Pusher channels; windows have it as `session_id`")]
Body = Annotated[str, Field(examples=["Where is my order?"], description="on windows: `text` again, S2's word for it")]
Ids = Annotated[list[int], Field(examples=[[7]], description="the entries it is about")]


class ChatChange(Change, ChatTold):
    """What changes in the chat's row; all of a row that is new. Lay it over what you have."""

    ALWAYS = (
        "id", "version", "department_id", "department", "holder_id", "holder",
        "unread_by_staff", "unread_by_customer", "messages", "waiting_since",
    )  # fmt: skip


class LastWord(Shape):
    """Changes the row only where its `last_version` is this `of`."""

    of: Version
    text: Annotated[str, Field(examples=["Where is my invoice?"])]
    kind: Annotated[str, Field(examples=["text"])]


class ChatMark(Shape):
    """Changes the row of this moderator only."""

    moderator_id: UUID
    messages_seen: Count


class OfChat(Heard):
    """What each frame about a chat's event brings: `version` counts without gaps."""

    chat_id: ChatId = ABSENT
    version: Version
    chat: ChatChange
    last_word: LastWord = ABSENT
    mark: ChatMark = ABSENT


class NewChatMessage(EntryRow, OfChat):
    """An entry: a message, a reply, a note, a pressed button or a request to be called."""

    body: Body = ABSENT


class MessageStatusUpdated(Progress, OfChat):
    """How far replies have got."""

    ids: Ids
    status: Literal["pending", "sending", "sent", "delivered", "read", "waiting", "failed", "uncertain"]


class FileChange(Shape):
    """A file that is ours now, or is `lost`: then it says why."""

    file: Annotated[str | None, Field(examples=["0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11"])] = ABSENT
    mime: Annotated[str, Field(examples=["image/jpeg"])] = ABSENT
    size: Annotated[int, Field(examples=[48_213])] = ABSENT
    lost: Annotated[str, Field(examples=["The channel has it no more."])] = ABSENT


class MessageChanged(Change, Content, OfChat):
    """Lay it over each of the entries. `reactions` go by their authors, `files` by attachments' ids; null takes away."""

    ALWAYS = ("ids", "version", "chat")
    ids: Ids
    body: Body = ABSENT
    sender: Sender
    files: Annotated[dict[str, FileChange], Field(examples=[{}])] = ABSENT
    done_by: UUID = ABSENT
    outcome: Annotated[str, Field(examples=["Called, all is well."])] = ABSENT


class ChatAlert(OfChat):
    """A customer's word waits."""

    unread_count: Count
    last_id: Version


class ChatOpened(OfChat):
    """A customer's first word. `department` and `source` are ids."""

    channel: Annotated[str, Field(examples=["telegram"])]
    name: Name
    status: Literal["open"]
    department: UUID | None
    source: UUID | None


class ChatAssigned(OfChat):
    holder: Named


class ChatUnassigned(OfChat):
    holder: None


class ChatTransferred(OfChat):
    """`department` is an id."""

    holder: None
    department: UUID


class ChatStatusUpdated(OfChat):
    """`until` is there when it was put off."""

    status: Status
    until: datetime = ABSENT


class ChatRenamed(OfChat):
    name: Name


class CustomerReach(OfChat):
    """Whether the customer can be written to."""

    reachable: bool
    reason: Annotated[str, Field(examples=["Blocked by the customer."])] = ABSENT


class ChatSorted(OfChat):
    """What changed of these two."""

    tags: Tags = ABSENT
    priority: Priority = ABSENT


class MessageRead(OfChat):
    """Read by staff or by the customer, up to an entry."""

    by: Literal["moderator", "customer"]
    up_to: Version
    moderator_id: UUID = ABSENT
    unread_count: Count
    unread_by_customer: Count


class ChatViewers(Heard):
    """Everybody who looks at the chat now. Said live: no position, no version."""

    chat_id: ChatId = ABSENT
    viewers: list[ViewerRow]
