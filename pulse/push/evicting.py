"""Takes open subscriptions back from those who may not have them any more: after a transfer, or with another role.

Windows subscribe to nothing, so they are told to load what they show anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from pulse.access import Place, Subscription, channels_of
from pulse.channel_rights import ChannelRights, May, nobody
from pulse.directory import Directory
from pulse.errors import PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.push.encoding import wire_of
from pulse.push.hub import Hub
from pulse.push.missed import Reason
from pulse.push.peers import Peer, say

AT_ONCE = 50
RESYNC = wire_of({"type": "pulse:resync", "data": {"reason": Reason.RIGHTS}})
REFUSED = {"type": "AuthError", "error": "You may not be on this channel any more.", "status": 403}


class Evicting:
    """`moves` counts what may have changed somebody's rights: who asked before one knows nothing of it. `when_moved` is
    called with the chat of one that is counted here, None when it was a person."""

    def __init__(self, hub: Hub, directory: Directory, rights: ChannelRights) -> None:
        self.hub = hub
        self.directory = directory
        self.rights = rights
        self.moves = 0
        self.when_moved: Callable[[UUID | None], object] = lambda _: None

    def from_chat(self, chat: UUID, place: Place) -> None:
        """A chat has moved here."""
        self._moved(chat)
        for name in channels_of(chat):
            named = Subscription.named(name)
            if name in self.hub.channels and named is not None:
                self._look(name, self.rights.given(named, place))

    async def person(self, who: UUID) -> None:
        """Somebody's rights have changed. Of whatever the log can't say now, they have to ask again."""
        self._moved(None)
        for window in self.hub.staff.get(who, ()):
            window.take(RESYNC)
        theirs = {channel for peer in self.hub.signed.get(who, ()) for channel in peer.subscriptions}
        named = {channel: Subscription.named(channel) for channel in theirs}
        places = await self._places({one.chat for one in named.values() if one is not None and one.chat is not None})
        for channel, one in named.items():
            self._look(channel, self._may(one, places), who)

    def _may(self, channel: Subscription | None, places: Mapping[UUID, Place | None]) -> May:
        if channel is None or (channel.chat is not None and channel.chat not in places):
            return nobody
        return self.rights.given(channel, None if channel.chat is None else places[channel.chat])

    async def _places(self, chats: Iterable[UUID]) -> dict[UUID, Place | None]:
        """Of those of which the log can say it: nobody hears anything meanwhile, so several are asked at once."""
        found, room = dict[UUID, Place | None](), asyncio.Semaphore(AT_ONCE)

        async def look(chat: UUID) -> None:
            async with room:
                with contextlib.suppress(PulseError, AppendRefused, *NEWER_HISTORY):
                    found[chat] = await self.rights.place(chat)

        await asyncio.gather(*map(look, chats))
        return found

    def _moved(self, chat: UUID | None) -> None:
        self.moves += 1
        self.when_moved(chat)

    def _look(self, channel: str, may: May, only: UUID | None = None) -> None:
        for peer, who in list(self.hub.channels.get(channel, {}).items()):
            person = None if who is None else self.directory.person(who)
            if who is not None and only in (None, who) and (person is None or not may(person)):
                self._evict(peer, channel)

    def _evict(self, peer: Peer, channel: str) -> None:
        self.hub.unsubscribe(peer, channel)
        say(peer, "pusher:subscription_error", REFUSED, channel)
