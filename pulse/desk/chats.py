"""`/api/chats`: the list, and a row of it, out of the read models."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, reach_of
from pulse.desk.answers import paged, refuses, shows
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_query import ChatQuery
from pulse.desk.chat_rows import ChatList
from pulse.desk.guard import Guard
from pulse.desk.saved_views import view_of
from pulse.errors import NotFound
from pulse.http import answer
from pulse.projections import chat_list, counters
from pulse.projections.reads import Reads
from pulse.shapes.chats import ChatRow


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

    return router
