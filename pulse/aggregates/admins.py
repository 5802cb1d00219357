"""Admins: which of them are admins no longer, written down one after the other, so that the last can't go."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal

ADMINS = UUID("5f0c8a0e-6f0d-5a2c-9b57-0a9d9d1f4c11")


class LastAdmin(Refusal):
    """This is the last active admin. Make somebody else an admin first."""


class AdminsBegun(AggregateCreated):
    """An admin goes for the first time."""


class AdminLeft(AggregateEvent):
    """Disabled, or a moderator from now on."""

    moderator_id: UUID

    def apply(self, admins: Admins) -> None:
        admins.gone.add(self.moderator_id)


class AdminReturned(AggregateEvent):
    moderator_id: UUID

    def apply(self, admins: Admins) -> None:
        admins.gone.discard(self.moderator_id)


class Admins(Aggregate):
    """There is one, `ADMINS`, decided on together with whoever leaves: of two who leave at once, one comes second."""

    gone: set[UUID] = field(default_factory=set)

    @classmethod
    def begin(cls, *, now: datetime) -> Self:
        return cls._create(AdminsBegun, id=ADMINS, timestamp=now)

    def leave(self, moderator_id: UUID, *, known: Set[UUID], now: datetime) -> None:
        """One goes. `known` are those heard of as active admins: missing one refuses too much, never too little.

        Raises LastAdmin.
        """
        self.require_others(moderator_id, known)
        self.trigger_event(AdminLeft, moderator_id=moderator_id, timestamp=now)

    def require_others(self, moderator_id: UUID, known: Set[UUID]) -> None:
        """Raises LastAdmin."""
        if not known - self.gone - {moderator_id}:
            raise LastAdmin

    def come_back(self, moderator_id: UUID, *, now: datetime) -> None:
        if moderator_id in self.gone:
            self.trigger_event(AdminReturned, moderator_id=moderator_id, timestamp=now)
