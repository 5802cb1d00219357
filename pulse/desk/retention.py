"""`/api/retention`: for how long files are kept, for admins. The deliver role applies it once a day."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.retention import LONGEST_DAYS, MOST_SOURCES, RETENTION, Limits, Retention, SourceDays
from pulse.clearing import last_clearing
from pulse.desk.answers import WRITTEN, Shown, done, refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.http import answer

A_SOURCE = "a15f91a9-46f6-5fc1-a3ae-b4c6c8398268"

Days = Annotated[int | None, Field(ge=1, le=LONGEST_DAYS, examples=[365])]


class SourceLimit(Body):
    """A source's own number of days; null keeps its files for good."""

    source: Annotated[UUID, Field(examples=[A_SOURCE])]
    days: Days


class NewLimits(Body):
    """`days` is for every source that is not in `sources`; null keeps files for good."""

    days: Days
    sources: Annotated[tuple[SourceLimit, ...], Field(max_length=MOST_SOURCES)] = ()


class SourceLimitShown(Shown):
    source: Annotated[UUID, Field(examples=[A_SOURCE])]
    days: Days


class Cleared(Shown):
    """How many blobs there were, how many of them nothing named any more and were removed (`size` bytes), and how many
    files had been kept for their time.
    """

    began_at: Annotated[datetime, Field(examples=["2026-11-21T03:00:00Z"])]
    ended_at: Annotated[datetime, Field(examples=["2026-11-21T03:00:42Z"])]
    blobs: Annotated[int, Field(examples=[5120])]
    unnamed: Annotated[int, Field(examples=[17])]
    size: Annotated[int, Field(examples=[2097152])]
    expired: Annotated[int, Field(examples=[12])]
    removed: Annotated[int, Field(examples=[17])]


class LimitsShown(Shown):
    """As in `PUT`, and when files were last removed; null where nobody knows."""

    days: Days
    sources: list[SourceLimitShown]
    last: Cleared | None


def retention_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/retention", tags=["retention"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(LimitsShown))
    async def show_retention(_: Admin) -> Response:
        """For how many days files are kept, everywhere and on single sources; and what was last removed."""
        limits, last = guard.directory.retention(), await last_clearing(Notes(store.log))
        return answer({"days": limits.days, "sources": list(limits.sources), "last": last})

    @router.put("", responses=refuses(NotFound) | {200: WRITTEN})
    async def change_retention(wanted: NewLimits, person: Admin) -> Response:
        """Replaces all limits. Nothing is removed by this: the next daily round does it."""
        for one in wanted.sources:
            guard.directory.source(one.source)
        limits = Limits(wanted.days, tuple(SourceDays(one.source, one.days) for one in wanted.sources))

        def decision(known: Retention | None) -> Retention:
            retention = known or Retention.begin(now=guard.clock())
            retention.change(limits, now=guard.clock())
            return retention

        decided = await store.decide(Retention, RETENTION, decision, by=by_moderator(person.id))
        await guard.learn(decided.position)
        return done(decided)

    return router
