"""`/api/chats`: the list, the threads, and the commands on one chat.

Reads come from the read models, commands are decided on the log; a command answers with its position, and a
read that sends it back as `X-Pulse-Position` sees the command's effect.
"""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person, Place, by_moderator, may_reply, may_see, reach_of
from pulse.aggregates.chat import Chat, HeldByAnother
from pulse.aggregates.chat_so_far import client_key
from pulse.channels.pieces import require_carried
from pulse.channels.table import CHANNELS
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.files.claims import attachments_of
from pulse.files.uploads import AT_ONCE
from pulse.http import answer
from pulse.projections import inbox, thread
from pulse.projections.reads import Reads

# Postgres can't store NUL, so an event that holds one would park its chat.
WITHOUT_NUL = r"^[^\x00]*$"

# What a command answers, for the API's document.
WRITTEN: dict[str, Any] = {
    "description": "done, and on disk",
    "headers": {
        "X-Pulse-Position": {
            "description": "where it lies; a read that sends it back sees it",
            "schema": {"type": "integer", "format": "int64"},
        }
    },
}

Limit = Annotated[int, Query(ge=1, le=200)]


Claim = Annotated[str, Field(max_length=4096)]


class NewReply(Body):
    """`clientMsgId` is the client's own id: however often it is sent, it is one reply.

    `files` are the claims that uploads to this chat answered with. Without any it needs a text.
    """

    files: Annotated[tuple[Claim, ...], Field(max_length=AT_ONCE)] = ()
    text: Annotated[str, Field(max_length=32_000, pattern=WITHOUT_NUL, validate_default=True)] = ""
    clientMsgId: Annotated[str | None, Field(min_length=1, max_length=128, pattern=WITHOUT_NUL)] = None

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
    upTo: Annotated[int, Field(ge=0, le=2**31 - 1)]


def chat_routes(guard: Guard, store: EventStore, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]
    Reading = Annotated[Person, Depends(guard.reader)]
    desk = ChatDesk(guard, store, reads)

    @router.get("")
    async def list_chats(person: Reading, limit: Limit = 50, cursor: Annotated[str | None, Query()] = None) -> Response:
        """Chats you may see, the one with the newest word first. `unread` is what you have not seen yourself."""
        page = await inbox.page(reads, **reach_of(person), limit=limit, cursor=cursor)
        return answer({**page.body(), "items": [desk.with_names(chat) for chat in page.items]})

    @router.get("/{chat_id}")
    async def show_chat(chat_id: UUID, person: Reading) -> Response:
        """One chat as it stands in the list."""
        return answer(desk.with_names(await desk.seen_by(person, chat_id)))

    @router.get("/{chat_id}/messages")
    async def list_messages(
        chat_id: UUID, person: Reading, limit: Limit = 50,
        beforeId: Annotated[int | None, Query(ge=0, le=thread.END)] = None,
        afterId: Annotated[int | None, Query(ge=0, le=thread.END)] = None,
    ) -> Response:  # fmt: skip
        """The thread, oldest first; the newest page unless `beforeId` or `afterId` asks for another."""
        await desk.seen_by(person, chat_id)
        page = await thread.page(reads, chat_id, limit=limit, before=beforeId, after=afterId)
        return answer({**page.body(), "items": [desk.with_sender(entry) for entry in page.items]})

    @router.post("/{chat_id}/messages", status_code=201, responses={201: WRITTEN, 200: WRITTEN})
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
    async def assign(chat_id: UUID, person: Asking, wanted: Assignment | None = None) -> Response:
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
    async def transfer(chat_id: UUID, to: Transfer, person: Asking) -> Response:
        """Moves a chat to a department; whoever held it lets go."""
        if guard.directory.department(to.departmentId) is None:
            raise NotFound("There is no such department.")
        move = to.departmentId
        return done(await desk.command(person, chat_id, lambda chat: chat.transfer(move, now=guard.clock())))

    @router.post("/{chat_id}/close", responses={200: WRITTEN})
    async def close(chat_id: UUID, person: Asking) -> Response:
        """Ends the conversation; the customer's next message opens it again."""
        return done(await desk.command(person, chat_id, lambda chat: chat.close(person.id, now=guard.clock())))

    @router.post("/{chat_id}/seen", responses={200: WRITTEN})
    async def mark_seen(chat_id: UUID, seen: Seen, person: Asking) -> Response:
        """Marks everything up to a message as seen by you."""
        return done(await desk.command(person, chat_id, lambda chat: chat.see(person.id, seen.upTo, now=guard.clock())))

    return router


class ChatDesk:
    """What the routes share: permission on a chat, commands on it, and names for ids."""

    def __init__(self, guard: Guard, store: EventStore, reads: Reads) -> None:
        self.guard = guard
        self.store = store
        self.reads = reads

    async def command(self, person: Person, chat_id: UUID, decision: Callable[[Chat], object]) -> Decided:
        """Decides on a chat that the person may answer. To others it does not exist."""

        def permitted(chat: Chat | None) -> Chat:
            if chat is None or not may_reply(person, Place(chat.department_id, chat.holder_id)):
                raise NotFound
            decision(chat)
            return chat

        try:
            return await self.store.decide(Chat, chat_id, permitted, by=by_moderator(person.id))
        except HeldByAnother as refusal:
            raise HeldByAnother(holder=self.named(UUID(str(refusal.details["holder"])))) from None

    async def seen_by(self, person: Person, chat_id: UUID) -> dict[str, Any]:
        """The chat's row. To somebody who may not see it, it does not exist."""
        row = await inbox.one(self.reads, chat_id, person.id)
        if row is None or not may_see(person, Place(row["department_id"], row["holder_id"])):
            raise NotFound
        return row

    def with_names(self, row: dict[str, Any]) -> dict[str, Any]:
        department = self.guard.directory.department(row["department_id"]) if row["department_id"] else None
        holder = self.named(row["holder_id"]) if row["holder_id"] else None
        return {**row, "department": {"id": department.id, "name": department.name} if department else None,
                "holder": holder}  # fmt: skip

    def with_sender(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry["sender_type"] != "moderator":
            return entry
        return {**entry, "sender": self.named(UUID(entry["sender"]["id"]))}

    def named(self, moderator_id: UUID) -> dict[str, Any]:
        return {"id": str(moderator_id), "name": self.guard.directory.name_of(moderator_id)}


def done(decided: Decided, status: int = 200, **more: object) -> Response:
    """A command's answer: where it lies in the log, and the chat's version after it."""
    body = {"position": decided.position, "version": decided.version, **more}
    return answer(body, status, {"X-Pulse-Position": str(decided.position)})
