"""Who may do what: the one door for HTTP and push alike. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Audience(Protocol):
    """Where a chat stands: an event's scope, or a chat's row."""

    @property
    def department(self) -> UUID | None: ...
    @property
    def holder(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True)
class Person:
    """A moderator or admin who is signed in."""

    id: UUID
    name: str
    role: str
    departments: frozenset[UUID]

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Place:
    """A chat's place, for asking about it."""

    department: UUID | None
    holder: UUID | None


def may_see(person: Person, chat: Audience) -> bool:
    """Admins see every chat, moderators those of their departments and those they hold."""
    return person.is_admin or chat.holder == person.id or chat.department in person.departments


def may_reply(person: Person, chat: Audience) -> bool:
    """Whoever sees a chat may answer, take and close it."""
    return may_see(person, chat)


def may_manage(person: Person) -> bool:
    """Sources, departments and people are the admins' business."""
    return person.is_admin


def may_follow_person(person: Person, moderator_id: UUID) -> bool:
    """`private-moderator.{id}` and `private-user.{id}` are for that person only."""
    return person.id == moderator_id


def may_embed(origins: Collection[str], origin: str | None) -> bool:
    """A website without a list of origins may be embedded anywhere; a caller without Origin is no browser."""
    return not origins or origin is None or origin in origins
