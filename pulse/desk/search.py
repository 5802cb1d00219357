"""`/api/search`: anything that was said, and the chats it was said in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from pulse.access import Person, reach_of
from pulse.desk.answers import Listed, Shown, shows
from pulse.desk.bodies import WITHOUT_NUL
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard, OwnWrite
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections import searching
from pulse.projections.reads import Reads, as_position
from pulse.projections.searching import Filters
from pulse.shapes.entries import Sender

A_SECOND, AT_ONCE = 5.0, 30

Words = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=WITHOUT_NUL, examples=["order"], description="words, a phone or an id"),
]


class Part(Shown):
    """A piece of a snippet; the pieces joined are the text as it was written."""

    text: Annotated[str, Field(examples=["my order"])]
    hit: Annotated[bool, Field(examples=[True])]


class Hit(Shown):
    """A message, reply or note that was found, or a chat by its names, phone or ids: then `message_id` is null."""

    chat_id: Annotated[UUID, Field(examples=["82f07ad4-49c3-56f2-b5b6-8475e93b86e2"])]
    chat_name: Annotated[str, Field(examples=["Vera"])]
    channel: Annotated[str, Field(examples=["telegram"])]
    message_id: Annotated[int | None, Field(examples=[2])]
    kind: Annotated[Literal["message", "reply", "note", "chat"], Field(examples=["message"])]
    sender_type: Annotated[Literal["customer", "moderator", "outside"], Field(examples=["customer"])]
    sender: Sender
    created_at: Annotated[datetime, Field(examples=["2026-11-21T09:30:00Z"])]
    snippet: list[Part]


class Hits(Listed[Hit]):
    """`partial`: time was over before everything was looked through; the next page goes on from there."""

    partial: Annotated[bool, Field(examples=[False])]


class Wanted(BaseModel):
    """What is searched for, and what else must hold. Without filters, every chat that you may see is searched."""

    model_config = ConfigDict(extra="forbid")

    q: Words
    chat: UUID | None = None
    customer: UUID | None = None
    channel: Annotated[str | None, Field(min_length=1, max_length=50, pattern=WITHOUT_NUL)] = None
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None

    @property
    def filters(self) -> Filters:
        return Filters(self.chat, self.customer, self.channel, self.since, self.until)


def search_routes(guard: Guard, desk: ChatDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/search", tags=["search"])
    rate = Rate(A_SECOND, AT_ONCE)

    @router.get("", responses=shows(Hits))
    async def search_messages(
        wanted: Annotated[Wanted, Query()], person: Annotated[Person, Depends(guard.reader)],
        written: OwnWrite = None,
    ) -> Response:  # fmt: skip
        """What was said in chats you may see, and those chats themselves, the newest first.

        Every word must be there, in any form; the last one may be only begun. Phones are found however they are written.
        """
        rate.require(person.id)
        await searching.wait_for(reads, as_position(written))
        found = await searching.find(
            reads, wanted.q, wanted.filters, reach_of(person), limit=wanted.limit, cursor=wanted.cursor
        )
        return answer({**found.body(), "items": [desk.with_sender(hit) for hit in found.page.items]})

    return router
