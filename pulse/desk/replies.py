"""`/api/chats/{id}/messages/{n}/…`: what a moderator decides about a reply on its way out, and that they are typing."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from pulse.access import Person, Place, may_reply
from pulse.aggregates.chat import Chat
from pulse.desk.answers import WRITTEN, Shown, done, shows
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.live import STAFF_TYPING
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections import thread
from pulse.projections.reads import Reads

Number = Annotated[int, Path(ge=1, le=thread.END)]


class Told(Shown):
    """Nothing: it leaves no trace."""


def reply_routes(guard: Guard, store: EventStore, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    Asking = Annotated[Person, Depends(guard.person)]
    desk = ChatDesk(guard, store, reads)
    typing = Rate(per_second=1, burst=10, name="typing")

    @router.post("/messages/{number}/send-again", responses={200: WRITTEN})
    async def send_reply_again(chat_id: UUID, number: Number, person: Asking) -> Response:
        """Sends a reply once more that failed or is uncertain; the channel is really called again."""

        def decision(chat: Chat) -> None:
            chat.send_again(number, moderator_id=person.id, now=guard.clock())

        return done(await desk.command(person, chat_id, decision))

    @router.post("/messages/{number}/arrived", responses={200: WRITTEN})
    async def vouch_for_reply(chat_id: UUID, number: Number, person: Asking) -> Response:
        """Says that an uncertain reply arrived: you have seen it at the customer's. What was not tried yet goes on."""

        def decision(chat: Chat) -> None:
            chat.vouch(number, moderator_id=person.id, now=guard.clock())

        return done(await desk.command(person, chat_id, decision))

    @router.post("/typing", status_code=202, responses=shows(Told, "told", 202))
    async def tell_typing(chat_id: UUID, person: Asking) -> Response:
        """Shows the customer that you are typing, for some seconds, where their channel can."""
        typing.require(f"{person.id}/{chat_id}")
        told: dict[str, object] = {"chat_id": chat_id, "moderator_id": person.id}

        def look(chat: Chat | None) -> Chat | None:
            if chat is None or not may_reply(person, Place(chat.department_id, chat.holder_id)):
                raise NotFound
            told.update(source_id=chat.source_id, peer=chat.peer)
            return chat

        await store.decide(
            Chat, chat_id, look, by="moderator"
        )  # decides nothing: so a chat in memory is not read again
        await store.log.tell(STAFF_TYPING, orjson.dumps(told))
        return answer({}, 202)

    return router
