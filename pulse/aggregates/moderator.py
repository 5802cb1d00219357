"""Moderator: a person who answers chats; an admin also manages sources, departments and people."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput

MODERATORS = UUID("b2d8f5f1-7a61-5e57-9d0a-57c1c1f0aa03")
ROLES = ("admin", "moderator")


class UnknownRole(BadInput):
    """A role is either admin or moderator."""


class ModeratorInvited(AggregateCreated):
    """`password_hash` is an argon2id string; the password itself is never kept."""

    email: str
    name: str
    role: str
    departments: tuple[UUID, ...]
    password_hash: str


class ModeratorPasswordChanged(AggregateEvent):
    password_hash: str

    def apply(self, moderator: Moderator) -> None:
        moderator.password_hash = self.password_hash


class ModeratorRoleChanged(AggregateEvent):
    """The role and the departments, as they are from now on."""

    role: str
    departments: tuple[UUID, ...]

    def apply(self, moderator: Moderator) -> None:
        moderator.role = self.role
        moderator.departments = self.departments


class ModeratorDisabled(AggregateEvent):
    def apply(self, moderator: Moderator) -> None:
        moderator.disabled = True


class Moderator(Aggregate):
    email: str
    name: str
    role: str
    departments: tuple[UUID, ...]
    password_hash: str
    disabled: bool = False

    @classmethod
    def invite(
        cls, *, email: str, name: str, role: str, departments: tuple[UUID, ...], password_hash: str, now: datetime
    ) -> Self:
        """Adds a person; the id follows from the email, so one address is one account."""
        if role not in ROLES:
            raise UnknownRole
        return cls._create(
            ModeratorInvited, id=moderator_id(email), email=email.strip().lower(), name=name, role=role,
            departments=departments, password_hash=password_hash, timestamp=now,
        )  # fmt: skip

    def change_password(self, password_hash: str, *, now: datetime) -> None:
        self.trigger_event(ModeratorPasswordChanged, password_hash=password_hash, timestamp=now)

    def change_role(self, role: str, departments: tuple[UUID, ...], *, now: datetime) -> None:
        """Sets what this person may do and where."""
        if role not in ROLES:
            raise UnknownRole
        if (role, departments) != (self.role, self.departments):
            self.trigger_event(ModeratorRoleChanged, role=role, departments=departments, timestamp=now)

    def disable(self, *, now: datetime) -> None:
        """Takes away all access; what this person wrote stays."""
        if not self.disabled:
            self.trigger_event(ModeratorDisabled, timestamp=now)


def moderator_id(email: str) -> UUID:
    return uuid5(MODERATORS, email.strip().lower())
