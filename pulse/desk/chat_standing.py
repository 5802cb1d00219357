"""Whose a chat is and how it stands: taking, giving, letting go, passing on, closing, opening again."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_standing import Handover
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import WITHOUT_NUL, Body, ClientId
from pulse.desk.chat_desk import ChatDesk, order_key
from pulse.desk.guard import Guard
from pulse.errors import Refusal, there


class NobodyThere(Refusal):
    """Nobody works in this department, so nobody would see the chat."""


class Order(Body):
    """`clientId` is the client's own id for this command on this chat: however often it is sent, it is done once."""

    clientId: ClientId | None = None


class Assignment(Order):
    """Who gets the chat; without `moderatorId`, whoever asks. `from` is the holder it is taken from, if not yourself."""

    moderatorId: UUID | None = None
    from_: Annotated[UUID | None, Field(alias="from")] = None


class Release(Order):
    """`from` is the holder who lets go, if not yourself."""

    from_: Annotated[UUID | None, Field(alias="from")] = None


class Transfer(Order):
    """To a department, or to a person (then `from` is the holder it is taken from, if not yourself)."""

    moderatorId: UUID | None = None
    departmentId: Annotated[UUID | None, Field(validate_default=True)] = None
    from_: Annotated[UUID | None, Field(alias="from")] = None
    note: Annotated[str, Field(max_length=32_000, pattern=WITHOUT_NUL, examples=["She asks about an invoice."])] = ""

    @field_validator("departmentId")
    @classmethod
    def _one_of_both(cls, department: UUID | None, others: ValidationInfo) -> UUID | None:
        if (department is None) == (others.data.get("moderatorId") is None):
            raise PydanticCustomError("missing", "Name either a department or a person.")
        return department


def chat_standing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/open", responses={200: WRITTEN})
    async def open_chat(chat_id: UUID, person: Asking, order: Order | None = None) -> Response:
        """Opens a chat to work on it: a free one becomes yours, a held one stays where it is."""
        key = order_key(person, "open", (order or Order()).clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.take(person.id, now=guard.clock(), command=key), key
        ))  # fmt: skip

    @router.post("/assign-operator", responses={200: WRITTEN})
    async def assign_chat(chat_id: UUID, person: Asking, wanted: Assignment | None = None) -> Response:
        """Gives a chat to a moderator, yourself by default. 409 with the holder if it is neither you nor `from`."""
        wanted = wanted or Assignment()
        to, key = wanted.moderatorId or person.id, order_key(person, "assign", wanted.clientId)
        _require_moderator(guard, to)

        def decision(chat: Chat) -> None:
            chat.assign(to, seen_holder=wanted.from_ or person.id, now=guard.clock(), command=key)

        return done(await desk.command(person, chat_id, decision, key))

    @router.post("/unassign", responses={200: WRITTEN})
    async def unassign_chat(chat_id: UUID, person: Asking, wanted: Release | None = None) -> Response:
        """Lets a chat go, so that it is free in its department. 409 with the holder if it is neither you nor `from`."""
        wanted = wanted or Release()
        key = order_key(person, "unassign", wanted.clientId)

        def decision(chat: Chat) -> None:
            chat.unassign(seen_holder=wanted.from_ or person.id, now=guard.clock(), command=key)

        return done(await desk.command(person, chat_id, decision, key))

    @router.post("/transfer", responses={200: WRITTEN})
    async def transfer_chat(chat_id: UUID, to: Transfer, person: Asking) -> Response:
        """Passes a chat on, with a note for whoever gets it. In another department it is free, and to be looked at."""
        passing = _passing(guard, person, to)
        key = order_key(person, "transfer", to.clientId)
        return done(await desk.command(person, chat_id, lambda chat: passing(chat, key), key))

    return router


def chat_closing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/close", responses={200: WRITTEN})
    async def close_chat(chat_id: UUID, person: Asking, order: Order | None = None) -> Response:
        """Ends the conversation; the customer's next message opens it again."""
        key = order_key(person, "close", (order or Order()).clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.close(person.id, now=guard.clock(), command=key), key
        ))  # fmt: skip

    @router.post("/reopen", responses={200: WRITTEN})
    async def reopen_chat(chat_id: UUID, person: Asking, order: Order | None = None) -> Response:
        """Goes on with a conversation that was closed. It is nobody's, until somebody takes it."""
        key = order_key(person, "reopen", (order or Order()).clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.reopen(now=guard.clock(), command=key), key
        ))  # fmt: skip

    return router


Passing = Callable[[Chat, int | None], None]


def _passing(guard: Guard, person: Person, to: Transfer) -> Passing:
    """What passing a chat on means: to a person or to a department. Raises NotFound, NobodyThere."""
    handover = Handover(person.id, to.note)
    if (department := to.departmentId) is not None:
        _require_department(guard, department)
        return lambda chat, key: chat.transfer(department, now=guard.clock(), command=key, handover=handover)
    moderator, holder = to.moderatorId or person.id, to.from_ or person.id
    _require_moderator(guard, moderator)
    return lambda chat, key: chat.assign(
        moderator, seen_holder=holder, now=guard.clock(), command=key, handover=handover
    )


def _require_moderator(guard: Guard, moderator: UUID) -> None:
    there(guard.directory.person(moderator), "There is no such moderator.")


def _require_department(guard: Guard, department: UUID) -> None:
    there(guard.directory.department(department), "There is no such department.")
    guard.directory.require_departments([department])
    if not guard.directory.members_of(department):
        raise NobodyThere
