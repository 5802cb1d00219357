"""`/api/invitations/{token}`: somebody sets their password by a link that an admin handed them. Nobody is signed in."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from pulse.aggregates.moderator import Moderator, NotAnInvitation
from pulse.desk.answers import WRITTEN, Shown, done, refuses
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard, NotFromHere
from pulse.errors import NotAuthentic
from pulse.eventlog.commands import Decided
from pulse.limits import Rate, network_of
from pulse.passwords import LONGEST, SHORTEST
from pulse.people import People
from pulse.tokens import Invitation, Signer

TOKEN_LIMIT = 1000
PAGE = "/invitations"

Token = Annotated[str, Path(max_length=TOKEN_LIMIT, description="as its maker was shown it")]


class Chosen(Body):
    password: Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST, examples=["a long sentence of yours"])]


class InvitationRow(Shown):
    """Whoever has the token sets the password, once: hand it over as you would a password. `url` is a page that asks
    for the password, `address` where programs post it.
    """

    token: Annotated[str, Field(examples=["v1.eyJtb2RlcmF0b3IiOi4uLn0.5f0c"])]
    address: Annotated[str, Field(examples=["/api/invitations/v1.eyJtb2RlcmF0b3IiOi4uLn0.5f0c"])]
    url: Annotated[str, Field(examples=["https://desk.shop.example/invitations/v1.eyJtb2RlcmF0b3IiOi4uLn0.5f0c"])]
    expires_at: Annotated[datetime, Field(examples=["2026-11-28T09:30:00Z"])]


class Invitations:
    """Makes the links and takes them back, for the API and for the page alike. `public_url` is where people reach us."""

    def __init__(self, guard: Guard, people: People, public_url: str) -> None:
        self.guard = guard
        self._people = people
        self._public_url = public_url
        self._rate = Rate(per_second=0.2, burst=20)

    def made(self, whose: UUID, link: int, life: timedelta) -> dict[str, Any]:
        """As its maker sees it, this once."""
        issued = int(self.guard.clock().timestamp())
        invitation = Invitation(whose, link, issued, int(life.total_seconds()))
        return shown(invitation, self.guard.signer, self._public_url)

    async def whose(self, token: str) -> Moderator:
        """Raises NotAnInvitation."""
        says = self._read(token)
        return await self._people.require_link(says.moderator, says.link)

    async def accept(self, token: str, password: str, request: Request) -> Decided:
        """Raises NotFromHere, TooOften, NotAnInvitation, NotAPassword, TooCommon."""
        self.guard.require_same_site(request)
        self._rate.require(network_of(request.client.host if request.client else ""))
        says = self._read(token)
        decided = await self._people.accept(says.moderator, says.link, password)
        await self.guard.learn(decided.position)
        return decided

    def _read(self, token: str) -> Invitation:
        """Raises NotAnInvitation, the same for a forged one as for an old one."""
        try:
            return self.guard.signer.read_invitation(token, self.guard.clock())
        except NotAuthentic:
            raise NotAnInvitation from None


def invitation_routes(invitations: Invitations) -> APIRouter:
    router = APIRouter(prefix="/api/invitations", tags=["sign in"])

    @router.post("/{token}", responses=refuses(NotAnInvitation, NotFromHere) | {200: WRITTEN})
    async def accept_invitation(token: Token, chosen: Chosen, request: Request) -> Response:
        """Sets the password and ends every session of that person; then they sign in as usual. A token counts once, for
        a week (a day, of a password that is reset), until there is a newer one: else 401 `not-an-invitation`."""
        return done(await invitations.accept(token, chosen.password, request))

    return router


def shown(invitation: Invitation, signer: Signer, public_url: str) -> dict[str, Any]:
    """With its token, and as a link to the page."""
    token = signer.invitation(invitation)
    return {
        "token": token, "address": f"/api/invitations/{token}", "url": f"{public_url}{PAGE}/{token}",
        "expires_at": invitation.expires_at,
    }  # fmt: skip
