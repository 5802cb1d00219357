"""`/api/me`: what a moderator says of themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from pulse.access import Person
from pulse.aggregates.moderator import Moderator
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard


class Away(Body):
    away: bool


def me_routes(guard: Guard, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api/me", tags=["sign in"])

    @router.post("/away", responses={200: WRITTEN})
    async def be_away(wanted: Away, person: Annotated[Person, Depends(guard.person)]) -> Response:
        """Away: a policy gives you no chats until you are back. Those you hold stay yours."""

        def decision(myself: Moderator) -> None:
            (myself.go_away if wanted.away else myself.come_back)(now=guard.clock())

        return done(await decisions.decide(person, Moderator, person.id, decision))

    return router
