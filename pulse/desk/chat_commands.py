"""The commands on one chat, under `/api/chats/{chat_id}`: decided on the log, answered with their position.

A read that sends the position back as `X-Pulse-Position` sees the command's effect.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_so_far import client_key
from pulse.channels.pieces import require_carried
from pulse.channels.table import CHANNELS
from pulse.desk.answers import WRITTEN, Written, done, written
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.store import EventStore
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE

Claim = Annotated[str, Field(max_length=4096)]


class NewReply(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is one reply.

    `files` are the claims that uploads to this chat answered with. Without any it needs a text.
    """

    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE, examples=[()])] = ()
    text: Annotated[
        str, Field(max_length=32_000, pattern=WITHOUT_NUL, validate_default=True, examples=["On its way!"])
    ] = ""
    clientMsgId: Annotated[str | None, Field(min_length=1, max_length=128, pattern=WITHOUT_NUL, examples=["r1"])] = None

    @field_validator("text")
    @classmethod
    def _needed(cls, text: str, others: ValidationInfo) -> str:
        if not text and not others.data.get("files"):
            raise PydanticCustomError("missing", "A reply needs a text or a file.")
        return text


class Assignment(Body):
    """Who gets the chat; without `moderatorId`, whoever asks. `from` is the holder it is taken from, if not yourself."""

    moderatorId: UUID | None = None
    from_: Annotated[UUID | None, Field(alias="from")] = None


class Transfer(Body):
    departmentId: UUID


class Seen(Body):
    upTo: Annotated[int, Field(ge=0, le=2**31 - 1, examples=[5])]


class Replied(Written):
    """A reply's `id` is its number in the chat."""

    id: Annotated[int, Field(examples=[7])]
    client_msg_id: Annotated[str | None, Field(examples=["r1"])]


REPLIED = written(Replied)
REPLIED_BEFORE = written(Replied, "it was written before, with the same `clientMsgId`")


def chat_command_routes(guard: Guard, desk: ChatDesk, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/{chat_id}/messages", status_code=201, responses={201: REPLIED, 200: REPLIED_BEFORE})
    async def write_reply(chat_id: UUID, reply: NewReply, person: Asking) -> Response:
        """Writes a reply to the customer; a free chat becomes yours. 409 if the chat's channel can't carry it."""
        attachments = attachments_of(reply.files, chat_id, guard.signer, guard.clock())

        def decision(chat: Chat) -> None:
            if chat.channel in CHANNELS:  # else only a newer Pulse knows what it carries
                require_carried(CHANNELS[chat.channel].capabilities, reply.text, attachments)
            chat.reply(
                reply.text, moderator_id=person.id, client_msg_id=reply.clientMsgId, now=guard.clock(),
                attachments=attachments,
            )  # fmt: skip

        decided = await desk.command(person, chat_id, decision)
        version = decided.version
        if not decided.events and reply.clientMsgId is not None:
            chat = await store.load(Chat, chat_id)
            version = chat.client_msgs[client_key(person.id, reply.clientMsgId)] if chat else 0
        return done(decided, 201 if decided.events else 200, id=version, client_msg_id=reply.clientMsgId)

    @router.post("/{chat_id}/assign-operator", responses={200: WRITTEN})
    async def assign_chat(chat_id: UUID, person: Asking, wanted: Assignment | None = None) -> Response:
        """Gives a chat to a moderator, yourself by default. 409 with the holder if it is neither you nor `from`."""
        wanted = wanted or Assignment()
        to, holder = wanted.moderatorId or person.id, wanted.from_ or person.id
        if guard.directory.person(to) is None:
            raise NotFound("There is no such moderator.")

        def decision(chat: Chat) -> None:
            chat.assign(to, seen_holder=holder, now=guard.clock())

        return done(await desk.command(person, chat_id, decision))

    @router.post("/{chat_id}/open", responses={200: WRITTEN})
    async def open_chat(chat_id: UUID, person: Asking) -> Response:
        """Opens a chat to work on it: a free one becomes yours, a held one stays where it is."""
        return done(await desk.command(person, chat_id, lambda chat: chat.take(person.id, now=guard.clock())))

    @router.post("/{chat_id}/transfer", responses={200: WRITTEN})
    async def transfer_chat(chat_id: UUID, to: Transfer, person: Asking) -> Response:
        """Moves a chat to a department; whoever held it lets go."""
        if guard.directory.department(to.departmentId) is None:
            raise NotFound("There is no such department.")
        move = to.departmentId
        return done(await desk.command(person, chat_id, lambda chat: chat.transfer(move, now=guard.clock())))

    @router.post("/{chat_id}/close", responses={200: WRITTEN})
    async def close_chat(chat_id: UUID, person: Asking) -> Response:
        """Ends the conversation; the customer's next message opens it again."""
        return done(await desk.command(person, chat_id, lambda chat: chat.close(person.id, now=guard.clock())))

    @router.post("/{chat_id}/seen", responses={200: WRITTEN})
    async def mark_seen(chat_id: UUID, seen: Seen, person: Asking) -> Response:
        """Marks everything up to a message as seen by you."""
        return done(await desk.command(person, chat_id, lambda chat: chat.see(person.id, seen.upTo, now=guard.clock())))

    return router
