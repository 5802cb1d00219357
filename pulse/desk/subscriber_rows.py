"""What subscribers look like in the API."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pulse.desk.answers import Shown, WithSecret, Written, written
from pulse.shapes.chats import At, Count

Position = Annotated[int, Field(ge=1, le=2**53, examples=[1])]
Trouble = Annotated[str | None, Field(examples=["It answered 500."])]


class SubscriberRow(Shown):
    """Another system, and how it is doing."""

    id: UUID
    url: Annotated[str, Field(examples=["https://crm.example/hooks"])]
    title: Annotated[str, Field(examples=["CRM"])]
    types: Annotated[list[str], Field(examples=[["chat.message-received", "customer.*"]])]
    created_at: datetime
    status: Literal["active", "retrying", "paused"]
    paused_for: Annotated[str | None, Field(examples=["gave-up"])]
    position: At
    lag: Count
    failed_attempts: Count
    last_error: Trouble
    last_failed_at: datetime | None
    last_taken_at: datetime | None
    next_try_at: datetime | None


class Changed(Written):
    """Which subscriber was changed."""

    id: UUID


class Pinged(Shown):
    """Was it taken? `status` is what the address answered, if it did."""

    id: Annotated[str, Field(examples=["0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11"])]
    taken: bool
    status: Annotated[int | None, Field(examples=[204])]
    error: Trouble


CHANGED = written(Changed)
WITH_SECRET = written(WithSecret)
