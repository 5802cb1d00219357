"""What moderators have begun to write: kept per person and chat, so that it can be gone on with elsewhere."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.desk.answers import Listed, Shown, shows, whole
from pulse.desk.bodies import Body, Claim, Text
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.desk.kept import Kept
from pulse.errors import NotFound
from pulse.files.uploads import AT_ONCE
from pulse.http import answer
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements

SQL = Statements(__file__)
MOST = 200


class Draft(Body):
    """`note`: it is to become a note. `files` are claims of uploads, which hold for a day."""

    text: Annotated[Text, Field(examples=["Dear Vera, your par"])]
    note: Annotated[bool, Field(examples=[False])] = False
    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE, examples=[()])] = ()


class DraftRow(Shown):
    chat_id: UUID
    text: Annotated[str, Field(examples=["Dear Vera, your par"])]
    note: Annotated[bool, Field(examples=[False])]
    files: Annotated[list[str], Field(examples=[[]])]
    at: datetime


class Drafts:
    """Drafts in Postgres, at most MOST of a person. Every method raises ReadsDown while it is away."""

    def __init__(self, reads: Reads) -> None:
        self._rows = Kept(reads, SQL)

    async def keep(self, person: Person, chat_id: UUID, draft: Draft, *, at: datetime) -> None:
        """In place of what was there."""
        wanted = {"text": draft.text, "note": draft.note, "files": list(draft.files), "at": at}
        await self._rows.fetch("keep", moderator_id=person.id, chat_id=chat_id, **wanted)
        await self._rows.fetch("prune", moderator_id=person.id, most=MOST)

    async def find(self, person: Person, chat_id: UUID) -> dict[str, Any]:
        """Raises NotFound."""
        rows = await self._rows.fetch("find", moderator_id=person.id, chat_id=chat_id)
        if not rows:
            raise NotFound("You have no draft for this chat.")
        return rows[0]

    async def of(self, person: Person) -> list[dict[str, Any]]:
        """Theirs, the newest first."""
        return await self._rows.fetch("of_moderator", moderator_id=person.id, limit=MOST)

    async def sent(self, person: Person, chat_id: UUID, *, note: bool) -> None:
        """A reply, or a note, was written: what was begun of it is not needed any more."""
        await self._rows.fetch("sent", moderator_id=person.id, chat_id=chat_id, note=note)

    async def drop(self, person: Person, chat_id: UUID) -> None:
        await self._rows.fetch("drop", moderator_id=person.id, chat_id=chat_id)


def draft_routes(guard: Guard, desk: ChatDesk, drafts: Drafts) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.get("/drafts", responses=shows(Listed[DraftRow]))
    async def list_drafts(person: Asking) -> Response:
        """Yours, the newest first; at most 200 are kept."""
        return whole(await drafts.of(person))

    @router.get("/chats/{chat_id}/draft", responses=shows(DraftRow))
    async def show_draft(chat_id: UUID, person: Asking) -> Response:
        """What you have begun to write in this chat."""
        await desk.known_to(person, chat_id)
        return answer(await drafts.find(person, chat_id))

    @router.put("/chats/{chat_id}/draft", status_code=204, response_class=Response)
    async def keep_draft(chat_id: UUID, draft: Draft, person: Asking) -> None:
        """Keeps what you have written so far. Writing a reply or a note takes it away."""
        await desk.known_to(person, chat_id)
        await drafts.keep(person, chat_id, draft, at=guard.clock())

    @router.delete("/chats/{chat_id}/draft", status_code=204, response_class=Response)
    async def drop_draft(chat_id: UUID, person: Asking) -> None:
        """Throws your draft away."""
        await drafts.drop(person, chat_id)

    return router
