"""Notes: what moderators write into a chat among themselves."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat import Chat
from pulse.desk.bodies import Body, ClientId, Text
from pulse.desk.chat_desk import command_key
from pulse.desk.chat_writing import WORD, WORD_BEFORE, ChatWriting
from pulse.desk.guard import Guard
from pulse.errors import Refusal


class OutOfSight(Refusal):
    """Somebody you mention can't see this chat."""


class NewNote(Body):
    """`mentions` are people who are told of the note; they must be able to see the chat."""

    text: Annotated[Text, Field(min_length=1, examples=["She has written before."])]
    mentions: Annotated[tuple[UUID, ...], Field(max_length=20, examples=[[]])] = ()
    clientMsgId: ClientId | None = None


def chat_note_routes(guard: Guard, writing: ChatWriting) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/notes", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_note(chat_id: UUID, note: NewNote, person: Asking) -> Response:
        """Writes a note that only moderators see."""
        mentioned = [guard.directory.require_person(one) for one in dict.fromkeys(note.mentions)]
        key = command_key(person, "note", note.clientMsgId)

        def decision(chat: Chat) -> None:
            place = Place(chat.department_id, chat.holder_id)
            if not all(may_see(one, place) for one in mentioned):
                raise OutOfSight
            mentions = tuple(one.id for one in mentioned)
            chat.note(note.text, moderator_id=person.id, mentions=mentions, now=guard.clock(), command=key)

        decided = await writing.desk.command(person, chat_id, decision, key)
        return await writing.answer(person, chat_id, decided, key, note.clientMsgId, note=True)

    return router
