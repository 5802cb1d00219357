"""What writing into a chat shares: once a reply or a note is in the log, it is named, and what was begun of it is gone."""

import contextlib
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.desk.answers import Written, done, written
from pulse.desk.bodies import Body, ClientId
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.drafts import Drafts
from pulse.errors import ReadsDown
from pulse.eventlog.commands import Decided


class NewWord(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is written once."""

    is_note: ClassVar[bool] = False

    clientMsgId: ClientId | None = None


class WrittenWord(Written):
    """Beside the command's answer, what was written is named by `id`."""

    id: Annotated[int, Field(examples=[7])]
    client_msg_id: Annotated[str | None, Field(examples=["a1"])]


WORD = written(WrittenWord)
WORD_BEFORE = written(WrittenWord, "it was written before, with the same `clientMsgId`")


class ChatWords:
    def __init__(self, desk: ChatDesk, drafts: Drafts) -> None:
        self.desk = desk
        self._drafts = drafts

    async def answer(self, person: Person, chat_id: UUID, word: NewWord, decided: Decided, key: int | None) -> Response:
        """`key` is what the chat remembers it by. A draft that can't be reached now is thrown away by hand."""
        if decided.events:
            with contextlib.suppress(ReadsDown):
                await self._drafts.sent(person, chat_id, note=word.is_note)
        number = decided.version if decided.events else await self.desk.version_of(chat_id, key)
        return done(decided, 201 if decided.events else 200, id=number, client_msg_id=word.clientMsgId)
