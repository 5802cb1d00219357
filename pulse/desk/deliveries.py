"""`/api/deliveries`: the webhook log, for admins."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, may_manage
from pulse.desk.guard import Guard
from pulse.errors import NotAllowed
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.projections import deliveries, rejections
from pulse.projections.reads import Reads

Outcome = Literal["taken", "unhandled", "quarantined", "repeated", "live", "confirmed", "blocked", "refused"]


class AdminsOnly(NotAllowed):
    """Only admins may see this."""


def delivery_routes(guard: Guard, reads: Reads, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/deliveries", tags=["deliveries"])

    @router.get("")
    async def list_deliveries(
        person: Annotated[Person, Depends(guard.reader)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query()] = None,
        source: UUID | None = None,
        outcome: Outcome | None = None,
    ) -> Response:
        """What providers sent, newest first, with the raw body and what became of it: each delivery that left an event.

        `outcome` is taken, unhandled or quarantined. What left no event is kept as a sample, the newest thousand and
        the first two kilobytes of each, and shown when asked for: repeated, live, confirmed, blocked or refused.
        """
        if not may_manage(person):
            raise AdminsOnly
        if outcome is not None and outcome in rejections.OUTCOMES:
            page = await rejections.page(reads, source=source, outcome=outcome, limit=limit, cursor=cursor)
        else:
            page = await deliveries.page(reads, store.log, source=source, outcome=outcome, limit=limit, cursor=cursor)
        return answer(page.body())

    return router
