"""Before somebody changes how they sign in they say their password, or sign in, again: an open window is not enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import Request

from pulse.aggregates.moderator_sign_in import SESSION_LIFE
from pulse.desk.guard import Caller, Guard
from pulse.desk.sign_in import address_of
from pulse.desk.tries import Knock, Tries
from pulse.errors import NotAllowed
from pulse.passwords import PasswordCheck
from pulse.tokens import Session

FRESH = timedelta(minutes=15)


class NotProven(NotAllowed):
    """The password or the code is wrong, or the code was used already."""


class SignInAgain(NotAllowed):
    """Sign in again first: how you sign in can be changed for fifteen minutes after that."""


def require_fresh(session: Session, now: datetime) -> None:
    """For those who may have no password to say: a session that was begun just now. Raises SignInAgain."""
    age = now.timestamp() - (session.until - SESSION_LIFE.total_seconds())
    if age > FRESH.total_seconds():
        raise SignInAgain


class OwnPassword:
    """Counted like a sign-in, by session: a stolen one can't be used to guess."""

    def __init__(self, guard: Guard, passwords: PasswordCheck, tries: Tries) -> None:
        self.guard = guard
        self.passwords = passwords
        self.tries = tries

    async def require(self, caller: Caller, password: str, request: Request) -> None:
        """Raises NotProven, TooManyTries, TooManySignIns."""
        knock = self._knock(caller, request)
        await self.tries.require(knock, self.guard.clock())
        moderator = self.guard.directory.moderator(caller.person.id)
        if not await self.passwords.matches(moderator.password_hash if moderator else None, password):
            raise NotProven
        await self.tries.succeeded(knock, self.guard.clock())

    async def count_code(self, caller: Caller, request: Request) -> None:
        """A code is about to be tried. Raises TooManyTries."""
        await self.tries.require(self._knock(caller, request, "own-code"), self.guard.clock())

    async def code_was_right(self, caller: Caller, request: Request) -> None:
        await self.tries.succeeded(self._knock(caller, request, "own-code"), self.guard.clock())

    def _knock(self, caller: Caller, request: Request, use: str = "own-password") -> Knock:
        return Knock(caller.person.id, address_of(request), caller.session.id, use)
