"""What moderators write into a chat: replies to the customer, and notes that only moderators see."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person, Place, may_see
from pulse.aggregates.chat import Chat, StaleReply
from pulse.aggregates.chat_so_far import client_key
from pulse.channels.pieces import require_carried
from pulse.channels.table import CHANNELS
from pulse.desk.answers import WRITTEN, Written, done, written
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.chat_desk import ChatDesk, order_key
from pulse.desk.drafts import Drafts
from pulse.desk.guard import Guard
from pulse.errors import BadInput, ReadsDown, Refusal, there
from pulse.eventlog.commands import Decided
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE
from pulse.projections import thread
from pulse.projections.reads import Reads

SHOWN_BETWEEN = 50

Number = Annotated[int, Path(ge=1, le=thread.END)]
Claim = Annotated[str, Field(max_length=4096)]
Text = Annotated[str, Field(max_length=32_000, pattern=WITHOUT_NUL, examples=["Your parcel leaves today."])]
ClientId = Annotated[str, Field(min_length=1, max_length=128, pattern=WITHOUT_NUL, examples=["a1"])]
SeenVersion = Annotated[int, Field(ge=0, le=thread.END, examples=[7])]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="the version you saw, as `seen_version`")]


class OutOfSight(Refusal):
    """Somebody you mention can't see this chat."""


class NewReply(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is one reply.

    `files` are the claims that uploads to this chat answered with; without any it needs a text. `seen_version` is the
    chat's version that its author saw: when a colleague has answered since, the reply is refused.
    """

    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE, examples=[[]])] = ()
    text: Annotated[Text, Field(validate_default=True)] = ""
    clientMsgId: ClientId | None = None
    seen_version: SeenVersion | None = None

    @field_validator("text")
    @classmethod
    def _needed(cls, text: str, others: ValidationInfo) -> str:
        if not text and not others.data.get("files"):
            raise PydanticCustomError("missing", "A reply needs a text or a file.")
        return text


class NewNote(Body):
    """`mentions` are people who are told of the note; they must be able to see the chat."""

    text: Annotated[Text, Field(min_length=1)]
    mentions: Annotated[tuple[UUID, ...], Field(max_length=20, examples=[[]])] = ()
    clientMsgId: ClientId | None = None


class WrittenWord(Written):
    """Beside the command's answer, what was written is named by `id`."""

    id: Annotated[int, Field(examples=[7])]
    client_msg_id: Annotated[str | None, Field(examples=["a1"])]


WORD = written(WrittenWord)
WORD_BEFORE = written(WrittenWord, "it was written before, with the same `clientMsgId`")


def chat_reply_routes(guard: Guard, desk: ChatDesk, drafts: Drafts, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats/{chat_id}", tags=["replies"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/messages", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_reply(chat_id: UUID, reply: NewReply, person: Asking, if_match: IfMatch = None) -> Response:
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

        key = None if reply.clientMsgId is None else client_key(person.id, reply.clientMsgId)
        try:
            decided = await desk.command(person, chat_id, decision)
        except StaleReply as refusal:
            raise await _stale(chat_id, seen or 0, int(str(refusal.details["version"]))) from None
        return await _answer(person, chat_id, decided, key, reply)

    @router.post("/notes", status_code=201, responses={201: WORD, 200: WORD_BEFORE})
    async def write_note(chat_id: UUID, note: NewNote, person: Asking) -> Response:
        """Writes a note that only moderators see."""
        mentioned = [_require_person(guard, one) for one in dict.fromkeys(note.mentions)]
        key = order_key(person, "note", note.clientMsgId)

        def decision(chat: Chat) -> None:
            place = Place(chat.department_id, chat.holder_id)
            if not all(may_see(one, place) for one in mentioned):
                raise OutOfSight
            mentions = tuple(one.id for one in mentioned)
            chat.note(note.text, moderator_id=person.id, mentions=mentions, now=guard.clock(), command=key)

        decided = await desk.command(person, chat_id, decision, key)
        return await _answer(person, chat_id, decided, key, note)

    async def _answer(
        person: Person, chat_id: UUID, decided: Decided, key: int | None, word: NewReply | NewNote
    ) -> Response:
        """A draft that can't be reached now is thrown away by hand."""
        if decided.events:
            with contextlib.suppress(ReadsDown):
                await drafts.sent(person, chat_id, note=isinstance(word, NewNote))
        number = decided.version if decided.events else await desk.version_of(chat_id, key)
        return done(decided, 201 if decided.events else 200, id=number, client_msg_id=word.clientMsgId)

    async def _stale(chat_id: UUID, seen: int, version: int) -> StaleReply:
        """With what came since the author looked; `version` is that of the last thing shown, where there is more."""
        between: list[dict[str, Any]] = []
        with contextlib.suppress(ReadsDown):
            await reads.wait_for_version(chat_id, version)
            page = await thread.page(reads, chat_id, limit=SHOWN_BETWEEN, before=None, after=seen, inside=True)
            between = [desk.with_sender(entry) for entry in page.items]
            version = between[-1]["id"] if page.next is not None else version
        return StaleReply(version=version, between=between)

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


def _require_person(guard: Guard, moderator: UUID) -> Person:
    return there(guard.directory.person(moderator), "There is no such moderator.")
