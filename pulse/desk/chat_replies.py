"""What moderators write to the customer, and what they do about replies that got stuck."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person
from pulse.aggregates.chat import Chat, StaleReply
from pulse.aggregates.chat_so_far import client_key
from pulse.channels.pieces import require_carried
from pulse.channels.table import CHANNELS
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import Claim, Text
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_words import WORD, WORD_BEFORE, ChatWords, NewWord
from pulse.desk.guard import Guard
from pulse.errors import BadInput, ReadsDown
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE
from pulse.projections import thread

SHOWN_BETWEEN = 50

Number = Annotated[int, Path(ge=1, le=thread.END)]
SeenVersion = Annotated[int, Field(ge=0, le=thread.END, examples=[7])]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="the version you saw, as `seen_version`")]


class NewReply(NewWord):
    """`clientMsgId` is the client's own id: however often it is sent, it is one reply.

    `files` are the claims that uploads to this chat answered with; without any it needs a text. `seen_version` is the
    chat's version that its author saw: when a colleague has answered since, the reply is refused.
    """

    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE, examples=[[]])] = ()
    text: Annotated[Text, Field(validate_default=True, examples=["Your parcel leaves today."])] = ""
    seen_version: SeenVersion | None = None

    @field_validator("text")
    @classmethod
    def _needed(cls, text: str, others: ValidationInfo) -> str:
        if not text and not others.data.get("files"):
            raise PydanticCustomError("missing", "A reply needs a text or a file.")
        return text


def chat_reply_routes(guard: Guard, words: ChatWords) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    desk = words.desk

    @router.post("/messages", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_reply(
        chat_id: UUID, reply: NewReply, person: Annotated[Person, Depends(guard.person)], if_match: IfMatch = None
    ) -> Response:
        """Writes a reply to the customer; a free chat becomes yours. 409 if the chat's channel can't carry it.

        With `seen_version` or `If-Match`, also 409 if a colleague has answered since: `between` holds what came.
        """
        attachments = attachments_of(reply.files, chat_id, guard.signer, guard.clock())
        seen = reply.seen_version if if_match is None else version_of(if_match)

        def decision(chat: Chat) -> None:
            if chat.channel in CHANNELS:  # else only a newer Pulse knows what it carries
                require_carried(CHANNELS[chat.channel].capabilities, reply.text, attachments)
            chat.reply(
                reply.text, moderator_id=person.id, client_msg_id=reply.clientMsgId, now=guard.clock(),
                attachments=attachments, seen_version=seen,
            )  # fmt: skip

        try:
            decided = await desk.command(person, chat_id, decision)
        except StaleReply as refusal:
            raise await with_between(refusal, desk, chat_id, seen or 0) from None
        key = None if reply.clientMsgId is None else client_key(person.id, reply.clientMsgId)
        return await words.answer(person, chat_id, reply, decided, key)

    return router


def stuck_reply_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    Asking = Annotated[Person, Depends(guard.person)]

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

    return router


def version_of(if_match: str) -> int:
    """The version in an `If-Match` header, written as `GET /api/chats/{id}` gives it (`ETag`). Raises BadInput."""
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not digits.isdecimal() or len(digits) > 10:
        raise BadInput('If-Match must be a version of the chat, such as "7".')
    return int(digits)


async def with_between(refusal: StaleReply, desk: ChatDesk, chat_id: UUID, seen: int) -> StaleReply:
    """With what came since the author looked; `version` is that of the last thing shown, where there is more."""
    version, between = int(str(refusal.details["version"])), list[dict[str, Any]]()
    with contextlib.suppress(ReadsDown):
        await desk.reads.wait_for_version(chat_id, version)
        page = await thread.page(desk.reads, chat_id, limit=SHOWN_BETWEEN, before=None, after=seen, inside=True)
        between = [desk.with_sender(entry) for entry in page.items]
        version = between[-1]["id"] if page.next is not None else version
    return StaleReply(version=version, between=between)
