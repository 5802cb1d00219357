"""What chats, threads and histories look like in answers: models for the API's document."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from pulse.desk.answers import Listed, Shown

ID = "76b3650b-e037-5e26-acd4-70d922a03793"
AT = "2026-11-21T09:30:00Z"

Id = Annotated[UUID, Field(examples=[ID])]
Moment = Annotated[datetime, Field(examples=[AT])]
Count = Annotated[int, Field(examples=[2])]
Version = Annotated[int, Field(examples=[7], description="of the chat")]
Word = Annotated[str, Field(examples=["Where is my order?"])]


class Named(Shown):
    """A moderator or a department."""

    id: Id
    name: Annotated[str, Field(examples=["Anna"])]


class Blocked(Shown):
    """Why nothing of this customer's is taken in, and since when."""

    reason: Annotated[str, Field(examples=["spam"])]
    at: Moment


class ChatRow(Shown):
    """A chat as it stands. `unread` is what you have not seen yourself, `unread_by_staff` what nobody of ours has."""

    id: Id
    source_id: Id
    channel: Annotated[str, Field(examples=["telegram"])]
    peer: Annotated[str, Field(examples=["77"], description="who it is with, as their channel names them")]
    customer_id: Id
    name: Annotated[str, Field(examples=["Vera"])]
    is_group: Annotated[bool, Field(examples=[False])]
    department_id: Id | None
    department: Named | None
    holder_id: Id | None
    holder: Named | None
    status: Annotated[str, Field(examples=["open"], description="open, snoozed or closed")]
    snoozed_until: Moment | None
    tags: Annotated[list[str], Field(examples=[["refund"]])]
    priority: Annotated[str, Field(examples=["normal"], description="low, normal, high or urgent")]
    waiting_since: Moment | None
    reachable: Annotated[bool, Field(examples=[True])]
    blocked: Blocked | None
    opened_at: Moment
    last_at: Moment
    last_text: Word
    last_kind: Annotated[str, Field(examples=["text"])]
    last_sender: Annotated[str, Field(examples=["customer"])]
    last_position: Annotated[int, Field(examples=[1042])]
    last_version: Version
    version: Version
    messages: Count
    messages_at_close: Count
    messages_seen: Count
    unread: Count
    unread_by_staff: Count
    unread_by_customer: Count


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
    """Of a customer's word the channel's id and names, of ours the moderator."""

    id: Annotated[str | None, Field(examples=["77"])]
    name: Annotated[str, Field(examples=["Vera"])] = ""
    username: Annotated[str | None, Field(examples=["vera"])] = None


class File(Shown):
    """Something that came with a word. `file` is its id with us, `lost` why it never will be."""

    kind: Annotated[str, Field(examples=["photo"])]
    id: Annotated[str | None, Field(examples=["2.0"])] = None
    name: Annotated[str | None, Field(examples=["order.pdf"])] = None
    mime: Annotated[str | None, Field(examples=["image/jpeg"])] = None
    size: Annotated[int | None, Field(examples=[51200])] = None
    width: Annotated[int | None, Field(examples=[640])] = None
    height: Annotated[int | None, Field(examples=[480])] = None
    seconds: Annotated[float | None, Field(examples=[3])] = None
    latitude: Annotated[float | None, Field(examples=[55.75])] = None
    longitude: Annotated[float | None, Field(examples=[37.62])] = None
    phone: Annotated[str | None, Field(examples=["+70000000000"])] = None
    file: Annotated[str | None, Field(examples=[ID])] = None
    lost: Annotated[str | None, Field(examples=["The channel does not have it any more."])] = None


class Quote(Shown):
    """A message that another one answers or forwards."""

    text: Word
    author: Annotated[str, Field(examples=["Vera"])]
    attachments: list[File]


class EntryRow(Shown):
    """A message, reply or note. What it has no use for is left out."""

    id: Version
    chat_id: Id
    created_at: Moment
    sender_type: Annotated[str, Field(examples=["customer"], description="customer, moderator or outside")]
    sender: Sender
    text: Word
    attachments: Annotated[list[File], Field(default_factory=list)]
    reply_to: Quote | None = None
    forwarded: Annotated[list[Quote], Field(default_factory=list)]
    album: Annotated[str | None, Field(examples=["13"])] = None
    payload: Annotated[str | None, Field(examples=["order"])] = None
    notice: Annotated[str | None, Field(examples=["note"], description="callback, button, note …")] = None
    mentions: Annotated[list[UUID], Field(default_factory=list, examples=[[ID]])]
    sent_at: Moment | None = None
    edited_at: Moment | None = None
    reread_at: Moment | None = None
    deleted_at: Moment | None = None
    reactions: Annotated[dict[str, Any], Field(default_factory=dict, examples=[{"77": ["👍"]}])]
    client_msg_id: Annotated[str | None, Field(examples=["r1"])] = None
    status: Annotated[str | None, Field(examples=["sent"], description="how far a reply has got")] = None
    attempt: Count | None = None
    part: Count | None = None
    parts: Count | None = None
    error: Annotated[str | None, Field(examples=["Blocked by the customer."])] = None
    again_at: Moment | None = None
    phone: Annotated[str | None, Field(examples=["+70000000000"])] = None
    wanted_at: Moment | None = None
    done_at: Moment | None = None
    done_by: Id | None = None
    outcome: Annotated[str | None, Field(examples=["reached"])] = None


class Doer(Shown):
    """Who did it. Only moderators have an id."""

    kind: Annotated[str, Field(examples=["moderator"], description="moderator, customer, system …")]
    id: Id | None
    name: Annotated[str, Field(examples=["Anna"])]


class Deed(Shown):
    """Something that happened in a chat. `of` names the messages meant. What it does not say is left out."""

    id: Version
    position: Annotated[int, Field(examples=[1042], description="where it lies in the log")]
    type: Annotated[str, Field(examples=["chat.assigned"])]
    at: Moment
    by: Doer
    moderator: Named | None = None
    from_moderator: Named | None = None
    department: Named | None = None
    from_department: Named | None = None
    tags: Annotated[list[str], Field(default_factory=list, examples=[["refund"]])]
    priority: Annotated[str | None, Field(examples=["high"])] = None
    until: Moment | None = None
    of: Annotated[list[int], Field(default_factory=list, examples=[[7]])]
    reason: Annotated[str | None, Field(examples=["Blocked by the customer."])] = None
