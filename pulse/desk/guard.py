"""Who is asking: a bearer token or a session cookie becomes a Person, or 401."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import Response

from pulse.access import Person, may_call, may_manage
from pulse.desk.answers import done
from pulse.desk.sessions import Sessions
from pulse.directory import Directory
from pulse.errors import NotAllowed, NotAuthentic
from pulse.eventlog.commands import Decided
from pulse.limits import Rate
from pulse.projections.reads import Reads, as_position
from pulse.tokens import Session, Signer, Staff
from pulse.values import value

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LEARN_SECONDS = 0.5
# Of one signed-in person: no hand is as fast, and no script of theirs can keep the others out.
PER_SECOND, AT_ONCE = 100, 1000


class NotFromHere(NotAllowed):
    """This request comes from another website."""


class AdminsOnly(NotAllowed):
    """Only admins may do this."""


@value
class Caller:
    """Who asks, and the session they signed in with."""

    person: Person
    session: Session


async def own_write(
    position: Annotated[
        str | None,
        Header(alias="X-Pulse-Position", description="the position of your own write, which this read must show"),
    ] = None,
) -> str | None:
    """As it was sent: it is read once it is known who asks, so that whoever may not read is told so first."""
    return position


OwnWrite = Annotated[str | None, Depends(own_write)]


class Guard:
    """Dependencies of the desk's routes: who asks, and for a `reader` the lists hold their own writes."""

    def __init__(
        self, directory: Directory, sessions: Sessions, signer: Signer, reads: Reads, clock: Callable[[], datetime],
        *, secure: bool,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.sessions = sessions
        self.signer = signer
        self.reads = reads
        self.clock = clock
        self.secure = secure
        # The __Host- prefix binds a cookie to this very host, and needs TLS.
        self.cookie = "__Host-pulse_session" if secure else "pulse_session"
        self.device_cookie = "__Host-pulse_device" if secure else "pulse_device"
        self.challenge_cookie = "__Host-pulse_challenge" if secure else "pulse_challenge"
        self.rate = Rate(PER_SECOND, AT_ONCE, name="person")

    async def person(self, request: Request) -> Person:
        """Raises NotAuthentic, TooOften, or NotFromHere for another website's form."""
        return (await self.caller(request)).person

    async def caller(self, request: Request) -> Caller:
        """Like `person`, with the session; a token needs no row, since the log says which sessions were ended."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            staff = self._of_token(token)
        else:
            self.require_same_site(request)
            cookie = request.cookies.get(self.cookie)
            staff = await self.sessions.of_cookie(cookie, now=self.clock()) if cookie else None
        person = self.directory.signed_in(staff) if staff else None
        if staff is None or person is None:
            raise NotAuthentic("Sign in first.")
        request.state.person = str(person.id)  # for the line about what they may not do
        self.rate.require(person.id)
        return Caller(person, staff.session)

    def _of_token(self, token: str) -> Staff | None:
        """None for a token that is over, as for one that never was: whoever comes with it signs in again."""
        with contextlib.suppress(NotAuthentic):
            return self.signer.read_staff_token(token, self.clock())
        return None

    async def reader(self, request: Request, written: OwnWrite = None) -> Person:
        """Like `person`; waits until their own write (`X-Pulse-Position`) can be read, half a second at most."""
        person = await self.person(request)
        await self.reads.wait_for(as_position(written))
        return person

    async def admin(self, request: Request) -> Person:
        """Like `person`. Raises AdminsOnly."""
        return _require_admin(await self.person(request))

    async def admin_caller(self, request: Request) -> Caller:
        """Like `caller`. Raises AdminsOnly."""
        caller = await self.caller(request)
        _require_admin(caller.person)
        return caller

    async def reading_admin(self, request: Request, written: OwnWrite = None) -> Person:
        """Like `reader`. Raises AdminsOnly."""
        return _require_admin(await self.reader(request, written))

    async def learn(self, position: int) -> None:
        """Lets this process know what was written before it answers, half a second later at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEARN_SECONDS):
                await self.directory.wait_for(position)

    async def done(self, decided: Decided, status: int = 200, **more: object) -> Response:
        """A command's answer, once this process knows of it."""
        await self.learn(decided.position)
        return done(decided, status, **more)

    def require_same_site(self, request: Request) -> None:
        """Raises NotFromHere. Browsers name the sender of every unsafe request; anybody else has no cookie to abuse."""
        if request.method in SAFE:
            return
        ours = may_call(request.headers.get("origin"), request.headers.get("host", ""))
        if not ours or request.headers.get("sec-fetch-site") == "cross-site":
            raise NotFromHere


def _require_admin(person: Person) -> Person:
    if not may_manage(person):
        raise AdminsOnly
    return person
