"""`/api/users/me` and `/api/users/logout`: the session one has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from pulse.desk.answers import shows
from pulse.desk.guard import Caller, Guard
from pulse.desk.sign_in import SignedIn, SignIn
from pulse.errors import NotAuthentic


def logout_routes(guard: Guard, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])
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
        await sign_in.end(caller)
        response = Response(status_code=204)
        sign_in.forget_session(response)
        return response

    return router
