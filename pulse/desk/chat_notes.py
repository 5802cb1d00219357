"""Notes: what moderators write into a chat that only moderators see."""

from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat import Chat
from pulse.desk.bodies import Text
from pulse.desk.chat_desk import order_key
from pulse.desk.chat_words import WORD, WORD_BEFORE, ChatWords, NewWord
from pulse.desk.guard import Guard
from pulse.errors import NotFound, Refusal


class OutOfSight(Refusal):
    """Somebody you mention can't see this chat."""


class NewNote(NewWord):
    """`mentions` are people who are told of the note; they must be able to see the chat."""

    is_note: ClassVar[bool] = True

    text: Annotated[Text, Field(min_length=1, examples=["She has written before."])]
    mentions: Annotated[tuple[UUID, ...], Field(max_length=20, examples=[[]])] = ()


def chat_note_routes(guard: Guard, words: ChatWords) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])

    @router.post("/notes", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_note(chat_id: UUID, note: NewNote, person: Annotated[Person, Depends(guard.person)]) -> Response:
        """Writes a note that only moderators see."""
        mentioned = [_require_person(guard, one) for one in dict.fromkeys(note.mentions)]
        key = order_key(person, "note", note.clientMsgId)

        def decision(chat: Chat) -> None:
            place = Place(chat.department_id, chat.holder_id)
            if not all(may_see(one, place) for one in mentioned):
                raise OutOfSight
            mentions = tuple(one.id for one in mentioned)
            chat.note(note.text, moderator_id=person.id, mentions=mentions, now=guard.clock(), command=key)

        decided = await words.desk.command(person, chat_id, decision, key)
        return await words.answer(person, chat_id, note, decided, key)

    return router


def _require_person(guard: Guard, moderator: UUID) -> Person:
    person = guard.directory.person(moderator)
    if person is None:
        raise NotFound("There is no such moderator.")
    return person
