"""Rooms as their people see them, what is said there, and what concerns one moderator."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from pulse.shapes import Shape
from pulse.shapes.chats import Named

ROOM = "bd0ac4f2-4898-52aa-bd9b-d19d8c4859b9"
ANNA = "76b3650b-e037-5e26-acd4-70d922a03793"
WHEN = "2026-11-21T09:30:00Z"


class RoomTold(Shape):
    """Of a room's row, what is the same for everybody in it."""

    id: Annotated[UUID, Field(examples=[ROOM])]
    messages: Annotated[int, Field(examples=[12])]
    last_text: Annotated[str, Field(examples=["Lunch?"])]
    last_by: Named | None
    last_at: Annotated[str | None, Field(examples=[WHEN])]


class RoomRow(RoomTold):
    """`with` and `seen_by_other` are a direct room's. `unread` is `messages` less `seen`."""

    kind: Annotated[str, Field(examples=["general"])]
    with_: Annotated[Named | None, Field(alias="with", examples=[None])]
    seen: Annotated[int, Field(examples=[10])]
    unread: Annotated[int, Field(examples=[2])]
    seen_by_other: Annotated[int | None, Field(examples=[None])]


class RoomMessageRow(Shape):
    id: Annotated[int, Field(examples=[12])]
    room_id: Annotated[UUID, Field(examples=[ROOM])]
    sender: Named
    text: Annotated[str, Field(examples=["Lunch?"])]
    mentions: Annotated[list[UUID], Field(examples=[[]])]
    client_msg_id: Annotated[str | None, Field(examples=["w1"])]
    created_at: Annotated[str, Field(examples=[WHEN])]


class NotificationRow(Shape):
    """`kind`: mention, direct, assigned, transferred, taken-away, closed, callback, reply-failed, reply-uncertain,
    source-halted, telegram-unlinked or two-factor-reset.
    """

    id: Annotated[int, Field(examples=[1042])]
    kind: Annotated[str, Field(examples=["mention"])]
    chat_id: Annotated[UUID | None, Field(examples=[ANNA])]
    room_id: Annotated[UUID | None, Field(examples=[None])]
    source_id: Annotated[UUID | None, Field(examples=[None])]
    number: Annotated[int | None, Field(examples=[7])]
    by: Named | None
    text: Annotated[str, Field(examples=["Can you look at this?"])]
    at: Annotated[str, Field(examples=[WHEN])]
    read: Annotated[bool, Field(examples=[False])]
