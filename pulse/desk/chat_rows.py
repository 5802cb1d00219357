"""What chats look like in the API beside their rows: the list with its counters, and what was done in one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from pulse.desk.answers import Listed, Shown
from pulse.shapes.chats import ChatRow, Count, Named, Version


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
