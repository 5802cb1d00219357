"""`/api/invitations/{token}`: somebody sets their password by a link that an admin handed them. Nobody is signed in."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from pulse.aggregates.moderator import NotAnInvitation
from pulse.desk.answers import WRITTEN, Shown, done, refuses
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard, NotFromHere
from pulse.errors import NotAuthentic
from pulse.limits import Rate, network_of
from pulse.passwords import LONGEST, SHORTEST, require_uncommon
from pulse.people import People
from pulse.tokens import INVITATION_LIFE, Invitation

TOKEN_LIMIT = 1000


class Chosen(Body):
    password: Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST, examples=["a long sentence of yours"])]


class InvitationRow(Shown):
    """Whoever has the token sets the password, once: hand it over as you would a password."""

    token: Annotated[str, Field(examples=["v1.eyJtb2RlcmF0b3IiOi4uLn0.5f0c"])]
    address: Annotated[str, Field(examples=["/api/invitations/v1.eyJtb2RlcmF0b3IiOi4uLn0.5f0c"])]
    expires_at: Annotated[datetime, Field(examples=["2026-11-28T09:30:00Z"])]


def invitation_routes(guard: Guard, people: People) -> APIRouter:
    router = APIRouter(prefix="/api/invitations", tags=["sign in"])
    rate = Rate(per_second=0.2, burst=20)
    Token = Annotated[str, Path(max_length=TOKEN_LIMIT)]

    @router.post("/{token}", responses=refuses(NotAnInvitation, NotFromHere) | {200: WRITTEN})
    async def accept_invitation(token: Token, chosen: Chosen, request: Request) -> Response:
        """Sets the password and ends every session of that person; then they sign in as usual. A token counts once, for
        a week, until there is a newer one: else 401 `not-an-invitation`."""
        guard.require_same_site(request)
        rate.require(network_of(request.client.host if request.client else ""))
        says = _read(guard, token)
        await people.require_link(says.moderator, says.link)
        require_uncommon(chosen.password, guard.directory.name_of(says.moderator))
        decided = await people.accept(says.moderator, says.link, chosen.password)
        await guard.learn(decided.position)
        return done(decided)

    return router


def made_invitation(guard: Guard, moderator: UUID, link: int) -> dict[str, Any]:
    """As its maker sees it, this once."""
    now = guard.clock()
    token = guard.signer.invitation(Invitation(moderator, link, int(now.timestamp())))
    return {"token": token, "address": f"/api/invitations/{token}", "expires_at": now + INVITATION_LIFE}


def _read(guard: Guard, token: str) -> Invitation:
    """Raises NotAnInvitation, the same for a forged one as for an old one."""
    try:
        return guard.signer.read_invitation(token, guard.clock())
    except NotAuthentic:
        raise NotAnInvitation from None
