"""Entries as people see them in a thread: what was said, by whom, and how far it got."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pulse.shapes import Change, Shape
from pulse.shapes.chats import Name, Version


class Sender(Shape):
    """Who wrote, as the channel names them; of a moderator the name is ours. Outside of Pulse it may be nobody known."""

    id: Annotated[str | None, Field(examples=["77"])]
    name: Name = ""
    username: Annotated[str | None, Field(examples=["vera"])] = None


class SenderForVisitor(Change, Sender):
    """Of whoever answered a visitor is told the name alone."""


class AttachmentShown(Shape):
    """Something beside the text. `file` is served from `/api/files/{file}`; `lost` says why it never will be."""

    kind: Annotated[str, Field(examples=["photo"])]
    id: Annotated[str | None, Field(examples=["3.0"])] = None
    name: Annotated[str | None, Field(examples=["cat.jpg"])] = None
    mime: Annotated[str | None, Field(examples=["image/jpeg"])] = None
    size: Annotated[int | None, Field(examples=[48_213])] = None
    width: Annotated[int | None, Field(examples=[1280])] = None
    height: Annotated[int | None, Field(examples=[960])] = None
    seconds: Annotated[int | None, Field(examples=[12])] = None
    latitude: Annotated[float | None, Field(examples=[55.75])] = None
    longitude: Annotated[float | None, Field(examples=[37.62])] = None
    phone: Annotated[str | None, Field(examples=["+79990001122"])] = None
    file: Annotated[str | None, Field(examples=["0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11"])] = None
    lost: Annotated[str | None, Field(examples=["The channel has it no more."])] = None


class QuotedShown(Shape):
    """A message that another one answers or forwards."""

    text: Annotated[str, Field(examples=["Good day"])]
    author: Annotated[str, Field(examples=["Anna"])]
    attachments: list[AttachmentShown]


class Content(Shape):
    """What is in an entry, and may change later."""

    text: Annotated[str, Field(examples=["Where is my order?"])]
    attachments: tuple[AttachmentShown, ...] = ()
    reply_to: QuotedShown | None = None
    forwarded: tuple[QuotedShown, ...] = ()
    album: Annotated[str | None, Field(examples=["13824"])] = None
    payload: Annotated[str | None, Field(examples=["yes"], description="what a button or a link brought along")] = None
    notice: Annotated[str | None, Field(examples=["button"])] = None
    sent_at: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reread_at: datetime | None = None
    reactions: Annotated[dict[str, list[str] | None], Field(examples=[{"77": ["👍"]}], default_factory=dict)]
    done_at: datetime | None = None


class Entry(Content):
    """What everybody sees of an entry. What it has not, it does not name."""

    id: Version
    chat_id: UUID
    created_at: datetime
    sender_type: Literal["customer", "moderator", "outside"]
    phone: Annotated[str | None, Field(examples=["+79990001122"])] = None
    wanted_at: datetime | None = None
    status: Annotated[str | None, Field(examples=["delivered"], description="how far a reply has got")] = None


class EntryForVisitor(Entry):
    """An entry as its customer sees it."""

    sender: SenderForVisitor


class Progress(Shape):
    """How a reply is getting on: which try, which piece of how many, and what went wrong with it."""

    attempt: Annotated[int | None, Field(examples=[1])] = None
    part: Annotated[int | None, Field(examples=[1])] = None
    parts: Annotated[int | None, Field(examples=[1])] = None
    error: Annotated[str | None, Field(examples=["The channel is busy."])] = None
    again_at: datetime | None = None


class EntryRow(Entry, Progress):
    """A message, a reply, a note, a pressed button or a request to be called. What it has not, it does not name."""

    sender: Sender
    files: Annotated[dict[str, AttachmentShown], Field(examples=[{}], default_factory=dict)]
    mentions: tuple[UUID, ...] = ()
    done_by: UUID | None = None
    outcome: Annotated[str | None, Field(examples=["Called, all is well."])] = None
    client_msg_id: Annotated[str | None, Field(examples=["r1"])] = None
