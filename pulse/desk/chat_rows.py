"""What chats and their threads look like in the API: a row of the list, and an entry of a thread."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pulse.desk.answers import Listed, Shown

Count = Annotated[int, Field(ge=0, examples=[2])]
At = Annotated[int, Field(examples=[1042], description="a position in the log")]
Version = Annotated[int, Field(examples=[7], description="of the chat; it counts every event of it")]
Name = Annotated[str, Field(examples=["Vera"])]
Peer = Annotated[str, Field(examples=["vera"], description="whom the channel calls so")]


class Named(Shown):
    """A department or a moderator."""

    id: UUID
    name: Annotated[str, Field(examples=["Anna"])]


class Blocked(Shown):
    """Why nothing of this customer's is taken in, and since when."""

    reason: Annotated[str, Field(examples=["spam"])]
    at: datetime


class ChatRow(Shown):
    """A chat as it stands in the list. `unread` is what you have not seen yourself."""

    id: UUID
    source_id: UUID
    channel: Annotated[str, Field(examples=["telegram"])]
    peer: Peer
    customer_id: UUID
    name: Name
    is_group: bool
    department_id: UUID | None
    department: Named | None
    holder_id: UUID | None
    holder: Named | None
    status: Literal["open", "snoozed", "closed"]
    last_text: Annotated[str, Field(examples=["Where is my order?"])]
    last_kind: Annotated[str, Field(examples=["text"])]
    last_sender: Literal["customer", "moderator", "outside"]
    opened_at: datetime
    last_at: datetime
    last_position: At
    last_version: Version
    version: Version
    unread: Count
    unread_by_staff: Count
    unread_by_customer: Count
    messages: Count
    messages_seen: Count
    messages_at_close: Count
    reachable: bool
    blocked: Blocked | None
    tags: Annotated[list[str], Field(examples=[["invoice"]])]
    priority: Literal["low", "normal", "high", "urgent"]
    snoozed_until: datetime | None
    waiting_since: Annotated[datetime | None, Field(description="since when nobody has answered")]


class Counters(Shown):
    """How many chats you may see in each view, without further filters."""

    all: Count
    mine: Count
    unassigned: Count
    unread: Count
    waiting: Count
    open: Count
    snoozed: Count
    closed: Count


class ChatList(Listed[ChatRow]):
    """`partial`: as many chats were looked at as a page may; `next` looks on, or the text has to be longer."""

    partial: Annotated[bool, Field(examples=[False])]
    counters: Counters


class Sender(Shown):
    """Who wrote, as the channel names them; of a moderator the name is ours. Outside of Pulse it may be nobody known."""

    id: Annotated[str | None, Field(examples=["77"])]
    name: Name = ""
    username: Annotated[str | None, Field(examples=["vera"])] = None


class AttachmentShown(Shown):
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


class QuotedShown(Shown):
    """A message that another one answers or forwards."""

    text: Annotated[str, Field(examples=["Good day"])]
    author: Annotated[str, Field(examples=["Anna"])]
    attachments: list[AttachmentShown]


class EntryRow(Shown):
    """A message, a reply, a note, a pressed button or a request to be called. What it has not, it does not name."""

    id: Version
    chat_id: UUID
    created_at: datetime
    sender_type: Literal["customer", "moderator", "outside"]
    sender: Sender
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
    files: Annotated[dict[str, AttachmentShown], Field(examples=[{}], default_factory=dict)]
    phone: Annotated[str | None, Field(examples=["+79990001122"])] = None
    wanted_at: datetime | None = None
    mentions: tuple[UUID, ...] = ()
    done_at: datetime | None = None
    done_by: UUID | None = None
    outcome: Annotated[str | None, Field(examples=["Called, all is well."])] = None
    client_msg_id: Annotated[str | None, Field(examples=["r1"])] = None
    status: Annotated[str | None, Field(examples=["delivered"], description="how far a reply has got")] = None
    attempt: Annotated[int | None, Field(examples=[1])] = None
    part: Annotated[int | None, Field(examples=[1])] = None
    parts: Annotated[int | None, Field(examples=[1])] = None
    error: Annotated[str | None, Field(examples=["The channel is busy."])] = None
    again_at: datetime | None = None


class Doer(Shown):
    """Who did it. Only moderators have an id."""

    kind: Annotated[str, Field(examples=["moderator"], description="moderator, customer, system …")]
    id: UUID | None
    name: Annotated[str, Field(examples=["Anna"])]


class Deed(Shown):
    """Something that happened in a chat. `of` names the messages meant. What it does not say is left out."""

    id: Version
    position: Annotated[int, Field(examples=[1042], description="where it lies in the log")]
    type: Annotated[str, Field(examples=["chat.assigned"])]
    at: datetime
    by: Doer
    moderator: Named | None = None
    from_moderator: Named | None = None
    department: Named | None = None
    from_department: Named | None = None
    tags: Annotated[list[str], Field(default_factory=list, examples=[["refund"]])]
    priority: Annotated[str | None, Field(examples=["high"])] = None
    until: datetime | None = None
    of: Annotated[list[int], Field(default_factory=list, examples=[[7]])]
    reason: Annotated[str | None, Field(examples=["Blocked by the customer."])] = None
