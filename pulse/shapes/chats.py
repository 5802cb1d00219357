"""Chats as the list shows them, and who looks at one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pulse.shapes import Shape

Count = Annotated[int, Field(ge=0, examples=[2])]
At = Annotated[int, Field(examples=[1042], description="a position in the log")]
Version = Annotated[int, Field(examples=[7], description="of the chat; it counts every event of it")]
Name = Annotated[str, Field(examples=["Vera"])]
Peer = Annotated[str, Field(examples=["vera"], description="whom the channel calls so")]
Status = Literal["open", "snoozed", "closed"]
Tags = Annotated[list[str], Field(examples=[["invoice"]])]
Priority = Literal["low", "normal", "high", "urgent"]


class Named(Shape):
    """A department or a moderator."""

    id: UUID
    name: Annotated[str, Field(examples=["Anna"])]


class Blocked(Shape):
    """Why nothing of this customer's is taken in, and since when."""

    reason: Annotated[str, Field(examples=["spam"])]
    at: datetime


class ChatTold(Shape):
    """Of a chat's row, what is the same for everybody."""

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
    status: Status
    last_text: Annotated[str, Field(examples=["Where is my order?"])]
    last_kind: Annotated[str, Field(examples=["text"])]
    last_sender: Literal["customer", "moderator", "outside"]
    opened_at: datetime
    last_at: datetime
    last_position: At
    last_version: Version
    version: Version
    unread_by_staff: Count
    unread_by_customer: Count
    messages: Count
    messages_at_close: Count
    reachable: bool
    blocked: Blocked | None
    tags: Tags
    priority: Priority
    snoozed_until: datetime | None
    waiting_since: Annotated[datetime | None, Field(description="since when nobody has answered")]


class ChatRow(ChatTold):
    """A chat as it stands in the list. `unread` is what you have not seen yourself."""

    unread: Count
    messages_seen: Count


class ViewerRow(Shape):
    id: Annotated[UUID, Field(examples=["76b3650b-e037-5e26-acd4-70d922a03793"])]
    name: Annotated[str, Field(examples=["Anna"])]
    typing: Annotated[bool, Field(examples=[False])]
