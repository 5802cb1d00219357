"""Frames about a chat, as its visitor hears them: no ids of people or departments, nothing that is for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from pulse.push.shapes import Heard
from pulse.push.shapes.chats import Body, FileChange, Ids
from pulse.shapes import ABSENT, Change, Shape
from pulse.shapes.chats import Count, Name, Version
from pulse.shapes.entries import Content, EntryForVisitor, Sender


class OfOwnChat(Heard):
    """`version` has gaps: staff hear more."""

    version: Version


class NewChatMessageForVisitor(EntryForVisitor, OfOwnChat):
    """A message of theirs, or a reply. Never a note."""

    body: Body = ABSENT


class MessageStatusForVisitor(OfOwnChat):
    """How far replies have got."""

    ids: Ids
    status: Literal["pending", "sending", "sent", "delivered", "read", "waiting", "failed", "uncertain"]


class MessageChangedForVisitor(Change, Content, OfOwnChat):
    """Lay it over each of the entries."""

    ALWAYS = ("ids", "version")
    ids: Ids
    body: Body = ABSENT
    sender: Sender
    files: Annotated[dict[str, FileChange], Field(examples=[{}])] = ABSENT
    done_at: datetime = ABSENT


class ChatOpenedForVisitor(OfOwnChat):
    channel: Annotated[str, Field(examples=["web"])]
    name: Name
    status: Literal["open"]


class Holder(Shape):
    """Who answers."""

    name: Annotated[str, Field(examples=["Anna"])]


class ChatAssignedForVisitor(OfOwnChat):
    holder: Holder


class ChatFreeForVisitor(OfOwnChat):
    """Somebody else will answer."""

    holder: None


class ChatStatusForVisitor(OfOwnChat):
    status: Literal["open", "closed"]


class MessageReadForVisitor(OfOwnChat):
    """Read by staff, or by themselves in another window."""

    by: Literal["moderator", "customer"]
    up_to: Version
    unread_by_customer: Count = ABSENT
