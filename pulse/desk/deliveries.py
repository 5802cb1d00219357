"""`/api/deliveries`: the webhook log, for admins."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import AfterValidator, AwareDatetime

from pulse.channels.table import CHANNELS
from pulse.desk.answers import Listed, shows
from pulse.desk.bodies import Cursor, Limit
from pulse.desk.delivery_rows import DeliveryRow, DeliveryShown, RejectionRow
from pulse.desk.guard import Guard
from pulse.desk.process_again import Again
from pulse.errors import there
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.projections import deliveries, rejections
from pulse.projections.deliveries import Wanted
from pulse.projections.reads import LAST_POSITION, Reads

Outcome = Literal[
    "taken", "processed", "unhandled", "quarantined", "repeated", "live", "confirmed", "blocked", "refused"
]


def known_channel(name: str | None) -> str | None:
    """Raises ValueError, which names the field."""
    if name is not None and name not in CHANNELS:
        raise ValueError(f"Channels are: {', '.join(CHANNELS)}.")
    return name


def delivery_routes(guard: Guard, reads: Reads, store: EventStore, again: Again) -> APIRouter:
    router = APIRouter(prefix="/api/deliveries", tags=["deliveries"])

    @router.get("", dependencies=[Depends(guard.reading_admin)], responses=shows(Listed[DeliveryRow | RejectionRow]))
    async def list_deliveries(
        limit: Limit = 50,
        cursor: Cursor = None,
        source: UUID | None = None,
        channel: Annotated[str | None, AfterValidator(known_channel)] = None,
        outcome: Outcome | None = None,
        since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
        until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    ) -> Response:
        """What providers sent, newest first, with the raw body and what became of it: each delivery that left an event.

        `outcome` is taken, processed (taken in when it was read again), unhandled or quarantined; `from` a time, `to`
        one that is no more in it. What left no event is kept as a sample, the newest thousand and the first two
        kilobytes of each, and shown when asked for: repeated, live, confirmed, blocked or refused.
        """
        wanted = Wanted(guard.directory.sources_on(channel, source), outcome, since, until)
        if outcome is not None and outcome in rejections.OUTCOMES:
            page = await rejections.page(reads, wanted, limit=limit, cursor=cursor)
        else:
            page = await deliveries.page(reads, store.log, wanted, limit=limit, cursor=cursor)
        return answer(page.body())

    @router.get("/{delivery_id}", dependencies=[Depends(guard.reading_admin)], responses=shows(DeliveryShown))
    async def show_delivery(delivery_id: Annotated[int, Path(ge=1, le=LAST_POSITION)]) -> Response:
        """One delivery: its whole raw body, the events it became, and each time that reading it again came to something.

        Headers are never kept: they hold proofs.
        """
        found = there(await deliveries.one(reads, store.log, delivery_id))
        return answer(found | (await again.raw(delivery_id) if found["raw"] is not None else {}))

    return router
