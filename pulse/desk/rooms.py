"""`/api/rooms`, `/api/direct`: what moderators say to each other."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.desk.answers import WRITTEN, Listed, Written, done, paged, refuses, shows
from pulse.desk.attention import Said
from pulse.desk.bodies import WITHOUT_NUL, Body, Bound, ClientId, Cursor, Limit
from pulse.desk.guard import Guard
from pulse.desk.room_desk import RoomDesk
from pulse.errors import NotFound
from pulse.eventlog.live import ROOM_TYPING
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections import rooms
from pulse.projections.reads import Reads
from pulse.shapes.rooms import ANNA, ROOM, RoomMessageRow, RoomRow

END = 2**31 - 1


class WrittenMessage(Written):
    id: Annotated[int, Field(examples=[12])]
    client_msg_id: Annotated[str | None, Field(examples=["w1"])]


class OpenedRoom(Written):
    id: Annotated[UUID, Field(examples=[ROOM])]


class RoomMessage(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is one message. `mentions` are told of it."""

    text: Annotated[str, Field(min_length=1, max_length=8000, pattern=WITHOUT_NUL, examples=["Lunch?"])]
    clientMsgId: ClientId | None = None
    mentions: Annotated[tuple[UUID, ...], Field(max_length=20, examples=[[]])] = ()


class SeenMessages(Body):
    upTo: Annotated[int, Field(ge=0, le=END, examples=[12])]


class Direct(Body):
    to: Annotated[UUID, Field(examples=[ANNA])]


def room_list_routes(guard: Guard, desk: RoomDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["rooms"])
    Reading = Annotated[Person, Depends(guard.reader)]

    def name_of(who: UUID) -> str:
        return guard.directory.name_of(who)

    @router.get("/rooms", responses=shows(Listed[RoomRow]))
    async def list_rooms(person: Reading, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """The general room and your direct ones, the newest word first."""
        page = await rooms.page(reads, person.id, limit=limit, cursor=cursor)
        return paged(page, [rooms.shown(row, person.id, name_of) for row in page.items])

    @router.get("/rooms/{room_id}", responses=shows(RoomRow))
    async def show_room(room_id: UUID, person: Reading) -> Response:
        """One of them."""
        return answer(rooms.shown(await desk.seen_by(person, room_id), person.id, name_of))

    @router.get("/rooms/{room_id}/messages", responses=shows(Listed[RoomMessageRow]))
    async def list_room_messages(
        room_id: UUID, person: Reading, limit: Limit = 50, beforeId: Bound = None, afterId: Bound = None
    ) -> Response:
        """What was said, oldest first; the newest page unless `beforeId` or `afterId` asks for another."""
        await desk.seen_by(person, room_id)
        page = await rooms.messages(reads, room_id, limit=limit, before=beforeId, after=afterId)
        return paged(page, [rooms.shown_message(row, name_of) for row in page.items])

    return router


def room_command_routes(guard: Guard, desk: RoomDesk) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["rooms"])
    Asking = Annotated[Person, Depends(guard.person)]
    typing = Rate(per_second=1, burst=10)
    said = {**WRITTEN, "model": WrittenMessage}
    opened = {**WRITTEN, "model": OpenedRoom}

    @router.post("/rooms/{room_id}/messages", status_code=201, responses={201: said, 200: said})
    async def write_to_room(room_id: UUID, message: RoomMessage, person: Asking) -> Response:
        """Writes to colleagues. 404 for somebody mentioned who is not in the room."""
        decided, number = await desk.write(person, room_id, message.text, message.clientMsgId, message.mentions)
        status = 201 if decided.events else 200
        return done(decided, status, id=number, client_msg_id=message.clientMsgId)

    @router.post("/rooms/{room_id}/seen", responses={200: WRITTEN})
    async def mark_room_seen(room_id: UUID, seen: SeenMessages, person: Asking) -> Response:
        """Marks everything up to a message as seen by you."""
        decided = await desk.command(person, room_id, lambda room: room.see(person.id, seen.upTo, now=guard.clock()))
        return done(decided)

    @router.post("/rooms/{room_id}/typing", status_code=202, responses=shows(Said, "told", 202))
    async def tell_room_typing(room_id: UUID, person: Asking) -> Response:
        """Shows the others that you are typing; nothing of it is kept."""
        typing.require(f"{person.id}/{room_id}")
        people = await desk.people(person, room_id)
        told = {"room_id": room_id, "people": people, "moderator_id": person.id}
        await desk.store.log.tell(ROOM_TYPING, orjson.dumps(told))
        return answer({}, 202)

    @router.post("/direct", responses=refuses(NotFound) | {200: opened, 201: opened}, status_code=201)
    async def open_direct(wanted: Direct, person: Asking) -> Response:
        """The direct room of you and somebody, opened if you two have none yet."""
        decided, room_id = await desk.open_direct(person, wanted.to)
        return done(decided, 201 if decided.events else 200, id=str(room_id))

    return router
