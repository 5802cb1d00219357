"""Moderator: a person who answers chats; an admin also manages sources, departments and people."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.aggregates.moderator_sign_in import SignsIn
from pulse.errors import BadInput, NotAuthentic, Refusal

MODERATORS = UUID("b2d8f5f1-7a61-5e57-9d0a-57c1c1f0aa03")
ROLES = ("admin", "moderator")
LOCALES = ("en", "ru")
# A deliberately small rule: parts without spaces between dots, one @. Whether mail arrives there is not known.
EMAIL = re.compile(r"[^\s@.]+(\.[^\s@.]+)*@[^\s@.]+(\.[^\s@.]+)*")
EMAIL_LIMIT = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets, less its brackets
NAME_LIMIT = 100


class UnknownRole(BadInput):
    """A role is either admin or moderator."""


class NotAnEmail(BadInput):
    """An email has one @ between a name and a domain, no spaces, and at most 254 characters."""


class UnknownLocale(BadInput):
    """Pulse speaks ru and en."""


class NotAName(BadInput):
    """A person's name has 1 to 100 characters."""


class NotAnInvitation(NotAuthentic):
    """This invitation was used or replaced, or is too old. Ask an admin for a new one."""


class PersonIsDisabled(Refusal):
    """This account is disabled. Enable it first."""


class ModeratorInvited(AggregateCreated):
    """`password_hash` is an argon2id string; the password itself is never kept."""

    email: str
    name: str
    role: str
    departments: tuple[UUID, ...]
    password_hash: str


class ModeratorRoleChanged(AggregateEvent):
    """The role and the departments, as they are from now on. Another role ends every session."""

    role: str
    departments: tuple[UUID, ...]

    def apply(self, moderator: Moderator) -> None:
        if self.role != moderator.role:
            moderator.ended = moderator.ended.with_all(self.originator_version, None)
        moderator.role = self.role
        moderator.departments = self.departments


class ModeratorDisabled(AggregateEvent):
    """Ends every session: being enabled again brings none of them back."""

    def apply(self, moderator: Moderator) -> None:
        moderator.disabled = True
        moderator.link = 0
        moderator.ended = moderator.ended.with_all(self.originator_version, None)


class ModeratorProfileChanged(AggregateEvent):
    """What people say of themselves. `locale` is the language that Pulse speaks to them; empty until they choose one."""

    name: str
    locale: str

    def apply(self, moderator: Moderator) -> None:
        moderator.name, moderator.locale = self.name, self.locale


class ModeratorWentAway(AggregateEvent):
    """Gets no chats by a policy until they come back; chats they hold stay with them."""

    def apply(self, moderator: Moderator) -> None:
        moderator.away = True


class ModeratorCameBack(AggregateEvent):
    def apply(self, moderator: Moderator) -> None:
        moderator.away = False


class ModeratorLinkMade(AggregateEvent):
    """A link by which this person sets a password, once. It takes the place of any before it."""

    def apply(self, moderator: Moderator) -> None:
        moderator.link = self.originator_version


class ModeratorEnabled(AggregateEvent):
    """May sign in again, with the password from before."""

    def apply(self, moderator: Moderator) -> None:
        moderator.disabled = False


class Moderator(SignsIn, Aggregate):
    email: str
    name: str
    role: str
    departments: tuple[UUID, ...]
    password_hash: str
    disabled: bool = False
    locale: str = ""
    away: bool = False

    @classmethod
    def invite(
        cls, *, email: str, name: str, role: str, departments: tuple[UUID, ...], password_hash: str, now: datetime
    ) -> Self:
        """Adds a person; the id follows from the email, so one address is one account."""
        email = clean_email(email)
        if role not in ROLES:
            raise UnknownRole
        return cls._create(
            ModeratorInvited, id=moderator_id(email), email=email, name=clean_name(name), role=role,
            departments=departments, password_hash=password_hash, timestamp=now,
        )  # fmt: skip

    def change_profile(self, *, name: str | None = None, locale: str | None = None, now: datetime) -> None:
        """Changes what is given. Raises NotAName, UnknownLocale."""
        wanted = (self.name if name is None else clean_name(name), self.locale if locale is None else locale)
        if locale is not None and locale not in LOCALES:
            raise UnknownLocale
        if wanted != (self.name, self.locale):
            self.trigger_event(ModeratorProfileChanged, name=wanted[0], locale=wanted[1], timestamp=now)

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

    def enable(self, *, now: datetime) -> None:
        """Gives the access back."""
        if self.disabled:
            self.trigger_event(ModeratorEnabled, timestamp=now)

    def join(self, department: UUID, *, now: datetime) -> None:
        """From now on a member of this department too."""
        if department not in self.departments:
            self.change_role(self.role, (*self.departments, department), now=now)

    def leave(self, department: UUID, *, now: datetime) -> None:
        """A member no more; chats of that department which this person holds stay theirs."""
        self.change_role(self.role, tuple(one for one in self.departments if one != department), now=now)

    def make_link(self, *, now: datetime) -> None:
        """A new way to set a password, once; a link from before is worth nothing. Raises PersonIsDisabled."""
        if self.disabled:
            raise PersonIsDisabled
        self.trigger_event(ModeratorLinkMade, timestamp=now)

    def accept(self, link: int, password_hash: str, *, now: datetime) -> None:
        """Sets the password by a link, which is used up by that. Raises NotAnInvitation."""
        self.require_link(link)
        self.change_password(password_hash, now=now)

    def require_link(self, link: int) -> None:
        """Raises NotAnInvitation unless this is the newest link and nobody used it."""
        if self.disabled or not link or link != self.link:
            raise NotAnInvitation

    def go_away(self, *, now: datetime) -> None:
        """A moderator's own switch: no new chats for now."""
        if not self.away:
            self.trigger_event(ModeratorWentAway, timestamp=now)

    def come_back(self, *, now: datetime) -> None:
        if self.away:
            self.trigger_event(ModeratorCameBack, timestamp=now)


def moderator_id(email: str) -> UUID:
    return uuid5(MODERATORS, _spelled(email))


def clean_email(email: str) -> str:
    """As it is kept: one spelling for one address. Raises NotAnEmail."""
    spelled = _spelled(email)
    if not EMAIL.fullmatch(spelled) or len(spelled.encode()) > EMAIL_LIMIT or not spelled.isprintable():
        raise NotAnEmail
    return spelled


def clean_name(name: str) -> str:
    """As it is kept. Raises NotAName."""
    if not 1 <= len(name.strip()) <= NAME_LIMIT or "\0" in name:
        raise NotAName
    return name.strip()


def _spelled(email: str) -> str:
    return unicodedata.normalize("NFC", email.strip().lower())
