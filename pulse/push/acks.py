"""What somebody has seen of a chat, as their socket says it: it moves last seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from pulse.access import Place, by_moderator, may_see
from pulse.aggregates.chat import Chat
from pulse.directory import Directory
from pulse.errors import BadInput, NotFound
from pulse.eventlog.store import EventStore

WRITTEN_BY_NEWER = "A newer Pulse wrote this. Try again when all of Pulse has been updated."


class Acks:
    def __init__(self, store: EventStore, directory: Directory, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.directory = directory
        self.clock = clock

    async def take(self, chat: UUID, last_id: object, person: UUID | None) -> None:
        """Everything up to `last_id` was seen: by a moderator, or (None) by the chat's own customer.

        Raises BadInput, also for what nobody has said yet; NotFound.
        """
        if type(last_id) is not int or not 0 <= last_id < 2**31:
            raise BadInput("last_id must be a message's id.")
        by = "customer" if person is None else by_moderator(person)
        await self.store.decide(Chat, chat, partial(self._see, person, last_id), by=by)

    def _see(self, who: UUID | None, up_to: int, chat: Chat | None) -> Chat:
        if chat is None:
            raise NotFound
        if who is None:
            _require_said(chat, up_to)
            chat.see_as_customer(up_to, now=self.clock())
            return chat
        person = self.directory.person(who)
        if person is None or not may_see(person, Place(chat.department_id, chat.holder_id)):
            raise NotFound
        _require_said(chat, up_to)
        chat.see(person.id, up_to, now=self.clock())
        return chat


def _require_said(chat: Chat, up_to: int) -> None:
    """Raises BadInput."""
    if up_to > chat.version:
        raise BadInput("last_id is beyond the chat's last message.")
