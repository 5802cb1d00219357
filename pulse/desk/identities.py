"""`/api/settings/identities`: the accounts at Telegram and VK that somebody signs in with."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.identity import Identity
from pulse.desk.answers import WRITTEN, Listed, Shown, done, refuses, shows, whole
from pulse.desk.flows import Flows
from pulse.desk.guard import Caller, Guard
from pulse.desk.html import own_path
from pulse.desk.own_password import SignInAgain, require_fresh
from pulse.desk.ways import PROFILE, Method, Next, whose
from pulse.errors import NotAuthentic
from pulse.http import answer
from pulse.linking import Linking


class IdentityRow(Shown):
    """`id` is the provider's number for you; `name` what it calls you, empty if an admin linked it beforehand."""

    provider: Annotated[str, Field(examples=["telegram"])]
    id: Annotated[str, Field(examples=["5230011842"])]
    name: Annotated[str, Field(examples=["Anna Kedrova"])]


class Departure(Shown):
    """Where the browser has to go now, within ten minutes."""

    address: Annotated[str, Field(examples=["https://id.vk.ru/authorize?response_type=code&client_id=53000000"])]


def identity_routes(guard: Guard, flows: Flows, linking: Linking) -> APIRouter:
    router = APIRouter(prefix="/api/settings/identities", tags=["settings"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.get("", responses=shows(Listed[IdentityRow]))
    async def list_my_identities(person: Asking) -> Response:
        """What you can sign in with beside your password."""
        rows = [shown(identity) for identity in guard.directory.identities_of(person.id)]
        return whole(sorted(rows, key=lambda row: (row["provider"], row["id"])))

    @router.post("/{provider}", responses=shows(Departure, "go there") | refuses(SignInAgain))
    async def begin_identity_link(
        provider: str, request: Request, person: Asking, method: Method = "", goes_to: Next = PROFILE
    ) -> Response:
        """Begins to link an account at `telegram` or `vk`; the callback ends it. Needs the session cookie of a sign-in
        that is no older than a quarter of an hour, and that the session is still alive when you come back.
        """
        flows.require_rate(request)
        session = request.cookies.get(guard.cookie, "")
        owner = await whose(guard, session)  # a token of five minutes is not enough to open another door
        if owner.person.id != person.id:
            raise NotAuthentic("Sign in first.")
        require_fresh(owner.session, guard.clock())
        flow = flows.begin(flows.ways.find(provider, method), goes_to=own_path(goes_to, PROFILE), session=session)
        response = answer({"address": flows.address(flow)}, headers={"Cache-Control": "no-store"})
        flows.keep(flow, response)
        return response

    @router.delete("/{provider}", responses=refuses(SignInAgain) | {200: WRITTEN})
    async def unlink_identity(provider: str, caller: Annotated[Caller, Depends(guard.caller)]) -> Response:
        """From now on nobody signs in with your account there; 404 if you have none. Needs a sign-in as young."""
        require_fresh(caller.session, guard.clock())
        person = caller.person
        mine = [identity.id for identity in guard.directory.identities_of(person.id) if identity.provider == provider]
        decided = await linking.unlink(person.id, mine, by=by_moderator(person.id))
        await guard.learn(decided.position)
        return done(decided)

    return router


def shown(identity: Identity) -> dict[str, str]:
    return {"provider": identity.provider, "id": identity.external_id, "name": identity.name}
