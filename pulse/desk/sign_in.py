"""A sign-in, once it is known who it is: by password here, by a provider elsewhere. Asks for the second factor first.

No account is ever made by signing in.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Annotated, Literal
from uuid import UUID, uuid4

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.moderator import Moderator
from pulse.aggregates.moderator_sign_in import SESSION_LIFE
from pulse.desk.answers import Shown
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.desk.tries import Knock
from pulse.tokens import CHALLENGE_LIFE, DEVICE_LIFE, Challenge, Device

CODE_PAGE = "/login/code"

log = structlog.get_logger(__name__)


class Me(Shown):
    """A person as they see themselves."""

    id: Annotated[UUID, Field(examples=["76b3650b-e037-5e26-acd4-70d922a03793"])]
    name: Annotated[str, Field(examples=["Anna"])]
    role: Annotated[str, Field(examples=["moderator"])]
    departments: Annotated[list[str], Field(examples=[["985a3857-a778-5627-9fc2-a8d60e434c7f"]])]
    away: Annotated[bool, Field(examples=[False])]


class SignedIn(Shown):
    """The person, and a token of five minutes for the staff socket and other services."""

    user: Me
    access_token: Annotated[str, Field(examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl"])]


class CodeAsked(Shown):
    """The password was right, and a code must follow within five minutes, with this challenge, which signs in once."""

    two_factor: Annotated[Literal[True], Field(examples=[True])] = True
    challenge: Annotated[str, Field(examples=["v1.e30.c2lnbmF0dXJl"])]


class SignIn:
    """Begins sessions. Whoever calls `begin` has made sure who it is."""

    def __init__(self, guard: Guard, decisions: Decisions) -> None:
        self.guard = guard
        self._decisions = decisions

    async def begin(
        self, person: Person, request: Request, response: Response, *, since: int | None = None
    ) -> SignedIn | CodeAsked:
        """Signs somebody in whose identity was verified: a session, or a challenge when they have a second factor.

        `since`: the moderator's version when that was checked; whatever ended all sessions after it ends this one.
        """
        moderator = self.guard.directory.moderator(person.id)
        assert moderator is not None
        since = moderator.version if since is None else since
        if moderator.two_factor:
            asked = Challenge(person.id, since, int(self.guard.clock().timestamp()), token_urlsafe(12))
            return CodeAsked(challenge=self.guard.signer.challenge(asked))
        return await self.finish(person, since, request, response)

    async def finish(self, person: Person, since: int, request: Request, response: Response) -> SignedIn:
        """Nothing more is asked: sets the cookies of the session and of the browser, whose session before is over."""
        guard, now = self.guard, self.guard.clock()
        await self._end_former(request)
        agent = request.headers.get("user-agent", "")
        cookie, session = await guard.sessions.begin(
            person.id, since=since, now=now, address=address_of(request), agent=agent
        )
        self._set_cookie(response, guard.cookie, cookie, SESSION_LIFE.total_seconds())
        device = Device(self.device_of(person.id, request) or uuid4(), person.id, int(now.timestamp()))
        self._set_cookie(response, guard.device_cookie, guard.signer.device_token(device), DEVICE_LIFE.total_seconds())
        log.info("sign_in.begun", account=str(person.id), session=str(session.id), address=address_of(request))
        return self.answer(Caller(person, session))

    async def end(self, caller: Caller) -> None:
        """Ends this session, its tokens and its sockets, everywhere within a second."""
        person, session = caller.person, caller.session.id

        def decision(myself: Moderator) -> None:
            myself.end_session(session, now=self.guard.clock())

        await self._decisions.decide(person, Moderator, person.id, decision)
        await self.guard.sessions.end_one(person.id, session)

    def ask_code(self, asked: CodeAsked) -> Response:
        """Sends a browser to the page that asks for the code; the challenge goes along in a cookie of five minutes."""
        onwards = RedirectResponse(CODE_PAGE, 303, {"Cache-Control": "no-store"})
        self._set_cookie(onwards, self.guard.challenge_cookie, asked.challenge, CHALLENGE_LIFE.total_seconds())
        return onwards

    def answer(self, caller: Caller) -> SignedIn:
        """Who they are, and a fresh token."""
        token = self.guard.signer.staff_token(caller.person.id, self.guard.clock(), caller.session)
        return SignedIn(user=shown(caller.person), access_token=token)

    def knock(self, account: UUID, request: Request, use: str = "password") -> Knock:
        """How a try counts that comes with this request."""
        return Knock(account, address_of(request), self.device_of(account, request), use)

    def device_of(self, account: UUID, request: Request) -> UUID | None:
        """The browser, if this account has signed in with it before."""
        cookie = request.cookies.get(self.guard.device_cookie, "")
        device = self.guard.signer.read_device_token(cookie, self.guard.clock())
        return device.id if device is not None and device.person == account else None

    def forget_session(self, response: Response) -> None:
        """Browsers drop a __Host- cookie only when told with the flags it was set with; what they kept of ours goes too."""
        self._set_cookie(response, self.guard.cookie, "", 0)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    async def _end_former(self, request: Request) -> None:
        """Its cookie is about to be replaced: nobody could end it from this browser any more."""
        cookie = request.cookies.get(self.guard.cookie)
        former = await self.guard.sessions.of_cookie(cookie, now=self.guard.clock()) if cookie else None
        person = self.guard.directory.signed_in(former) if former else None
        if former is not None and person is not None:
            await self.end(Caller(person, former.session))

    # Not strict: whoever comes back from a provider has to arrive signed in. Unsafe methods look at the Origin.
    def _set_cookie(self, response: Response, name: str, value: str, seconds: float) -> None:
        response.set_cookie(
            name, value, max_age=int(seconds), httponly=True, secure=self.guard.secure, samesite="lax", path="/"
        )


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def shown(person: Person) -> Me:
    """A person as the API shows them."""
    departments = sorted(str(department) for department in person.departments)
    return Me(id=person.id, name=person.name, role=person.role, departments=departments, away=person.away)
