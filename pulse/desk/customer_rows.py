"""What customers look like in the API."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from pulse.desk.answers import Shown
from pulse.shapes.chats import Blocked, ChatRow, Count, Name, Peer


class CustomerRow(Shown):
    """Who writes, on one source, as the channel names them."""

    id: UUID
    source_id: UUID
    peer: Peer
    name: Name
    username: Annotated[str | None, Field(examples=["vera"])]
    language: Annotated[str | None, Field(examples=["ru"])]
    phone: Annotated[str | None, Field(examples=["+79990001122"])]
    reachable: bool
    messages: Count
    first_at: datetime
    last_at: datetime
    blocked: Blocked | None


class Joined(Shown):
    """Somebody said that these two are one person."""

    customers: list[UUID]
    at: datetime


class CustomerShown(CustomerRow):
    """A customer, everybody who is the same person, and those of their chats that you may see."""

    identities: list[CustomerRow]
    joins: list[Joined]
    chats: list[ChatRow]
