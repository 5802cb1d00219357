"""`/api/chats/{id}/messages`: what was said in a chat, out of the read models."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person
from pulse.desk.answers import Listed, paged, shows
from pulse.desk.bodies import Bound, Limit
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.errors import BadInput
from pulse.projections import thread
from pulse.shapes.entries import EntryRow

Around = Annotated[
    int | None, Query(ge=0, le=thread.END, examples=[7], description="this entry, and what stands around it")
]


def thread_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])

    @router.get("/{chat_id}/messages", responses=shows(Listed[EntryRow]))
    async def list_messages(
        chat_id: UUID, person: Annotated[Person, Depends(guard.reader)], limit: Limit = 50,
        beforeId: Bound = None, afterId: Bound = None, aroundId: Around = None,
    ) -> Response:  # fmt: skip
        """The thread, oldest first; the newest page unless `beforeId`, `afterId` or `aroundId` asks for another.

        `next` is the `afterId` of the page after this one, `prev` the `beforeId` of the one before.
        """
        if [beforeId, afterId, aroundId].count(None) < 2:
            raise BadInput("Ask for one of `beforeId`, `afterId` and `aroundId`.")
        await desk.seen_by(person, chat_id)
        if aroundId is not None:
            page = await thread.around(desk.reads, chat_id, aroundId, limit=limit, inside=True)
        else:
            page = await thread.page(desk.reads, chat_id, limit=limit, before=beforeId, after=afterId, inside=True)
        return paged(page, [desk.with_sender(entry) for entry in page.items])

    return router
