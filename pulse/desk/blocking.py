"""Blocking the customer of a chat one has open, as `/api/customers/{id}/block` does."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from pulse.access import Person
from pulse.desk.answers import WRITTEN, done
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.customers import CustomerDesk, Reason
from pulse.desk.guard import Guard
from pulse.errors import Refusal


class ManyCustomers(Refusal):
    """Several people write in a group. Block one of them on their own page."""


def blocking_routes(guard: Guard, desk: ChatDesk, customers: CustomerDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/block", responses={200: WRITTEN})
    async def block_chat(chat_id: UUID, why: Reason, person: Asking) -> Response:
        """From now on nothing of this chat's customer is taken in; the chat stays as it is."""
        chat = await desk.known_to(person, chat_id)
        if chat.group:
            raise ManyCustomers
        return done(await customers.in_blocklist(
            person, chat.source_id, lambda listed: listed.block(chat.peer, reason=why.reason, now=guard.clock())
        ))  # fmt: skip

    @router.post("/unblock", responses={200: WRITTEN})
    async def unblock_chat(chat_id: UUID, person: Asking) -> Response:
        """Takes the customer in again; what they sent meanwhile is gone."""
        chat = await desk.known_to(person, chat_id)
        return done(await customers.in_blocklist(
            person, chat.source_id, lambda listed: listed.unblock(chat.peer, now=guard.clock())
        ))  # fmt: skip

    return router
