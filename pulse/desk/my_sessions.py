"""`/api/settings/sessions`: where one is signed in, and ending it. The log tells every process and socket at once."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.desk.answers import WRITTEN, Listed, done, shows, whole
from pulse.desk.guard import Caller, Guard
from pulse.desk.session_desk import SessionDesk, SessionRow
from pulse.desk.sign_in import SignIn


def my_session_routes(guard: Guard, desk: SessionDesk, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/api/settings/sessions", tags=["settings"])
    Asking = Annotated[Caller, Depends(guard.caller)]

    @router.get("", responses=shows(Listed[SessionRow]))
    async def list_my_sessions(caller: Asking) -> Response:
        """Where you are signed in, the last seen first."""
        return whole(await desk.rows(caller.person.id, caller))

    @router.delete("/{session_id}", responses={200: WRITTEN})
    async def end_my_session(session_id: UUID, caller: Asking) -> Response:
        """Ends one: its cookie, its tokens and its sockets, within a second."""
        return done(await desk.end_one(caller.person, caller.person.id, session_id))

    @router.delete("", responses={200: WRITTEN})
    async def end_my_sessions(
        caller: Asking, others: Annotated[bool, Query(description="keep the one that asks")] = False
    ) -> Response:
        """Ends all of them, or all others."""
        keeping = caller.session.id if others else None
        response = done(await desk.end_sessions(caller.person, caller.person.id, keeping))
        if not others:
            sign_in.forget_session(response)
        return response

    return router
