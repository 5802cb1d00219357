"""Who looks at a chat and who types in it, said and shown live, so that two people don't answer at once."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat import Chat
from pulse.attention import Attention, Sign, saying
from pulse.desk.answers import Listed, Shown, shows, whole
from pulse.desk.bodies import Body
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.eventlog.live import ATTENTION, STAFF_TYPING
from pulse.http import answer
from pulse.limits import Rate
from pulse.shapes.chats import ViewerRow


class Looking(Body):
    """`viewing` is false when one looks away."""

    viewing: Annotated[bool, Field(examples=[True])] = True


class Said(Shown):
    """Nothing is kept, so there is nothing to answer."""


def attention_routes(guard: Guard, desk: ChatDesk, attention: Attention) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]
    looks, typing = Rate(per_second=1, burst=20, name="viewing"), Rate(per_second=1, burst=10, name="typing")

    @router.post("/viewing", status_code=202, responses=shows(Said, "told", 202))
    async def tell_viewing(chat_id: UUID, person: Asking, looking: Looking | None = None) -> Response:
        """Tells your colleagues that you look at this chat. Say it again every 15 seconds; it is believed for 30."""
        looks.require(f"{person.id}/{chat_id}")
        await desk.known_to(person, chat_id)
        doing = "viewing" if (looking or Looking()).viewing else "gone"
        await desk.store.log.tell(ATTENTION, saying(Sign(chat_id, person.id, doing)))
        return answer({}, 202)

    @router.post("/typing", status_code=202, responses=shows(Said, "told", 202))
    async def tell_typing(chat_id: UUID, person: Asking) -> Response:
        """Shows your colleagues that you are typing, for some seconds, and the customer where their channel can."""
        typing.require(f"{person.id}/{chat_id}")
        chat = await desk.known_to(person, chat_id)
        told = {"chat_id": chat_id, "moderator_id": person.id, "source_id": chat.source_id, "peer": chat.peer}
        await desk.store.log.tell(ATTENTION, saying(Sign(chat_id, person.id, "typing")))
        await desk.store.log.tell(STAFF_TYPING, orjson.dumps(told))
        return answer({}, 202)

    @router.get("/viewers", responses=shows(Listed[ViewerRow]))
    async def list_viewers(chat_id: UUID, person: Asking) -> Response:
        """Who looks at this chat now, and who types. Sockets hear of changes (`chat.viewers`)."""
        chat = await desk.known_to(person, chat_id)
        return whole(list(_there(guard, attention, chat)))

    return router


def _there(guard: Guard, attention: Attention, chat: Chat) -> Iterator[dict[str, Any]]:
    """Without whoever has lost the chat since: they can't even say that they went."""
    place = Place(chat.department_id, chat.holder_id)
    for viewer in attention.viewers(chat.id):
        person = guard.directory.person(viewer.person)
        if person is not None and may_see(person, place):
            yield {"id": person.id, "name": person.name, "typing": viewer.typing}
