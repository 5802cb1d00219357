"""Invites people and changes what they may do, so that there is always an admin left. Used by the desk and the commands.

The one door to people who are there; `accounts.py` only makes a first world.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Set
from datetime import datetime
from uuid import UUID

from eventsourcing.domain import Aggregate

from pulse.access import by_moderator, is_admin
from pulse.aggregates.admins import ADMINS, Admins
from pulse.aggregates.moderator import ROLES, Moderator, NotAnInvitation, UnknownRole, moderator_id
from pulse.errors import there
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.passwords import hash_chosen
from pulse.values import value

Change = Callable[[Moderator], None]


@value
class Newcomer:
    """Somebody who is invited."""

    email: str
    name: str
    role: str
    departments: tuple[UUID, ...]

    @property
    def id(self) -> UUID:
        return moderator_id(self.email)


class People:
    """Every answer is the store's: without events, it was so already. `admins` are those heard of as active."""

    def __init__(self, store: EventStore, clock: Callable[[], datetime], admins: Callable[[], Set[UUID]]) -> None:
        self.store = store
        self.clock = clock
        self.admins = admins

    async def invite(self, newcomer: Newcomer, *, password: str | None, by: str) -> Decided:
        """Adds a person; without a password with a link to set one. Whoever is there stays as they are.

        Raises UnknownRole, NotAnEmail, NotAName, NotAPassword, TooCommon.
        """
        # Nobody knows the password that is made here: it only fills the place until the link is used.
        own = (newcomer.email, newcomer.name)
        password_hash = await _hashed(password or secrets.token_urlsafe(32), *own)

        def decision(known: Moderator | None) -> Moderator:
            if known is not None:
                return known
            now = self.clock()
            invited = Moderator.invite(
                email=newcomer.email, name=newcomer.name, role=newcomer.role, departments=newcomer.departments,
                password_hash=password_hash, now=now,
            )  # fmt: skip
            if password is None:
                invited.make_link(now=now)
            return invited

        return await self.store.decide(Moderator, moderator_id(newcomer.email), decision, by=by)

    async def change(
        self, person: UUID, *, by: str, name: str | None = None, role: str | None = None,
        departments: tuple[UUID, ...] | None = None,
    ) -> Decided:  # fmt: skip
        """Changes what is given. Raises NotFound, LastAdmin, UnknownRole, NotAName."""

        def act(known: Moderator) -> None:
            now = self.clock()
            if name is not None:
                known.change_profile(name=name, now=now)
            known.change_role(role or known.role, known.departments if departments is None else departments, now=now)

        if role not in (None, *ROLES):  # before the first event
            raise UnknownRole
        return await self._keeping_an_admin(person, act, stays=role is None or is_admin(role), by=by)

    async def disable(self, person: UUID, *, by: str) -> Decided:
        """Raises NotFound, LastAdmin."""
        return await self._keeping_an_admin(person, lambda known: known.disable(now=self.clock()), stays=False, by=by)

    async def enable(self, person: UUID, *, by: str) -> Decided:
        """Raises NotFound."""
        return await self._keeping_an_admin(person, lambda known: known.enable(now=self.clock()), stays=True, by=by)

    async def make_link(self, person: UUID, *, by: str) -> Decided:
        """The answer's version is the link's. Raises NotFound, PersonIsDisabled."""
        return await self.store.decide_known(Moderator, person, lambda known: known.make_link(now=self.clock()), by=by)

    async def require_link(self, person: UUID, link: int) -> Moderator:
        """Whose it is, before anything dear or lasting is done for it. Raises NotAnInvitation."""
        known = await self.store.load(Moderator, person)
        if known is None:
            raise NotAnInvitation
        known.require_link(link)
        return known

    async def accept(self, person: UUID, link: int, password: str) -> Decided:
        """Sets a password by a link. Raises NotAnInvitation, NotAPassword, TooCommon."""
        known = await self.require_link(person, link)
        password_hash = await _hashed(password, known.email, known.name)

        def act(found: Moderator) -> None:
            found.accept(link, password_hash, now=self.clock())

        return await self.store.decide_known(Moderator, person, act, by=by_moderator(person))

    async def reset_two_factor(self, person: UUID, *, by: str) -> Decided:
        """For whoever lost the phone: the password alone is enough again, and every session ends. Raises NotFound."""
        return await self.store.decide_known(
            Moderator, person, lambda known: known.reset_two_factor(now=self.clock()), by=by
        )

    async def _keeping_an_admin(self, person: UUID, act: Change, *, stays: bool, by: str) -> Decided:
        """Decides on a person and on the admins in one step. `stays`: an admin is one still, after `act`."""

        def decision(found: Moderator | None, admins: Admins | None) -> Iterable[Aggregate | None]:
            known, now = there(found), self.clock()
            was = _is_admin(known)
            if was and not stays:
                (admins or Admins.begin(now=now)).require_others(person, self.admins())
            act(known)
            if was and not _is_admin(known):
                admins = admins or Admins.begin(now=now)
                admins.leave(person, known=self.admins(), now=now)
            elif admins is not None and _is_admin(known):
                admins.come_back(person, now=now)
            return known, admins

        return await self.store.decide_together([(Moderator, person), (Admins, ADMINS)], decision, by=by)


def _is_admin(person: Moderator) -> bool:
    return is_admin(person.role) and not person.disabled


async def _hashed(password: str, *own: str) -> str:
    """Hashing takes long on purpose, and must not hold up the loop. Raises NotAPassword, TooCommon."""
    return await asyncio.to_thread(hash_chosen, password, own)
