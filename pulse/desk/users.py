"""`/api/users`: the people, for admins: invited, changed, disabled and enabled."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.moderator import EMAIL_LIMIT, NAME_LIMIT, Moderator
from pulse.desk.answers import WRITTEN, Listed, Shown, Written, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.guard import Guard
from pulse.desk.invitations import InvitationRow, Invitations
from pulse.eventlog.commands import Decided
from pulse.http import answer
from pulse.passwords import LONGEST, SHORTEST
from pulse.people import Newcomer, People
from pulse.presence import Presence
from pulse.shapes.chats import Named
from pulse.tokens import INVITATION_LIFE, RESET_LIFE

AN_ID = "76b3650b-e037-5e26-acd4-70d922a03793"
A_DEPARTMENT = "985a3857-a778-5627-9fc2-a8d60e434c7f"
MOST_DEPARTMENTS = 200

Role = Annotated[Literal["admin", "moderator"], Field(examples=["moderator"])]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT, pattern=WITHOUT_NUL, examples=["Olga"])]
Departments = Annotated[tuple[UUID, ...], Field(max_length=MOST_DEPARTMENTS, examples=[[A_DEPARTMENT]])]


class NewUser(Body):
    """Without a `password` the answer holds an invitation: a link by which this person sets one, within a week."""

    email: Annotated[str, Field(max_length=EMAIL_LIMIT, pattern=WITHOUT_NUL, examples=["olga@pulse.example"])]
    name: Name
    role: Role = "moderator"
    departments: Departments = ()
    password: Annotated[str | None, Field(min_length=SHORTEST, max_length=LONGEST, examples=[None])] = None


class ChangedUser(Body):
    """What is given is changed, the rest stays."""

    name: Name | None = None
    role: Role | None = None
    departments: Departments | None = None


class UserRow(Shown):
    """`invited`: a link to set a password is out. `two_factor`: a code is asked for at sign-in. `last_sign_in_at` is null
    where no session of theirs is left.
    """

    id: Annotated[UUID, Field(examples=[AN_ID])]
    email: Annotated[str, Field(examples=["olga@pulse.example"])]
    name: Annotated[str, Field(examples=["Olga"])]
    role: Role
    departments: list[Named]
    disabled: Annotated[bool, Field(examples=[False])]
    away: Annotated[bool, Field(examples=[False])]
    online: Annotated[bool, Field(examples=[True])]
    invited: Annotated[bool, Field(examples=[False])]
    two_factor: Annotated[bool, Field(examples=[True])]
    last_sign_in_at: Annotated[datetime | None, Field(examples=["2026-11-21T09:30:00Z"])]


class Invited(Written):
    """`invitation` is shown this once; null when nothing was made."""

    id: Annotated[UUID, Field(examples=[AN_ID])]
    invitation: InvitationRow | None


class UserDesk:
    """What the routes share: rows, and answers."""

    def __init__(self, guard: Guard, presence: Presence, invitations: Invitations) -> None:
        self.guard = guard
        self.presence = presence
        self.invitations = invitations

    async def rows(self, people: list[Moderator]) -> list[dict[str, Any]]:
        online, signed_in = self.presence.around(), await self._signed_in(people)
        return [
            {
                "id": person.id, "email": person.email, "name": person.name, "role": person.role,
                "departments": self.departments(person.departments), "disabled": person.disabled, "away": person.away,
                "online": person.id in online, "invited": bool(person.link), "two_factor": person.two_factor,
                "last_sign_in_at": signed_in.get(person.id),
            }
            for person in people
        ]  # fmt: skip

    async def _signed_in(self, people: list[Moderator]) -> dict[UUID, datetime]:
        return await self.guard.sessions.newest([person.id for person in people])

    def departments(self, wanted: tuple[UUID, ...]) -> list[dict[str, Any]]:
        found = (self.guard.directory.department(one) for one in wanted)
        return [{"id": one.id, "name": one.name} for one in found if one]

    async def invited(self, user_id: UUID, decided: Decided, life: timedelta | None, *, status: int = 200) -> Response:
        """With the link that the decision made, and for how long it is good; None if it made none."""
        invitation = self.invitations.made(user_id, decided.version, life) if life else None
        return await self.guard.done(decided, status, id=str(user_id), invitation=invitation)


def user_routes(guard: Guard, people: People, desk: UserDesk) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["users"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[UserRow]))
    async def list_users(_: Admin) -> Response:
        """Everybody, by name, the disabled ones too. `online`: a socket of theirs is open."""
        found = sorted(guard.directory.moderators(), key=lambda person: (person.name.casefold(), person.email))
        return whole(await desk.rows(found))

    @router.post("", status_code=201, responses=shows(Invited, "invited", 201) | shows(Invited, "was there already"))
    async def invite_user(wanted: NewUser, person: Admin) -> Response:
        """Adds a person. One of that email who is there already stays as they are: 200, and no invitation."""
        guard.directory.require_departments(wanted.departments)
        newcomer = Newcomer(wanted.email, wanted.name, wanted.role, wanted.departments)
        decided = await people.invite(newcomer, password=wanted.password, by=by_moderator(person.id))
        life = INVITATION_LIFE if wanted.password is None and decided.events else None
        return await desk.invited(newcomer.id, decided, life, status=201 if decided.events else 200)

    @router.get("/{user_id}", responses=shows(UserRow))
    async def show_user(user_id: UUID, _: Admin) -> Response:
        """One person."""
        [row] = await desk.rows([guard.directory.require_moderator(user_id)])
        return answer(row)

    @router.patch("/{user_id}", responses={200: WRITTEN})
    async def change_user(user_id: UUID, wanted: ChangedUser, person: Admin) -> Response:
        """Another name, role or departments. The last active admin stays one: 409 `last-admin`."""
        known = frozenset(guard.directory.require_moderator(user_id).departments)
        guard.directory.require_departments(frozenset(wanted.departments or ()) - known)
        decided = await people.change(
            user_id, name=wanted.name, role=wanted.role, departments=wanted.departments, by=by_moderator(person.id)
        )
        return await guard.done(decided)

    return router


def account_routes(guard: Guard, people: People, desk: UserDesk) -> APIRouter:
    """What closes and opens an account."""
    router = APIRouter(prefix="/api/users", tags=["users"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("/{user_id}/disable", responses={200: WRITTEN})
    async def disable_user(user_id: UUID, person: Admin) -> Response:
        """Takes away all access at once. Open chats this person holds become free again within seconds."""
        return await guard.done(await people.disable(user_id, by=by_moderator(person.id)))

    @router.post("/{user_id}/enable", responses={200: WRITTEN})
    async def enable_user(user_id: UUID, person: Admin) -> Response:
        """Gives the access back, with the password from before."""
        return await guard.done(await people.enable(user_id, by=by_moderator(person.id)))

    @router.post("/{user_id}/reset-password", responses=shows(Invited, "made"))
    async def reset_password(user_id: UUID, person: Admin) -> Response:
        """For whoever forgot theirs: a new link to set a password, for a day, shown this once; one from before is worth
        nothing. The present password stays good until the link is used."""
        return await desk.invited(user_id, await people.make_link(user_id, by=by_moderator(person.id)), RESET_LIFE)

    return router
