"""Room: where moderators talk among themselves. There is one for everybody, and one for any two of them."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal
from pulse.message import id_key

ROOMS = UUID("6f0c8c1e-3a53-5b0e-8f0e-2b7d0a9c4e11")
GENERAL = uuid5(ROOMS, "general")


class EmptyWord(Refusal):
    """A message to colleagues needs a text."""


class WithOneself(Refusal):
    """A direct conversation is with somebody else."""


class RoomOpened(AggregateCreated):
    """`people` are the two it is for, in the order of their ids; nobody named: it is for everybody."""

    people: tuple[UUID, ...]


class RoomMessageWritten(AggregateEvent):
    """`number` counts the room's messages from 1 on and is the message's public id.

    `mentions` are told of it, and so is `to`, the other one of a direct room.
    """

    number: int
    text: str
    moderator_id: UUID
    client_msg_id: str | None
    mentions: tuple[UUID, ...] = ()
    to: UUID | None = None

    def apply(self, room: Room) -> None:
        room.messages = self.number
        room.seen_by[self.moderator_id] = self.number
        if self.client_msg_id is not None:
            room.client_msgs[client_key(self.moderator_id, self.client_msg_id)] = self.number


class RoomSeen(AggregateEvent):
    """This moderator has seen everything up to that message."""

    moderator_id: UUID
    up_to: int

    def apply(self, room: Room) -> None:
        room.seen_by[self.moderator_id] = self.up_to


class Room(Aggregate):
    """`messages` is the newest message's number, `client_msgs` numbers by the keys of their authors' own ids."""

    people: tuple[UUID, ...]
    messages: int = 0
    seen_by: dict[UUID, int] = field(default_factory=dict)
    client_msgs: dict[int, int] = field(default_factory=dict)

    @classmethod
    def open_general(cls, *, now: datetime) -> Self:
        """The one room of everybody; it is there from its first message on."""
        return cls._create(RoomOpened, id=GENERAL, people=(), timestamp=now)

    @classmethod
    def open_direct(cls, one: UUID, other: UUID, *, now: datetime) -> Self:
        """The room of two, whoever of them opens it. Raises WithOneself."""
        if one == other:
            raise WithOneself
        people = in_order(one, other)
        return cls._create(RoomOpened, id=direct_id(one, other), people=people, timestamp=now)

    def write(
        self, text: str, *, moderator_id: UUID, client_msg_id: str | None, now: datetime,
        mentions: tuple[UUID, ...] = (),
    ) -> int:  # fmt: skip
        """Returns the message's number; one that was sent before keeps its own. Raises EmptyWord."""
        if client_msg_id is not None and (known := self.client_msgs.get(client_key(moderator_id, client_msg_id))):
            return known
        if not text.strip():
            raise EmptyWord
        told = tuple(dict.fromkeys(one for one in mentions if one != moderator_id))
        self.trigger_event(
            RoomMessageWritten, number=self.messages + 1, text=text, moderator_id=moderator_id,
            client_msg_id=client_msg_id, mentions=told,
            to=next((one for one in self.people if one != moderator_id), None), timestamp=now,
        )  # fmt: skip
        return self.messages

    def see(self, moderator_id: UUID, up_to: int, *, now: datetime) -> None:
        """Marks only move up, and never beyond what was written."""
        up_to = min(up_to, self.messages)
        if up_to > self.seen_by.get(moderator_id, 0):
            self.trigger_event(RoomSeen, moderator_id=moderator_id, up_to=up_to, timestamp=now)


def in_order(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Two people are one pair, whoever is named first."""
    return (one, other) if one.int < other.int else (other, one)


def direct_id(one: UUID, other: UUID) -> UUID:
    first, second = in_order(one, other)
    return uuid5(ROOMS, f"{first.hex}.{second.hex}")


def client_key(moderator_id: UUID, client_msg_id: str) -> int:
    return id_key(f"{moderator_id.hex}/{client_msg_id}")
