"""What moderators write to the customer, and what they decide about replies that are stuck."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person
from pulse.aggregates.chat import Chat, StaleReply
from pulse.aggregates.chat_so_far import client_key
from pulse.channels.pieces import require_carried
from pulse.channels.table import CHANNELS
from pulse.desk.answers import WRITTEN
from pulse.desk.bodies import Body, Claim, ClientId, Text
from pulse.desk.chat_commands import IfMatch, OnChat, SeenVersion, on_chat, seen
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_writing import WORD, WORD_BEFORE, ChatWriting
from pulse.desk.guard import Guard
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE
from pulse.projections import thread

Number = Annotated[int, Path(ge=1, le=thread.END)]


class NewReply(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is one reply.

    `files` are the claims that uploads to this chat answered with; without any it needs a text. `seen_version` is the
    chat's version that its author saw: when a colleague has answered since, the reply is refused.
    """

    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE, examples=[[]])] = ()
    text: Annotated[Text, Field(validate_default=True, examples=["Your parcel leaves today."])] = ""
    clientMsgId: ClientId | None = None
    seen_version: SeenVersion | None = None

    @field_validator("text")
    @classmethod
    def _needed(cls, text: str, others: ValidationInfo) -> str:
        if not text and not others.data.get("files"):
            raise PydanticCustomError("empty-reply", "A reply needs a text or a file.")
        return text


def chat_reply_routes(guard: Guard, writing: ChatWriting) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/messages", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_reply(chat_id: UUID, reply: NewReply, person: Asking, if_match: IfMatch = None) -> Response:
        """Writes a reply to the customer; a free chat becomes yours. 409 if the chat's channel can't carry it.

        With `seen_version` or `If-Match`, also 409 if a colleague has answered since: `between` holds what came.
        """
        attachments = attachments_of(reply.files, chat_id, guard.signer, guard.clock())
        version = seen(reply.seen_version, if_match)

        def decision(chat: Chat) -> None:
            if chat.channel in CHANNELS:  # else only a newer Pulse knows what it carries
                require_carried(CHANNELS[chat.channel].capabilities, reply.text, attachments)
            chat.reply(
                reply.text, moderator_id=person.id, client_msg_id=reply.clientMsgId, now=guard.clock(),
                attachments=attachments, seen_version=version,
            )  # fmt: skip

        key = None if reply.clientMsgId is None else client_key(person.id, reply.clientMsgId)
        try:
            decided = await writing.desk.command(person, chat_id, decision)
        except StaleReply as refusal:
            raise await writing.stale(chat_id, version or 0, int(str(refusal.details["version"]))) from None
        return await writing.answer(person, chat_id, decided, key, reply.clientMsgId)

    return router


def stuck_reply_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    On = Annotated[OnChat, Depends(on_chat(desk, guard.person))]

    @router.post("/messages/{number}/send-again", responses={200: WRITTEN})
    async def send_reply_again(on: On, number: Number) -> Response:
        """Sends a reply once more that failed or is uncertain; the channel is really called again."""
        return await on.decide(
            "send-again", None, lambda chat, _: chat.send_again(number, moderator_id=on.person.id, now=on.now())
        )

    @router.post("/messages/{number}/arrived", responses={200: WRITTEN})
    async def vouch_for_reply(on: On, number: Number) -> Response:
        """Says that an uncertain reply arrived: you have seen it at the customer's. What was not tried yet goes on."""
        return await on.decide(
            "arrived", None, lambda chat, _: chat.vouch(number, moderator_id=on.person.id, now=on.now())
        )

    return router
