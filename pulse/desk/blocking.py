"""Whose words are refused: blocking a customer, on their own page or as the customer of a chat one has open."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.customer_desk import CustomerDesk
from pulse.desk.guard import Guard
from pulse.errors import Refusal


class ManyCustomers(Refusal):
    """Several people write in a group. Block one of them on their own page."""


class Reason(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=WITHOUT_NUL, examples=["Advertising"])]


def customer_blocking_routes(guard: Guard, desk: CustomerDesk) -> APIRouter:
    router = APIRouter(prefix="/api/customers/{customer_id}", tags=["customers"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/block", responses={200: WRITTEN})
    async def block_customer(customer_id: UUID, why: Reason, person: Asking) -> Response:
        """From now on nothing of theirs on this source is taken in: it is answered, counted, and gone."""
        row = (await desk.seen_by(person, customer_id)).row
        return done(await desk.block(person, row["source_id"], row["peer"], reason=why.reason))

    @router.post("/unblock", responses={200: WRITTEN})
    async def unblock_customer(customer_id: UUID, person: Asking) -> Response:
        """Takes them in again; what they sent meanwhile is gone."""
        row = (await desk.seen_by(person, customer_id)).row
        return done(await desk.unblock(person, row["source_id"], row["peer"]))

    return router


def chat_blocking_routes(guard: Guard, desk: CustomerDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/block", responses={200: WRITTEN})
    async def block_chat(chat_id: UUID, why: Reason, person: Asking) -> Response:
        """From now on nothing of this chat's customer is taken in; the chat stays as it is."""
        chat = await desk.chats.known_to(person, chat_id)
        if chat.group:
            raise ManyCustomers
        return done(await desk.block(person, chat.source_id, chat.peer, reason=why.reason))

    @router.post("/unblock", responses={200: WRITTEN})
    async def unblock_chat(chat_id: UUID, person: Asking) -> Response:
        """Takes the customer in again; what they sent meanwhile is gone."""
        chat = await desk.chats.known_to(person, chat_id)
        return done(await desk.unblock(person, chat.source_id, chat.peer))

    return router
