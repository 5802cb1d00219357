"""`/api/deliveries/process-again`: reading stored deliveries with the drivers as they are now. For admins."""

from collections.abc import Iterable
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.desk.answers import refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.delivery_rows import Readings
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.http import answer
from pulse.projections.reads import LAST_POSITION

AT_ONCE = 100


class Again(Protocol):
    """Reads stored deliveries again: the ingest door's, handed over by the wiring."""

    async def show(self, ids: Iterable[int]) -> dict[str, Any]: ...
    async def apply(self, ids: Iterable[int], seen: str, *, by: str) -> dict[str, Any]: ...
    async def raw(self, delivery: int) -> dict[str, str | None]: ...


DeliveryId = Annotated[int, Field(ge=1, le=LAST_POSITION, examples=[1042])]


class Selection(Body):
    """Deliveries to process again. With `apply`, exactly what was shown is done: `seen` stands for it."""

    ids: Annotated[list[DeliveryId], Field(min_length=1, max_length=AT_ONCE)]
    apply: bool = False
    seen: Annotated[str, Field(max_length=AT_ONCE * 17, examples=[""])] = ""


def process_again_routes(guard: Guard, again: Again) -> APIRouter:
    router = APIRouter(prefix="/api/deliveries", tags=["deliveries"])

    @router.post("/process-again", responses=shows(Readings, "read") | refuses(NotFound))
    async def process_deliveries_again(
        selection: Selection, person: Annotated[Person, Depends(guard.admin)]
    ) -> Response:
        """Reads stored bodies again with the drivers as they are now. Shows what would come of each; does it with `apply`.

        `result` is changes, nothing or unreadable. 409 `not-as-shown` unless `seen` is from an answer that showed just
        what would happen. Asking twice does it once.
        """
        if not selection.apply:
            return answer(await again.show(selection.ids))
        applied = await again.apply(selection.ids, selection.seen, by=by_moderator(person.id))
        position = applied["position"]
        return answer(applied, headers={"X-Pulse-Position": str(position)} if position else None)

    return router
