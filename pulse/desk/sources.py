"""`/api/sources`: the connected channel accounts and whether they can send, for admins."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.source import Source
from pulse.desk.answers import WRITTEN, Listed, Shown, done, shows
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.store import EventStore
from pulse.http import answer


class Halted(Shown):
    """Why nothing is sent, and until when; without a time, until it is resumed."""

    reason: Annotated[str, Field(examples=["The provider does not know this token."])]
    until: datetime | None


class SourceRow(Shown):
    """A connected channel account, without its secrets; only which it has."""

    id: UUID
    type: Annotated[str, Field(examples=["telegram"])]
    identifier: Annotated[str, Field(examples=["pulse_demo_bot"])]
    title: Annotated[str, Field(examples=["Telegram"])]
    departments: list[UUID]
    settings: Annotated[dict[str, str], Field(examples=[{}])]
    secrets: Annotated[list[str], Field(examples=[["secret", "token"]])]
    halted: Halted | None


def source_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/sources", tags=["sources"])
    Asking = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[SourceRow]))
    async def list_sources(_: Asking) -> Response:
        """All of them. `halted` says why one sends nothing, and until when; without a time, until it is resumed."""
        found = sorted(guard.directory.sources(), key=lambda source: (source.channel, source.identifier))
        return answer({"items": [shown(source) for source in found], "next": None, "prev": None})

    @router.post("/{source_id}/resume", responses={200: WRITTEN})
    async def resume_source(source_id: UUID, person: Asking) -> Response:
        """Sends again what has waited, once whatever halted the source is mended. A new token does the same."""

        def decision(source: Source | None) -> Source:
            if source is None:
                raise NotFound
            source.resume(now=guard.clock())
            return source

        return done(await store.decide(Source, source_id, decision, by=by_moderator(person.id)))

    return router


def shown(source: Source) -> dict[str, Any]:
    """A source without its secrets; only which it has."""
    halted = None if source.halted is None else {"reason": source.halted.reason, "until": source.halted.until}
    return {
        "id": source.id, "type": source.channel, "identifier": source.identifier, "title": source.title,
        "departments": source.departments, "settings": source.settings, "secrets": sorted(source.secrets),
        "halted": halted,
    }  # fmt: skip
