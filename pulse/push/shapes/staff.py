"""Frames that are about no chat: rooms, notifications, sources."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from pulse.push.shapes import Heard
from pulse.shapes import ABSENT, Change, Shape
from pulse.shapes.chats import Count, Named
from pulse.shapes.rooms import ROOM, NotificationRow, RoomMessageRow, RoomTold

RoomId = Annotated[UUID, Field(examples=[ROOM])]
Number = Annotated[int, Field(examples=[12])]


class RoomChange(Change, RoomTold):
    """What changes in the room's row."""

    ALWAYS = ("messages", "last_text", "last_by", "last_at")


class RoomMark(Shape):
    """How far one moderator has seen the room."""

    moderator_id: UUID
    seen: Count


class RoomOpened(Heard):
    """A direct room."""

    room_id: RoomId
    people: list[Named]
    room: RoomTold


class RoomMessageSent(RoomMessageRow, Heard):
    """Somebody wrote, and so has seen the room up to there."""

    room: RoomChange
    mark: RoomMark


class RoomRead(Heard):
    room_id: RoomId
    mark: RoomMark


class UserTyping(Heard):
    """Said live, without a position."""

    room_id: RoomId
    by: Named


class NotificationCreated(NotificationRow, Heard):
    pass


class NotificationRead(Heard):
    """You have read `ids`; or all up to `up_to`; or, of a room, all up to a message's `number`."""

    ids: Annotated[list[int], Field(examples=[[1042]])] = ABSENT
    up_to: Annotated[int, Field(examples=[1042])] = ABSENT
    room_id: RoomId = ABSENT
    number: Number = ABSENT


class SourceStanding(Heard):
    """`reason` is empty unless its provider gave one, `until` is when it tries by itself."""

    source_id: UUID
    title: Annotated[str, Field(examples=["Shop"])]
    reason: Annotated[str, Field(examples=["The token was revoked."])]
    until: datetime | None
