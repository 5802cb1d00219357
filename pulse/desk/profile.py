"""`/api/settings/profile` and `/api/settings/password`: what people set about themselves."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.moderator import NAME_LIMIT, Moderator
from pulse.desk.answers import WRITTEN, Shown, done, shows
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.desk.own_password import OwnPassword
from pulse.http import answer
from pulse.passwords import LONGEST

Locale = Annotated[Literal["ru", "en"], Field(examples=["ru"])]


class Profile(Shown):
    """`locale` is the language that Pulse speaks to you; null until you choose, then it is what your browser asks for."""

    id: Annotated[UUID, Field(examples=["76b3650b-e037-5e26-acd4-70d922a03793"])]
    email: Annotated[str, Field(examples=["anna@pulse.example"])]
    name: Annotated[str, Field(examples=["Anna"])]
    locale: Locale | None


class ProfileChange(Body):
    """What is left out stays as it is."""

    name: Annotated[str | None, Field(min_length=1, max_length=NAME_LIMIT, pattern=WITHOUT_NUL, examples=["Anna"])] = (
        None
    )
    locale: Locale | None = None


class NewPassword(Body):
    """Any characters, 8 to 1,024 of them; one that others would guess soon is refused."""

    old: Annotated[str, Field(max_length=LONGEST, examples=["password"])]
    new: Annotated[str, Field(max_length=LONGEST, examples=["a long walk to the sea"])]


def profile_routes(guard: Guard, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api/settings/profile", tags=["settings"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.get("", responses=shows(Profile))
    async def show_profile(person: Asking) -> Response:
        """Yours. The email is your account; an admin makes another one."""
        myself = guard.directory.require_moderator(person.id)
        return answer({"id": myself.id, "email": myself.email, "name": myself.name, "locale": myself.locale or None})

    @router.patch("", responses={200: WRITTEN})
    async def change_profile(wanted: ProfileChange, person: Asking) -> Response:
        """Changes what is given."""

        def decision(myself: Moderator) -> None:
            myself.change_profile(name=wanted.name, locale=wanted.locale, now=guard.clock())

        return done(await decisions.decide(person, Moderator, person.id, decision))

    return router


def password_routes(guard: Guard, decisions: Decisions, own_password: OwnPassword) -> APIRouter:
    router = APIRouter(prefix="/api/settings/password", tags=["settings"])

    @router.post("", responses={200: WRITTEN})
    async def change_password(
        wanted: NewPassword, caller: Annotated[Caller, Depends(guard.caller)], request: Request
    ) -> Response:
        """Sets a new password and ends your other sessions; this one stays."""
        await own_password.require(caller, wanted.old, request)
        myself = guard.directory.moderator(caller.person.id)
        known = (myself.email, myself.name) if myself else ()
        hashed = await own_password.passwords.hash_new(wanted.new, *known)

        def decision(myself: Moderator) -> None:
            myself.change_password(hashed, keeping=caller.session.id, now=guard.clock())

        decided = await decisions.decide(caller.person, Moderator, caller.person.id, decision)
        await guard.sessions.end_others(caller.person.id, caller.session.id)
        return done(decided)

    return router
