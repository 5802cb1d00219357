"""What the routes of chats share: permission on a chat, commands on it, and names for ids."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from pulse.access import Person, Place, by_moderator, may_reply, may_see
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_standing import HeldByAnother
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.message import id_key
from pulse.projections import inbox
from pulse.projections.reads import Reads


class ChatDesk:
    """Chats as a signed-in person may see and change them. Raises NotFound for what is not theirs."""

    def __init__(self, guard: Guard, store: EventStore, reads: Reads) -> None:
        self.guard = guard
        self.store = store
        self.reads = reads

    async def command(
        self, person: Person, chat_id: UUID, decision: Callable[[Chat], object], key: int | None = None
    ) -> Decided:
        """Decides on a chat that the person may answer. To others it does not exist.

        A command whose `key` the chat knows was taken before: nothing is decided.
        """

        def permitted(chat: Chat) -> None:
            if not may_reply(person, Place(chat.department_id, chat.holder_id)):
                raise NotFound
            if key is None or key not in chat.client_msgs:
                decision(chat)
                if key is not None:
                    chat.remember(key, now=self.guard.clock())

        try:
            return await self.store.decide_known(Chat, chat_id, permitted, by=by_moderator(person.id))
        except HeldByAnother as refusal:
            holder = refusal.details["holder"]
            raise type(refusal)(holder=holder and self.named(UUID(str(holder)))) from None

    async def known_to(self, person: Person, chat_id: UUID) -> Chat:
        """The chat as the log has it, for looking only. To somebody who may not see it, it does not exist."""
        chat = await self.store.look(Chat, chat_id)
        if chat is None or not may_see(person, Place(chat.department_id, chat.holder_id)):
            raise NotFound
        return chat

    async def version_of(self, chat_id: UUID, key: int | None) -> int:
        """The version that came of a client's id; 0 for one the chat does not know."""
        chat = await self.store.look(Chat, chat_id)
        return chat.client_msgs.get(key, 0) if chat and key is not None else 0

    async def seen_by(self, person: Person, chat_id: UUID) -> dict[str, Any]:
        """The chat's row. To somebody who may not see it, it does not exist."""
        row = await inbox.one(self.reads, chat_id, person.id)
        if row is None or not may_see(person, Place(row["department_id"], row["holder_id"])):
            raise NotFound
        return row

    def with_names(self, row: dict[str, Any]) -> dict[str, Any]:
        """A chat's row with what is in memory, so that it is always up to date: names, and the customer's block."""
        holder = self.named(row["holder_id"]) if row["holder_id"] else None
        return {**self.with_block(row), "department": self.department(row["department_id"]), "holder": holder}

    def with_block(self, row: dict[str, Any]) -> dict[str, Any]:
        """A chat's row or a customer's, and why nothing of theirs is taken in."""
        block = self.guard.directory.block_of(row["source_id"], row["peer"])
        return {**row, "blocked": {"reason": block.reason, "at": block.at} if block else None}

    def department(self, department_id: UUID | None) -> dict[str, Any] | None:
        found = self.guard.directory.department(department_id) if department_id else None
        return {"id": found.id, "name": found.name} if found else None

    def with_sender(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry["sender_type"] != "moderator":
            return entry
        return {**entry, "sender": self.named(UUID(entry["sender"]["id"]))}

    def named(self, moderator_id: UUID) -> dict[str, Any]:
        return {"id": str(moderator_id), "name": self.guard.directory.name_of(moderator_id)}


def command_key(person: Person, what: str, client_id: str | None) -> int | None:
    """What a chat remembers a command by: who wanted what, under which id of their client. None without an id."""
    # `order` stands in what the log remembers: another word, and old commands would be taken once more.
    return None if client_id is None else id_key(f"order/{person.id.hex}/{what}/{client_id}")
