"""`/api/chats`: the list and the threads, out of the read models."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, reach_of
from pulse.desk.answers import Listed, shows
from pulse.desk.bodies import Limit
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_rows import ChatRow, EntryRow
from pulse.desk.guard import Guard
from pulse.http import answer
from pulse.projections import inbox, thread
from pulse.projections.reads import Reads


def chat_routes(guard: Guard, desk: ChatDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])
    Reading = Annotated[Person, Depends(guard.reader)]

    @router.get("", responses=shows(Listed[ChatRow]))
    async def list_chats(person: Reading, limit: Limit = 50, cursor: Annotated[str | None, Query()] = None) -> Response:
        """Chats you may see, the one with the newest word first. `unread` is what you have not seen yourself."""
        page = await inbox.page(reads, **reach_of(person), limit=limit, cursor=cursor)
        return answer({**page.body(), "items": [desk.with_names(chat) for chat in page.items]})

    @router.get("/{chat_id}", responses=shows(ChatRow))
    async def show_chat(chat_id: UUID, person: Reading) -> Response:
        """One chat as it stands in the list."""
        return answer(desk.with_names(await desk.seen_by(person, chat_id)))

    @router.get("/{chat_id}/messages", responses=shows(Listed[EntryRow]))
    async def list_messages(
        chat_id: UUID, person: Reading, limit: Limit = 50,
        beforeId: Annotated[int | None, Query(ge=0, le=thread.END)] = None,
        afterId: Annotated[int | None, Query(ge=0, le=thread.END)] = None,
    ) -> Response:  # fmt: skip
        """The thread, oldest first; the newest page unless `beforeId` or `afterId` asks for another."""
        await desk.seen_by(person, chat_id)
        page = await thread.page(reads, chat_id, limit=limit, before=beforeId, after=afterId, inside=True)
        return answer({**page.body(), "items": [desk.with_sender(entry) for entry in page.items]})

    return router
