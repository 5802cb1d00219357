"""`/api/chats`: the list and the threads, out of the read models."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, reach_of
from pulse.desk.answers import Listed, paged, refuses, shows
from pulse.desk.bodies import Limit
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_query import ChatQuery
from pulse.desk.chat_rows import ChatList, ChatRow, EntryRow
from pulse.desk.guard import Guard
from pulse.desk.saved_views import view_of
from pulse.errors import BadInput, NotFound
from pulse.http import answer
from pulse.projections import chat_list, counters, thread
from pulse.projections.reads import Reads

Bound = Annotated[int | None, Query(ge=0, le=thread.END, examples=[7])]
Around = Annotated[
    int | None, Query(ge=0, le=thread.END, examples=[7], description="this entry, and what stands around it")
]


def chat_routes(guard: Guard, desk: ChatDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])
    Reading = Annotated[Person, Depends(guard.reader)]

    @router.get("", responses=shows(ChatList) | refuses(NotFound))
    async def list_chats(person: Reading, asked: Annotated[ChatQuery, Query()]) -> Response:
        """Chats you may see, by view, filters and order, and how many there are in each view.

        A cursor belongs to its list: with other filters or another order it is refused. So is a filter that a `saved`
        view has with another value; others narrow the view. 404 for another's view.
        """
        saved = await view_of(desk.store, person, asked.saved) if asked.saved else {}
        reach, filters = reach_of(person), asked.within(saved).filters(guard.directory)
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

    @router.get("/{chat_id}/messages", responses=shows(Listed[EntryRow]))
    async def list_messages(
        chat_id: UUID, person: Reading, limit: Limit = 50, beforeId: Bound = None, afterId: Bound = None,
        aroundId: Around = None,
    ) -> Response:  # fmt: skip
        """The thread, oldest first; the newest page unless `beforeId`, `afterId` or `aroundId` asks for another.

        `next` is the `afterId` of the page after this one, `prev` the `beforeId` of the one before.
        """
        if [beforeId, afterId, aroundId].count(None) < 2:
            raise BadInput("Ask for one of `beforeId`, `afterId` and `aroundId`.")
        await desk.seen_by(person, chat_id)
        if aroundId is not None:
            page = await thread.around(reads, chat_id, aroundId, limit=limit, inside=True)
        else:
            page = await thread.page(reads, chat_id, limit=limit, before=beforeId, after=afterId, inside=True)
        return paged(page, [desk.with_sender(entry) for entry in page.items])

    return router
