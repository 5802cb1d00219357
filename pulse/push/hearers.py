"""Who hears on a channel what is in no log: client events, and what holders of the app's secret publish."""

from __future__ import annotations

from uuid import UUID

from pulse.access import Place, Subscription
from pulse.channel_rights import May, nobody
from pulse.errors import PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.push.evicting import Evicting
from pulse.push.peers import Peer
from pulse.push.telling import Telling

KNOWN = 10_000


class Hearers:
    """Where a chat stands is remembered until the relay sees it move, so that typing costs no look at the log.

    Whoever loses the right hears no more from the moment in which they are told so. While the feed is stale, moves
    may have been missed: then nothing is remembered. Nor is it after what the relay could not read: it may have been a
    move of any chat.
    """

    def __init__(self, telling: Telling, evicting: Evicting) -> None:
        self.telling = telling
        self.evicting = evicting
        self.hub = telling.hub
        self.directory = telling.directory
        self._places: dict[UUID, Place | None] = {}
        self._moves = evicting.moves  # those that were looked at
        evicting.when_moved = self._forget

    async def on(self, channel: str) -> list[Peer]:
        """In one step with the answer: nothing may be awaited until they are told. Nobody while nobody knows."""
        if not any(self.hub.channels.get(channel, {}).values()):  # only holders of the app's secret, or nobody
            return list(self.hub.channels.get(channel, ()))
        try:
            may = await self._may(channel)
        except (PulseError, AppendRefused, *NEWER_HISTORY):
            may = nobody
        return self.hub.hearers(channel, self.directory, may)

    async def may_speak(self, channel: str, person: UUID | None) -> bool:
        """None holds the app's secret. Raises what looking into the log raises."""
        if person is None:
            return True
        found = self.directory.person(person)
        return found is not None and (await self._may(channel))(found)

    async def _may(self, channel: str) -> May:
        named = Subscription.named(channel)
        if named is None:
            return nobody
        return self.evicting.rights.given(named, None if named.chat is None else await self._place(named.chat))

    async def _place(self, chat: UUID) -> Place | None:
        moves = self.evicting.moves
        if moves != self._moves or self.telling.stale or len(self._places) >= KNOWN:
            self._places.clear()
            self._moves = moves
        if chat in self._places:
            return self._places[chat]
        found = await self.evicting.rights.place(chat)
        if moves == self.evicting.moves and not self.telling.stale:
            self._places[chat] = found
        return found

    def _forget(self, chat: UUID | None) -> None:
        """The place of a chat that has moved. Another person is no other place."""
        self._moves += 1
        if chat is not None:
            self._places.pop(chat, None)
