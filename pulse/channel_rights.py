"""Who may be on a subscription channel now: for whoever subscribes, and asked again of those who have."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pulse.access import Person, Place, Subscription, may_subscribe
from pulse.aggregates.chat import Chat
from pulse.directory import Directory
from pulse.eventlog.store import EventStore

May = Callable[[Person], bool]


class ChannelRights:
    """What access.py has to know of a channel is looked up here: where its chat stands, whom producers tell."""

    def __init__(self, directory: Directory, store: EventStore) -> None:
        self.directory = directory
        self.store = store

    async def of(self, channel: str) -> May:
        """Raises what looking into the log raises: LogDown, AppendRefused."""
        named = Subscription.named(channel)
        if named is None:
            return nobody
        place = None if named.chat is None else await self.place(named.chat)
        return self.given(named, place)

    def given(self, channel: Subscription, place: Place | None) -> May:
        """The same, where it is known already how its chat stands."""
        audiences = self.directory.audiences_of(channel.kind)
        return lambda person: may_subscribe(person, channel, place, audiences)

    async def place(self, chat: UUID) -> Place | None:
        """Where a chat stands; None for one that isn't there."""
        found = await self.store.look(Chat, chat)
        return None if found is None else Place(found.department_id, found.holder_id)


def nobody(_: Person) -> bool:
    """Who may be on a channel of which nothing is known."""
    return False


def everybody(_: Person) -> bool:
    """Who may be on one that is judged elsewhere."""
    return True
