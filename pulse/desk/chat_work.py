"""What moderators do with a chat among themselves: putting it off, tags, priority, having seen it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from pulse.aggregates.chat_work import TAG_LIMIT
from pulse.desk.answers import WRITTEN
from pulse.desk.bodies import WITHOUT_NUL, ClientId
from pulse.desk.chat_commands import Command, OnChat, on_chat
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.projections import thread

TagName = Annotated[str, Field(min_length=1, max_length=TAG_LIMIT, pattern=WITHOUT_NUL, examples=["invoice"])]
OldTag = Annotated[str, Path(max_length=200, pattern=WITHOUT_NUL, description="in any case", examples=["invoice"])]
OwnId = Annotated[ClientId | None, Query(description="your own id for this command")]


class Snooze(Command):
    """Until when nobody has to look at it; a time with a zone."""

    until: Annotated[AwareDatetime, Field(examples=["2030-01-31T09:00:00+03:00"])]


class NewTag(Command):
    tag: TagName


class Priority(Command):
    priority: Annotated[Literal["low", "normal", "high", "urgent"], Field(examples=["high"])]


class Seen(Command):
    """Everything up to this message."""

    upTo: Annotated[int, Field(ge=0, le=thread.END, examples=[7])]


def chat_snoozing_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    On = Annotated[OnChat, Depends(on_chat(desk, guard.person))]

    @router.post("/snooze", responses={200: WRITTEN})
    async def snooze_chat(on: On, snooze: Snooze) -> Response:
        """Puts a chat off until a time, or until the customer writes."""
        return await on.decide("snooze", snooze, lambda chat, key: chat.snooze(
            snooze.until, moderator_id=on.person.id, now=on.now(), command=key
        ))  # fmt: skip

    @router.post("/wake", responses={200: WRITTEN})
    async def wake_chat(on: On, command: Command | None = None) -> Response:
        """Ends the snooze now."""
        return await on.decide("wake", command, lambda chat, key: chat.wake(now=on.now(), command=key))

    @router.post("/seen", responses={200: WRITTEN})
    async def mark_seen(on: On, seen: Seen) -> Response:
        """Marks everything up to a message as seen by you. Marks only move up."""
        return await on.decide("seen", None, lambda chat, _: chat.see(on.person.id, seen.upTo, now=on.now()))

    return router


def chat_sorting_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    On = Annotated[OnChat, Depends(on_chat(desk, guard.person))]

    @router.post("/tags", responses={200: WRITTEN})
    async def tag_chat(on: On, wanted: NewTag) -> Response:
        """Puts a tag on a chat. Tags have one spelling: small letters, one space between words."""
        return await on.decide("tag", wanted, lambda chat, key: chat.tag(wanted.tag, now=on.now(), command=key))

    @router.delete("/tags/{tag:path}", responses={200: WRITTEN})
    async def untag_chat(on: On, tag: OldTag, clientId: OwnId = None) -> Response:
        """Takes a tag off."""
        command = Command(clientId=clientId)
        return await on.decide("untag", command, lambda chat, key: chat.untag(tag, now=on.now(), command=key))

    @router.put("/priority", responses={200: WRITTEN})
    async def set_priority(on: On, wanted: Priority) -> Response:
        """Says how urgent a chat is."""
        return await on.decide(
            "priority", wanted, lambda chat, key: chat.prioritise(wanted.priority, now=on.now(), command=key)
        )

    return router
