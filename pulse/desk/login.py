"""`/api/users/login`: a password, then a code if the account asks for one."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import Field

from pulse.aggregates.moderator import EMAIL_LIMIT, Moderator, moderator_id
from pulse.aggregates.moderator_sign_in import TwoFactorIsOff, WrongCode
from pulse.desk.answers import refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import NotFromHere
from pulse.desk.second_factors import Proof, SecondFactors
from pulse.desk.sign_in import CodeAsked, SignedIn, SignIn
from pulse.desk.tries import Tries
from pulse.desk.used_once import UsedOnce
from pulse.errors import NotAuthentic
from pulse.passwords import LONGEST, PasswordCheck
from pulse.tokens import CHALLENGE_LIFE

# A challenge is no session yet; it ends with whatever ends all of them.
CHALLENGED = UUID(int=0)

log = structlog.get_logger(__name__)


class WrongPassword(NotAuthentic):
    """Email or password is wrong."""


class Credentials(Body):
    email: Annotated[str, Field(max_length=EMAIL_LIMIT, examples=["anna@pulse.example"])]
    password: Annotated[str, Field(max_length=LONGEST, examples=["password"])]


class CodeProof(Proof):
    """The challenge that the password was answered with, and one of the two codes."""

    challenge: Annotated[str, Field(max_length=4096, examples=["v1.e30.c2lnbmF0dXJl"])]


class Login:
    """Signing in, for the API and for the pages alike."""

    def __init__(
        self, sign_in: SignIn, decisions: Decisions, passwords: PasswordCheck, tries: Tries, factors: SecondFactors
    ) -> None:
        self.guard = sign_in.guard
        self.sign_in = sign_in
        self._decisions = decisions
        self._passwords = passwords
        self._tries = tries
        self._factors = factors
        self._used = UsedOnce(self.guard.reads)

    async def by_password(
        self, email: str, password: str, request: Request, response: Response
    ) -> SignedIn | CodeAsked:
        """Sets the cookies, or asks for a code. Raises NotFromHere, TooManyTries, WrongPassword."""
        guard = self.guard
        guard.require_same_site(request)  # or another website could sign people in as somebody else
        account = moderator_id(email)
        knock = self.sign_in.knock(account, request)
        await self._tries.require(knock, guard.clock())
        moderator = guard.directory.moderator_by_email(email)
        since = moderator.version if moderator else 0
        known_hash = moderator.password_hash if moderator else None
        right = await self._passwords.matches(known_hash, password)
        person = guard.directory.person(account)
        if not right or person is None:
            log.warning("sign_in.refused", account=str(account), address=knock.address)
            raise WrongPassword
        await self._tries.succeeded(knock, guard.clock())
        return await self.sign_in.begin(person, request, response, since=since)

    async def by_code(self, challenge: str, proof: Proof, request: Request, response: Response) -> SignedIn:
        """The second step. Raises NotFromHere, NotAuthentic, TooManyTries, WrongCode."""
        self.guard.require_same_site(request)
        asked = self.guard.signer.read_challenge(challenge, self.guard.clock())
        knock = self.sign_in.knock(asked.person, request, "code")
        await self._tries.require(knock, self.guard.clock())

        def decision(myself: Moderator) -> None:
            if not myself.holds(CHALLENGED, asked.since):
                raise NotAuthentic
            self._factors.prove(myself, proof)

        person = self.guard.directory.person(asked.person)
        if person is None:
            raise NotAuthentic
        try:
            await self._decisions.decide(person, Moderator, person.id, decision)
        except (WrongCode, TwoFactorIsOff):
            log.warning("sign_in.code_refused", account=str(person.id), address=knock.address)
            raise WrongCode from None
        await self._require_first(challenge)
        await self._tries.succeeded(knock, self.guard.clock())
        return await self.sign_in.finish(person, asked.since, request, response)

    async def _require_first(self, challenge: str) -> None:
        """A challenge signs in once. Raises NotAuthentic."""
        # Twice its life: the clock of whoever made it may differ.
        if not await self._used.take(f"challenge/{challenge}", now=self.guard.clock(), life=2 * CHALLENGE_LIFE):
            raise NotAuthentic


def login_routes(login: Login) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])

    @router.post(
        "/login", response_model=None,
        responses=shows(SignedIn | CodeAsked, "signed in, or a code is asked") | refuses(WrongPassword, NotFromHere),
    )  # fmt: skip
    async def log_in(credentials: Credentials, request: Request, response: Response) -> SignedIn | CodeAsked:
        """Signs in with email and password and sets the session cookie; with two factors it asks for a code instead."""
        return await login.by_password(credentials.email, credentials.password, request, response)

    @router.post("/login/code", responses=shows(SignedIn, "signed in") | refuses(WrongCode, NotFromHere))
    async def log_in_with_code(proof: CodeProof, request: Request, response: Response) -> SignedIn:
        """The second step: six digits of the app, or a recovery code. Each counts once."""
        return await login.by_code(proof.challenge, proof, request, response)

    return router
