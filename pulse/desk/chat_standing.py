"""Whose a chat is and how it stands: taking, giving, letting go, passing on, closing, opening again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.aggregates.chat_standing import Handover, Seen
from pulse.desk.answers import WRITTEN
from pulse.desk.bodies import WITHOUT_NUL
from pulse.desk.chat_commands import Act, Command, IfMatch, OnChat, Taking, on_chat, seen
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.errors import Refusal

SOMEBODY = Field(examples=["76b3650b-e037-5e26-acd4-70d922a03793"])


class NobodyThere(Refusal):
    """Nobody works in this department, so nobody would see the chat."""


class Assignment(Taking):
    """Who gets the chat; without `moderatorId`, whoever asks. Without `from` and a version only a free one, or yours."""

    moderatorId: Annotated[UUID | None, SOMEBODY] = None


class Transfer(Taking):
    """To a department, or to a person (then, without `from` and a version, only a free chat or yours)."""

    moderatorId: UUID | None = None
    departmentId: Annotated[UUID | None, Field(validate_default=True)] = None
    note: Annotated[str, Field(max_length=32_000, pattern=WITHOUT_NUL, examples=["She asks about an invoice."])] = ""

    @field_validator("departmentId")
    @classmethod
    def _one_of_both(cls, department: UUID | None, others: ValidationInfo) -> UUID | None:
        if (department is None) == (others.data.get("moderatorId") is None):
            raise PydanticCustomError("either", "Name either a department or a person.")
        return department


def chat_standing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    On = Annotated[OnChat, Depends(on_chat(desk, guard.person))]

    @router.post("/open", responses={200: WRITTEN})
    async def open_chat(on: On, command: Command | None = None) -> Response:
        """Opens a chat to work on it: a free one becomes yours, a held one stays where it is."""
        return await on.decide("open", command, lambda chat, key: chat.take(on.person.id, now=on.now(), command=key))

    @router.post("/assign-operator", responses={200: WRITTEN})
    async def assign_chat(on: On, wanted: Assignment | None = None, if_match: IfMatch = None) -> Response:
        """Gives a chat to a moderator, yourself by default. 409 with the holder if you did not see that they hold it."""
        wanted = wanted or Assignment()
        to = guard.directory.require_person(wanted.moderatorId or on.person.id)
        return await on.decide("assign", wanted, _to_person(on, to.id, _said_seen(wanted, if_match)))

    @router.post("/unassign", responses={200: WRITTEN})
    async def unassign_chat(on: On, wanted: Taking | None = None, if_match: IfMatch = None) -> Response:
        """Lets a chat go, so that it is free in its department. 409 with the holder if you did not see that they hold it."""
        wanted = wanted or Taking()
        before = _said_seen(wanted, if_match) or Seen(on.person.id)
        return await on.decide(
            "unassign", wanted, lambda chat, key: chat.unassign(seen=before, now=on.now(), command=key)
        )

    @router.post("/transfer", responses={200: WRITTEN})
    async def transfer_chat(on: On, to: Transfer, if_match: IfMatch = None) -> Response:
        """Passes a chat on, with a note for whoever gets it. In another department it is free, and to be looked at."""
        before, handover = _said_seen(to, if_match), Handover(on.person.id, to.note)
        if to.departmentId is not None:
            _require_somebody(guard, to.departmentId)
            return await on.decide("transfer", to, _to_department(on, to.departmentId, before, handover))
        moderator = guard.directory.require_person(to.moderatorId or on.person.id)
        return await on.decide("transfer", to, _to_person(on, moderator.id, before, handover))

    return router


def chat_closing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    On = Annotated[OnChat, Depends(on_chat(desk, guard.person))]

    @router.post("/close", responses={200: WRITTEN})
    async def close_chat(on: On, wanted: Taking | None = None, if_match: IfMatch = None) -> Response:
        """Ends the conversation; the customer's next message opens it again. Whoever held the chat is told."""
        wanted = wanted or Taking()
        before = _said_seen(wanted, if_match)
        return await on.decide(
            "close", wanted, lambda chat, key: chat.close(on.person.id, seen=before, now=on.now(), command=key)
        )

    @router.post("/reopen", responses={200: WRITTEN})
    async def reopen_chat(on: On, command: Command | None = None) -> Response:
        """Goes on with a conversation that was closed. It is nobody's, until somebody takes it."""
        return await on.decide("reopen", command, lambda chat, key: chat.reopen(now=on.now(), command=key))

    return router


def _said_seen(wanted: Taking, if_match: str | None) -> Seen | None:
    """What the author says they saw; None if they don't say. Raises BadInput."""
    version = seen(wanted.seen_version, if_match)
    return None if wanted.from_ is None and version is None else Seen(wanted.from_, version)


def _to_person(on: OnChat, moderator: UUID, before: Seen | None, handover: Handover | None = None) -> Act:
    """What one holds oneself, one need not say."""
    saw = before or Seen(on.person.id)
    return lambda chat, key: chat.assign(moderator, seen=saw, now=on.now(), command=key, handover=handover)


def _to_department(on: OnChat, department: UUID, before: Seen | None, handover: Handover) -> Act:
    return lambda chat, key: chat.transfer(department, seen=before, now=on.now(), command=key, handover=handover)


def _require_somebody(guard: Guard, department: UUID) -> None:
    """Raises NotFound, DepartmentIsArchived, NobodyThere."""
    guard.directory.require_department(department)
    guard.directory.require_departments([department])
    if not guard.directory.members_of(department):
        raise NobodyThere
