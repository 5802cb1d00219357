"""What moderators do with a chat among themselves: putting it off, tags, priority, having seen it, blocking its customer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from pulse.access import Person
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_work import TAG_LIMIT
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import WITHOUT_NUL, ClientId
from pulse.desk.chat_desk import ChatDesk, order_key
from pulse.desk.chat_standing import Order
from pulse.desk.guard import Guard
from pulse.projections import thread

TagName = Annotated[str, Field(min_length=1, max_length=TAG_LIMIT, pattern=WITHOUT_NUL, examples=["invoice"])]


class Snooze(Order):
    """Until when nobody has to look at it; a time with a zone."""

    until: Annotated[AwareDatetime, Field(examples=["2030-01-31T09:00:00+03:00"])]


class NewTag(Order):
    tag: TagName


class Priority(Order):
    priority: Annotated[Literal["low", "normal", "high", "urgent"], Field(examples=["high"])]


class Seen(Order):
    """Everything up to this message."""

    upTo: Annotated[int, Field(ge=0, le=thread.END, examples=[7])]


def chat_snoozing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/snooze", responses={200: WRITTEN})
    async def snooze_chat(chat_id: UUID, snooze: Snooze, person: Asking) -> Response:
        """Puts a chat off until a time, or until the customer writes."""
        until: datetime = snooze.until
        key = order_key(person, "snooze", snooze.clientId)

        def decision(chat: Chat) -> None:
            chat.snooze(until, moderator_id=person.id, now=guard.clock(), command=key)

        return done(await desk.command(person, chat_id, decision, key))

    @router.post("/wake", responses={200: WRITTEN})
    async def wake_chat(chat_id: UUID, person: Asking, order: Order | None = None) -> Response:
        """Ends the snooze now."""
        key = order_key(person, "wake", (order or Order()).clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.wake(now=guard.clock(), command=key), key
        ))  # fmt: skip

    @router.post("/seen", responses={200: WRITTEN})
    async def mark_seen(chat_id: UUID, seen: Seen, person: Asking) -> Response:
        """Marks everything up to a message as seen by you. Marks only move up."""
        return done(await desk.command(person, chat_id, lambda chat: chat.see(person.id, seen.upTo, now=guard.clock())))

    return router


def chat_sorting_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/tags", responses={200: WRITTEN})
    async def tag_chat(chat_id: UUID, wanted: NewTag, person: Asking) -> Response:
        """Puts a tag on a chat. Tags have one spelling: small letters, one space between words."""
        key = order_key(person, "tag", wanted.clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.tag(wanted.tag, now=guard.clock(), command=key), key
        ))  # fmt: skip

    @router.delete("/tags/{tag:path}", responses={200: WRITTEN})
    async def untag_chat(
        chat_id: UUID, tag: Annotated[str, Path(max_length=200, pattern=WITHOUT_NUL, description="in any case", examples=["invoice"])],
        person: Asking, clientId: Annotated[ClientId | None, Query(description="your own id for this command")] = None,
    ) -> Response:  # fmt: skip
        """Takes a tag off."""
        key = order_key(person, "untag", clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.untag(tag, now=guard.clock(), command=key), key
        ))  # fmt: skip

    @router.put("/priority", responses={200: WRITTEN})
    async def set_priority(chat_id: UUID, wanted: Priority, person: Asking) -> Response:
        """Says how urgent a chat is."""
        key = order_key(person, "priority", wanted.clientId)
        return done(await desk.command(
            person, chat_id, lambda chat: chat.prioritise(wanted.priority, now=guard.clock(), command=key), key
        ))  # fmt: skip

    return router
