"""`/api/sources`: the connected channel accounts and how they do, for admins; a line of each to moderators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, may_know_source
from pulse.aggregates.source import Source
from pulse.desk.answers import Listed, shows, whole
from pulse.desk.guard import Guard
from pulse.desk.source_rows import (
    MySource,
    SourceHealth,
    SourceRow,
    halt_row,
    health_row,
    my_source,
    source_row,
)
from pulse.errors import ReadsDown
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections import health
from pulse.projections.reads import Reads
from pulse.sources.providers import Providers

ASK = Query(description="1: ask its provider too, once in 30 seconds at most", examples=[False])


def source_routes(guard: Guard, reads: Reads, providers: Providers) -> APIRouter:
    router = APIRouter(prefix="/api/sources", tags=["sources"])
    Admin = Annotated[Person, Depends(guard.reading_admin)]
    asks = Rate(per_second=1, burst=30)

    @router.get("", responses=shows(Listed[SourceRow]))
    async def list_sources(_: Admin) -> Response:
        """All of them, and how each does. `halted` says why one sends nothing, and until when."""
        known = await _known(reads)
        return whole([_row(source, known, guard, providers) for source in in_order(guard.directory.sources())])

    @router.get("/mine", responses=shows(Listed[MySource]))
    async def list_my_sources(person: Annotated[Person, Depends(guard.person)]) -> Response:
        """Those of your departments; `halted` says why replies through one wait."""
        mine = [known for known in guard.directory.sources() if may_know_source(person, known.departments)]
        return whole([my_source(source) for source in in_order(mine)])

    @router.get("/{source_id}", responses=shows(SourceRow))
    async def show_source(source_id: UUID, _: Admin) -> Response:
        """One, and how it does."""
        source = guard.directory.source(source_id)
        return answer(_row(source, await _known(reads), guard, providers))

    @router.get("/{source_id}/health", responses=shows(SourceHealth))
    async def show_source_health(source_id: UUID, person: Admin, ask: Annotated[bool, ASK] = False) -> Response:
        """What came in last, what went wrong last, which replies wait; and what its provider says, if asked."""
        source = guard.directory.source(source_id)
        row = health_row(await health.of(reads, source_id), guard.clock())
        if ask:
            asks.require(person.id)
        view = await providers.view(source) if ask else None
        return answer(row | {"disabled": source.disabled, "halted": halt_row(source), "provider": view})

    return router


def in_order(sources: list[Source]) -> list[Source]:
    return sorted(sources, key=lambda source: (source.channel, source.identifier))


async def _known(reads: Reads) -> dict[UUID, dict[str, Any]] | None:
    """How they do; None while Postgres is away, when sources must be seen all the same."""
    try:
        return await health.of_all(reads)
    except ReadsDown:
        return None


def _row(
    source: Source, known: dict[UUID, dict[str, Any]] | None, guard: Guard, providers: Providers
) -> dict[str, Any]:
    now = guard.clock()
    found = None if known is None else health_row(known.get(source.id), now)
    return source_row(source, providers.address(source), now) | {"health": found}
