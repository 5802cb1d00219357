"""`/api/users/login`: a password, then a code if the account asks for one."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import Field

from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.moderator_sign_in import TwoFactorIsOff, WrongCode
from pulse.desk.answers import refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard, NotFromHere
from pulse.desk.second_factors import Proof, SecondFactors
from pulse.desk.sign_in import CodeAsked, SignedIn, SignIn
from pulse.desk.tries import Tries
from pulse.errors import NotAuthentic
from pulse.eventlog.store import EventStore
from pulse.passwords import PasswordCheck

# A challenge is no session yet; it ends with whatever ends all of them.
CHALLENGED = UUID(int=0)

log = structlog.get_logger(__name__)


class WrongPassword(NotAuthentic):
    """Email or password is wrong."""


class Credentials(Body):
    email: Annotated[str, Field(max_length=254, examples=["anna@pulse.example"])]
    password: Annotated[str, Field(max_length=1024, examples=["password"])]


class CodeProof(Proof):
    """The challenge that the password was answered with, and one of the two codes."""

    challenge: Annotated[str, Field(max_length=4096, examples=["v1.e30.c2lnbmF0dXJl"])]


def login_routes(guard: Guard, passwords: PasswordCheck, tries: Tries) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])
    sign_in = SignIn(guard)

    @router.post(
        "/login",
        response_model=None,
        responses=shows(SignedIn | CodeAsked, "signed in, or a code is asked") | refuses(WrongPassword, NotFromHere),
    )
    async def log_in(credentials: Credentials, request: Request, response: Response) -> SignedIn | CodeAsked:
        """Signs in with email and password and sets the session cookie; with two factors it asks for a code instead."""
        guard.require_same_site(request)  # or another website could sign people in as somebody else
        account = moderator_id(credentials.email)
        knock = sign_in.knock(account, request)
        await tries.require(knock, guard.clock())
        moderator = guard.directory.moderator_by_email(credentials.email)
        since = moderator.version if moderator else 0
        known_hash = moderator.password_hash if moderator else None
        right = await passwords.matches(known_hash, credentials.password)
        person = guard.directory.person(account)
        if not right or person is None:
            log.warning("sign_in.refused", account=str(account), address=knock.address)
            raise WrongPassword
        await tries.succeeded(knock, guard.clock())
        return await sign_in.begin(person, request, response, since=since)

    return router


def code_routes(guard: Guard, store: EventStore, tries: Tries, factors: SecondFactors) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])
    sign_in, decisions = SignIn(guard), Decisions(guard, store)

    @router.post("/login/code", responses=shows(SignedIn, "signed in") | refuses(WrongCode, NotFromHere))
    async def log_in_with_code(proof: CodeProof, request: Request, response: Response) -> SignedIn:
        """The second step: six digits of the app, or a recovery code. Each counts once."""
        guard.require_same_site(request)
        challenge = guard.signer.read_challenge(proof.challenge, guard.clock())
        knock = sign_in.knock(challenge.person, request, "code")
        await tries.require(knock, guard.clock())

        def decision(myself: Moderator) -> None:
            if not myself.holds(CHALLENGED, challenge.since):
                raise NotAuthentic
            factors.prove(myself, proof)

        person = guard.directory.person(challenge.person)
        if person is None:
            raise NotAuthentic
        try:
            await decisions.decide(person, Moderator, person.id, decision)
        except (WrongCode, TwoFactorIsOff):
            log.warning("sign_in.code_refused", account=str(person.id), address=knock.address)
            raise WrongCode from None
        await tries.succeeded(knock, guard.clock())
        return await sign_in.finish(person, challenge.since, request, response)

    return router
