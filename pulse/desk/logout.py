"""`/api/users/me` and `/api/users/logout`: the session one has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from pulse.aggregates.moderator import Moderator
from pulse.desk.answers import shows
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.desk.sign_in import SignedIn, SignIn
from pulse.errors import NotAuthentic
from pulse.eventlog.store import EventStore


def logout_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])
    sign_in, decisions = SignIn(guard, store), Decisions(guard, store)
    Asking = Annotated[Caller, Depends(guard.caller)]

    @router.get("/me", responses=shows(SignedIn))
    async def show_me(caller: Asking) -> SignedIn:
        """Who is signed in, and a fresh token."""
        # A token could renew itself for ever; only the row says that the session is over by its age.
        if await guard.sessions.of_id(caller.session.id, now=guard.clock()) is None:
            raise NotAuthentic("Sign in first.")
        return sign_in.answer(caller)

    @router.post("/logout", status_code=204, response_description="signed out")
    async def log_out(caller: Asking) -> Response:
        """Ends this session, its tokens and its sockets."""
        person, session = caller.person, caller.session.id

        def decision(myself: Moderator) -> None:
            myself.end_session(session, now=guard.clock())

        await decisions.decide(person, Moderator, person.id, decision)
        await guard.sessions.end_one(person.id, session)
        response = Response(status_code=204)
        sign_in.forget_session(response)
        return response

    return router
