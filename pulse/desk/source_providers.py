"""`/api/sources/{id}/test` and `/webhook`: what a provider says of a source, and telling it our address."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.desk.answers import shows
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard
from pulse.desk.source_commands import Secrets, SourceDesk
from pulse.desk.source_rows import SourceTest, WebhookSet
from pulse.http import answer
from pulse.limits import Rate


class Trial(Body):
    """`secrets` are tried in place of the source's own, such as a token before it is saved. They are not kept."""

    secrets: Secrets = Field(default_factory=dict)


def source_provider_routes(guard: Guard, desk: SourceDesk) -> APIRouter:
    router = APIRouter(prefix="/api/sources", tags=["sources"])
    calls = Rate(per_second=0.5, burst=20)
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("/{source_id}/test", responses=shows(SourceTest, "asked"))
    async def test_source(source_id: UUID, person: Admin, trial: Trial | None = None) -> Response:
        """Asks the provider who answers to the token and where it posts to; `faults` says what is wrong."""
        calls.require(person.id)
        source = await desk.connecting.one(source_id)
        return answer(await desk.providers.test(source, (trial or Trial()).secrets))

    @router.post("/{source_id}/webhook", responses=shows(WebhookSet, "the provider knows the address"))
    async def set_source_webhook(source_id: UUID, person: Admin) -> Response:
        """Tells the provider our address (`PULSE_PUBLIC_URL`) and the webhook's secret. Nothing that waits is lost."""
        calls.require(person.id)
        decided, url = await desk.providers.set_webhook(source_id, by=by_moderator(person.id))
        return await guard.done(decided, webhook_url=url)

    return router
