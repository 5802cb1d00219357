"""What stands around a frame's `data`, and what Pulse and its clients say about the connection itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from pulse.push.missed import Reason
from pulse.shapes import ABSENT, Shape

CursorText = Annotated[
    str, Field(examples=["5eed5eed.1042.1"], description="give it back as it is to hear what came after")
]
Position = Annotated[int, Field(examples=[1042], description="where its event lies in the log; live frames have none")]
LastId = Annotated[int, Field(ge=0, examples=[7], description="an entry's id: all up to it was seen")]


class StaffEnvelope(Shape):
    """A frame on a moderator's window. `session_id` is the chat it is about."""

    type: Annotated[str, Field(examples=["chat.message"])]
    session_id: UUID = ABSENT
    data: Annotated[Any, Field(examples=[{"text": "Hello"}])]
    seq: Position = ABSENT
    cursor: CursorText = ABSENT


class VisitorEnvelope(Shape):
    """A frame on a visitor's window. The cursor is sealed: it is good for this chat, and says nothing."""

    type: Annotated[str, Field(examples=["chat.message"])]
    session_id: UUID = ABSENT
    data: Annotated[Any, Field(examples=[{"text": "Hello"}])]
    cursor: CursorText = ABSENT


class PusherEnvelope(Shape):
    """A frame in Pusher's protocol. `data` is JSON in a string; but for what clients say to each other (`client-…`)."""

    event: Annotated[str, Field(examples=["NewChatMessage"])]
    channel: Annotated[str, Field(examples=["private-chat.73803345-05ec-5922-81a8-7f2f572c0bdc"])] = ABSENT
    data: Annotated[Any, Field(examples=['{"text":"Hello"}'])] = ABSENT
    user_id: Annotated[str, Field(examples=["7"], description="who said it, on presence channels")] = ABSENT
    id: Annotated[UUID, Field(description="the event's: the same however often it is told")] = ABSENT
    seq: Position = ABSENT
    cursor: CursorText = ABSENT


class PulseCursor(Shape):
    """Everything up to here was told."""

    cursor: CursorText


class PulseResync(Shape):
    """Not all that was missed can be told: take a snapshot."""

    reason: Reason


class PulseFeed(Shape):
    """What happens now is told later (`stale`), or all of it has been told."""

    stale: bool


class PulseReconnect(Shape):
    """Pulse restarts: come back after this many milliseconds, without being sent away first."""

    delay_ms: Annotated[int, Field(ge=0, examples=[1200])]


class PulseClose(Shape):
    """On streams, which have no close codes: what a socket would be closed with."""

    code: Annotated[int, Field(examples=[4200])]
    reason: Annotated[str, Field(examples=["Pulse is restarting."])]


class PulseResume(Shape):
    """Whatever is subscribed to from now on begins with what was missed since."""

    cursor: CursorText


class PulseAck(Shape):
    channel: Annotated[str, Field(examples=["private-chat.73803345-05ec-5922-81a8-7f2f572c0bdc"])]
    last_id: LastId


class WindowAck(Shape):
    """Staff say which chat."""

    type: Literal["ack"]
    last_id: LastId
    session_id: UUID = ABSENT


class WindowError(Shape):
    """What was sent was not understood."""

    code: Annotated[str, Field(examples=["bad-input"])]
    message: Annotated[str, Field(examples=["last_id must be a message's id."])]
