"""Notifications: how much of what one moderator was told they have read. What is told follows from other events.

A notification is named by the position of the event that it tells of.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

NOTIFICATIONS = UUID("0d6d5b0f-52a7-5a86-9a4e-7f3e9c1d2b44")


class NotificationsBegun(AggregateCreated):
    moderator_id: UUID


class NotificationRead(AggregateEvent):
    moderator_id: UUID
    of: int

    def apply(self, notifications: Notifications) -> None:
        notifications.read_alone.add(self.of)


class NotificationsRead(AggregateEvent):
    """Everything up to a position."""

    moderator_id: UUID
    up_to: int

    def apply(self, notifications: Notifications) -> None:
        notifications.read_up_to = self.up_to
        notifications.read_alone = {of for of in notifications.read_alone if of > self.up_to}


class Notifications(Aggregate):
    """Of one moderator. `read_alone` are those read one by one, after `read_up_to`."""

    moderator_id: UUID
    read_up_to: int = 0
    read_alone: set[int] = field(default_factory=set)

    @classmethod
    def begin(cls, moderator_id: UUID, *, now: datetime) -> Self:
        return cls._create(
            NotificationsBegun, id=notifications_id(moderator_id), moderator_id=moderator_id, timestamp=now
        )

    def read(self, of: int, *, now: datetime) -> None:
        """One. Read is read: there is no way back."""
        if of > self.read_up_to and of not in self.read_alone:
            self.trigger_event(NotificationRead, moderator_id=self.moderator_id, of=of, timestamp=now)

    def read_all(self, up_to: int, *, now: datetime) -> None:
        if up_to > self.read_up_to:
            self.trigger_event(NotificationsRead, moderator_id=self.moderator_id, up_to=up_to, timestamp=now)


def notifications_id(moderator_id: UUID) -> UUID:
    return uuid5(NOTIFICATIONS, moderator_id.hex)
