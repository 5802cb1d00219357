"""What the webhook log looks like in the API."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from pulse.desk.answers import Shown
from pulse.shapes.chats import At, Count

Kind = Annotated[str, Field(examples=["chat.message-received"])]
Outcome = Annotated[str, Field(examples=["taken"])]
Raw = Annotated[str | None, Field(examples=['{"from": "vera", "message": "Hello"}'])]
Encoded = Annotated[str | None, Field(examples=["/w=="], description="base64 of a body that is no text")]
Reason = Annotated[str, Field(examples=["It was taken in before."])]
External = Annotated[str, Field(examples=["m1"], description="the provider's own id")]


class Became(Shown):
    """An event that a delivery became, and of what: `chat_id`, `customer_id` or `delivery_id`."""

    model_config = ConfigDict(extra="allow")

    type: Kind
    version: Annotated[int, Field(examples=[3])]
    position: Annotated[int | None, Field(examples=[1042])] = None


class Attempt(Shown):
    """A time that reading it again came to something."""

    at: datetime
    by: Annotated[str, Field(examples=["moderator:76b3650be0375e26acd470d922a03793"])]
    position: At
    outcome: Outcome
    kind: Annotated[str, Field(examples=[""])]
    reason: Reason


class DeliveryRow(Shown):
    """What a provider sent, and what became of it."""

    id: Annotated[int, Field(examples=[1042])]
    position: At
    source_id: UUID | None
    external_id: External
    outcome: Outcome
    kind: Annotated[str, Field(examples=["chat.message-received"])]
    reason: Reason
    aggregate_id: UUID
    at: datetime
    became: list[Became]
    attempts: list[Attempt]
    raw: Raw
    raw_base64: Encoded


class RejectionRow(Shown):
    """A delivery that left no event, kept as a sample."""

    number: Annotated[int, Field(examples=[12])]
    source_id: Annotated[str, Field(examples=["a15f91a9-46f6-5fc1-a3ae-b4c6c8398268"])]
    external_id: External
    outcome: Annotated[str, Field(examples=["repeated"])]
    reason: Reason
    raw: Raw
    suppressed: Count
    at: datetime


class DeliveryShown(DeliveryRow):
    """One delivery with its whole body."""


class Arrived(Shown):
    """What a driver read in it, without references to files."""

    model_config = ConfigDict(extra="allow")

    arrival: Annotated[str, Field(examples=["message-arrived"])]


class WouldBe(Shown):
    """An event that would come of it, or came."""

    model_config = ConfigDict(extra="allow")

    type: Kind
    version: Annotated[int, Field(examples=[3])]
    data: Annotated[dict[str, Any], Field(examples=[{}])]


class ReadingRow(Shown):
    """What comes of reading a delivery again; `result` is changes, nothing or unreadable."""

    id: Annotated[int, Field(examples=[1042])]
    source_id: UUID
    result: Annotated[str, Field(examples=["nothing"])]
    outcome: Outcome
    reason: Reason
    arrivals: list[Arrived]
    events: list[WouldBe]


class Readings(Shown):
    """`seen` stands for all that is shown; once it is done there is a `position` instead."""

    items: list[ReadingRow]
    seen: Annotated[str | None, Field(examples=["5f3c9a0e41d2b788"])] = None
    position: Annotated[int | None, Field(examples=[1042])] = None
