"""`/api/settings/2fa`: a code of an authenticator app beside the password, and recovery codes for a lost phone."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from pulse import totp
from pulse.aggregates.moderator import Moderator
from pulse.aggregates.moderator_sign_in import WrongCode
from pulse.desk.answers import WRITTEN, Shown, Written, done, shows
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.desk.own_password import NotProven, OwnPassword
from pulse.desk.second_factors import Proof, SecondFactors
from pulse.eventlog.commands import Decided
from pulse.http import answer

Password = Annotated[str, Field(max_length=1024, examples=["password"])]
ONCE = {"Cache-Control": "no-store"}


class TwoFactorState(Shown):
    on: Annotated[bool, Field(examples=[True])]
    recovery_codes_left: Annotated[int, Field(examples=[10])]


class AppSecret(Shown):
    """What the authenticator app needs, as words, as an address, and as a picture of it. Shown once."""

    secret: Annotated[str, Field(examples=["JBSWY3DPEHPK3PXP"])]
    address: Annotated[str, Field(examples=["otpauth://totp/Pulse:anna?secret=JBSWY3DPEHPK3PXP&issuer=Pulse"])]
    qr: Annotated[str, Field(description="an SVG", examples=["<svg xmlns='http://www.w3.org/2000/svg'></svg>"])]


class RecoveryCodes(Written):
    """Ten codes, each good for one sign-in without the app. Shown once."""

    recovery_codes: Annotated[list[str], Field(examples=[["abcdef-ghijkm-npqrst-uvwxyz"]])]


class SaidPassword(Body):
    password: Password


class AppCode(Body):
    code: Annotated[str, Field(max_length=20, examples=["492039"])]


class Proven(Proof):
    """The password, and one of the two codes."""

    password: Password


class OwnTwoFactor:
    """What people decide on their own second factor, with a code."""

    def __init__(self, decisions: Decisions, own_password: OwnPassword, factors: SecondFactors) -> None:
        self.decisions = decisions
        self.own_password = own_password
        self.factors = factors

    async def begin(self, caller: Caller) -> AppSecret:
        """A new secret, sealed in the log and shown here. Raises TwoFactorIsOn."""
        secret, email = totp.new_secret(), ""

        def decision(myself: Moderator) -> None:
            nonlocal email
            email = myself.email
            self.factors.begin(myself, secret)

        await self.decisions.decide(caller.person, Moderator, caller.person.id, decision)
        address = totp.app_address(secret, email)
        return AppSecret(secret=secret, address=address, qr=totp.picture(address))

    async def prove(self, caller: Caller, request: Request, decision: Callable[[Moderator], None]) -> Decided:
        """Decides with a code. Raises NotProven, TooManyTries, and what the decision raises."""
        await self.own_password.count_code(caller, request)
        try:
            decided = await self.decisions.decide(caller.person, Moderator, caller.person.id, decision)
        except WrongCode:
            raise NotProven from None
        await self.own_password.code_was_right(caller, request)
        return decided


def two_factor_routes(guard: Guard, own: OwnTwoFactor) -> APIRouter:
    router = APIRouter(prefix="/api/settings/2fa", tags=["settings"])
    Asking = Annotated[Caller, Depends(guard.caller)]

    @router.get("", responses=shows(TwoFactorState))
    async def show_two_factor(caller: Asking) -> Response:
        """Is a code asked for when you sign in?"""
        moderator = guard.directory.moderator(caller.person.id)
        factor = moderator.second_factor if moderator else None
        on = factor is not None and factor.on
        return answer({"on": on, "recovery_codes_left": len(factor.recovery) if factor else 0})

    @router.post("", responses=shows(AppSecret, "show it to the app, then confirm"))
    async def begin_two_factor(said: SaidPassword, caller: Asking, request: Request) -> Response:
        """Makes a secret for your authenticator app. Nothing changes before a code of it is confirmed."""
        await own.own_password.require(caller, said.password, request)
        return answer((await own.begin(caller)).model_dump(), headers=ONCE)

    @router.post("/confirm", responses=shows(RecoveryCodes, "on, and on disk"))
    async def confirm_two_factor(said: AppCode, caller: Asking, request: Request) -> Response:
        """Turns it on with the app's first code, and shows the recovery codes."""
        codes = totp.new_recovery_codes()
        return _once(await own.prove(caller, request, lambda me: own.factors.turn_on(me, said.code, codes)), codes)

    return router


def two_factor_changes(guard: Guard, own: OwnTwoFactor) -> APIRouter:
    """What takes the password and a code, once it is on."""
    router = APIRouter(prefix="/api/settings/2fa", tags=["settings"])
    Asking = Annotated[Caller, Depends(guard.caller)]

    @router.post("/recovery-codes", responses=shows(RecoveryCodes, "renewed, and on disk"))
    async def renew_recovery_codes(said: Proven, caller: Asking, request: Request) -> Response:
        """Ten new ones; those before them count no more."""
        await own.own_password.require(caller, said.password, request)
        codes = totp.new_recovery_codes()
        return _once(await own.prove(caller, request, lambda me: own.factors.renew(me, said, codes)), codes)

    @router.delete("", responses={200: WRITTEN})
    async def turn_off_two_factor(said: Proven, caller: Asking, request: Request) -> Response:
        """The password alone is enough again."""
        await own.own_password.require(caller, said.password, request)
        return done(await own.prove(caller, request, lambda me: own.factors.turn_off(me, said)))

    return router


def _once(decided: Decided, codes: tuple[str, ...]) -> Response:
    response = done(decided, recovery_codes=codes)
    response.headers.update(ONCE)
    return response
