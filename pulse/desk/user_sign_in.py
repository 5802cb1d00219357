"""How somebody signs in, for admins: `/api/users/{id}/sessions` and `/2fa`. Nothing secret of theirs is shown."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from pulse.access import Person, by_moderator, may_reset_two_factor
from pulse.desk.answers import WRITTEN, Listed, done, shows, whole
from pulse.desk.guard import Caller, Guard
from pulse.desk.session_desk import SessionDesk, SessionRow
from pulse.errors import NotAllowed
from pulse.people import People


class YourOwnFactor(NotAllowed):
    """You switch your own second factor off in the settings, with a code. An admin resets the others'."""


def user_sign_in_routes(guard: Guard, people: People, desk: SessionDesk) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["users"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("/{user_id}/sessions", responses=shows(Listed[SessionRow]))
    async def list_user_sessions(user_id: UUID, caller: Annotated[Caller, Depends(guard.admin_caller)]) -> Response:
        """Where somebody is signed in, the last seen first."""
        return whole(await desk.rows(user_id, caller))

    @router.delete("/{user_id}/sessions/{session_id}", responses={200: WRITTEN})
    async def end_user_session(user_id: UUID, session_id: UUID, person: Admin) -> Response:
        """Ends one of somebody's: its cookie, its tokens and its sockets, within a second."""
        return done(await desk.end_one(person, user_id, session_id))

    @router.delete("/{user_id}/sessions", responses={200: WRITTEN})
    async def end_user_sessions(user_id: UUID, person: Admin) -> Response:
        """Ends all of somebody's. They may sign in again: whose password is known to others gets a new one instead."""
        return done(await desk.end_sessions(person, user_id))

    @router.delete("/{user_id}/2fa", responses={200: WRITTEN})
    async def reset_two_factor(user_id: UUID, person: Admin) -> Response:
        """For whoever lost the phone and the recovery codes; make sure who asks. The password alone is enough again,
        their sessions end, and they are told in their notifications. Your own: 403 `your-own-factor`."""
        if not may_reset_two_factor(person, user_id):
            raise YourOwnFactor
        return await guard.done(await people.reset_two_factor(user_id, by=by_moderator(person.id)))

    return router
