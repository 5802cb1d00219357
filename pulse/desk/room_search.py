"""`/api/search/rooms`: what moderators said to each other."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from pulse.access import Person
from pulse.desk.answers import Listed, Shown, paged, refuses, shows
from pulse.desk.guard import Guard, OwnWrite
from pulse.desk.room_desk import RoomDesk
from pulse.desk.search import A_SECOND, AT_ONCE, Part, Words
from pulse.errors import NotFound
from pulse.limits import Rate
from pulse.projections import room_words, searching
from pulse.projections.reads import as_position
from pulse.shapes.chats import Named
from pulse.shapes.rooms import ROOM


class RoomHit(Shown):
    """What was said in a room; `with` is who a direct one is with."""

    room_id: Annotated[UUID, Field(examples=[ROOM])]
    kind: Annotated[Literal["general", "direct"], Field(examples=["general"])]
    with_: Annotated[Named | None, Field(alias="with", examples=[None])]
    message_id: Annotated[int, Field(examples=[12])]
    sender: Named
    created_at: Annotated[datetime, Field(examples=["2026-11-21T09:30:00Z"])]
    snippet: list[Part]


class WantedInRooms(BaseModel):
    """What is searched for, everywhere or in one room."""

    model_config = ConfigDict(extra="forbid")

    q: Words
    room: Annotated[UUID | None, Field(description="the id of one of your rooms")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None


def room_search_routes(guard: Guard, desk: RoomDesk) -> APIRouter:
    router = APIRouter(prefix="/api/search", tags=["search"])
    rate = Rate(A_SECOND, AT_ONCE)

    @router.get("/rooms", responses=shows(Listed[RoomHit]) | refuses(NotFound))
    async def search_rooms(
        wanted: Annotated[WantedInRooms, Query()], person: Annotated[Person, Depends(guard.reader)],
        written: OwnWrite = None,
    ) -> Response:  # fmt: skip
        """What moderators said in the general room and in your direct ones, the newest first."""
        rate.require(person.id)
        if wanted.room is not None:
            await desk.seen_by(person, wanted.room)
        await searching.wait_for(desk.reads, as_position(written))
        page = await room_words.find(
            desk.reads,
            wanted.q,
            person.id,
            guard.directory.name_of,
            room=wanted.room,
            limit=wanted.limit,
            cursor=wanted.cursor,
        )
        return paged(page, page.items)

    return router
