"""`/api/chats`: the list, and a row of it, out of the read models."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, reach_of
from pulse.aggregates.chat_work import clean_tag
from pulse.desk.answers import paged, shows
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_rows import ChatList, ChatRow
from pulse.desk.guard import Guard
from pulse.directory import Directory
from pulse.http import answer
from pulse.projections import chat_list, counters
from pulse.projections.chat_filters import CALLED_LENGTH, Filters
from pulse.projections.reads import Reads


class ChatQuery(Body):
    """Which chats, and in which order. `unread` asks for what you have not seen yourself; the view, what nobody has."""

    view: Annotated[
        Literal["all", "mine", "unassigned", "unread", "waiting", "open", "snoozed", "closed"],
        Field(description="everything else narrows it; `unassigned`: nobody has it; `waiting`: for an answer"),
    ] = "all"
    sort: Annotated[
        Literal["newest", "oldest", "waiting", "priority"] | None,
        Field(description="`waiting`: who waits longest; `newest`: the newest word, unless the view is `waiting`"),
    ] = None
    status: Literal["open", "snoozed", "closed"] | None = None
    department: UUID | None = None
    source: UUID | None = None
    channel: Annotated[str | None, Field(max_length=40, pattern=WITHOUT_NUL)] = None
    holder: Annotated[UUID | None, Field(description="the id of who has it")] = None
    customer: UUID | None = None
    tag: Annotated[str | None, Field(max_length=100, pattern=WITHOUT_NUL, description="one that it has")] = None
    priority: Annotated[
        Literal["low", "normal", "high", "urgent"] | None, Field(description="just this one, not those above")
    ] = None
    unread: Annotated[bool, Field(description="only what you have not seen")] = False
    text: Annotated[
        str | None,
        Field(
            min_length=1, max_length=CALLED_LENGTH, pattern=WITHOUT_NUL, description="name, peer or last word begin so"
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None

    def filters(self, directory: Directory) -> Filters:
        """Raises BadInput."""
        return Filters(
            self.view, self.sort or ("waiting" if self.view == "waiting" else "newest"), self.status, self.department,
            self._sources(directory), self.holder, self.customer, clean_tag(self.tag) if self.tag is not None else None,
            self.priority, self.unread, self.text,
        )  # fmt: skip

    def _sources(self, directory: Directory) -> tuple[UUID, ...] | None:
        """A channel is its sources."""
        if self.channel is None:
            return None if self.source is None else (self.source,)
        sources = (source.id for source in directory.sources() if source.channel == self.channel)
        return tuple(sorted(source for source in sources if self.source in (None, source)))


def chat_routes(guard: Guard, desk: ChatDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])
    Reading = Annotated[Person, Depends(guard.reader)]

    @router.get("", responses=shows(ChatList))
    async def list_chats(person: Reading, asked: Annotated[ChatQuery, Query()]) -> Response:
        """Chats you may see, by view, filters and order, and how many there are in each view.

        A cursor belongs to its list: with other filters or another order it is refused.
        """
        reach, filters = reach_of(person), asked.filters(guard.directory)
        page, views = await asyncio.gather(
            chat_list.page(reads, reach, filters, limit=asked.limit, cursor=asked.cursor),
            counters.of_views(reads, reach),
        )
        items = [desk.with_names(chat) for chat in page.items]
        return paged(page, items, partial=page.partial, counters=views)

    @router.get("/{chat_id}", responses=shows(ChatRow))
    async def show_chat(chat_id: UUID, person: Reading) -> Response:
        """One chat as it stands in the list; its version is the `ETag`, for `If-Match` of a reply."""
        row = await desk.seen_by(person, chat_id)
        return answer(desk.with_names(row), headers={"ETag": f'"{row["version"]}"'})

    return router
