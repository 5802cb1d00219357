"""Takes open subscriptions back from those who may not have them any more: after a transfer, or with another role.

Windows subscribe to nothing, so they are told to load what they show anew.
"""

from __future__ import annotations

from uuid import UUID

from pulse.access import Place, Subscription
from pulse.channel_rights import ChannelRights, May, nobody
from pulse.directory import Directory
from pulse.errors import PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.push.encoding import wire_of
from pulse.push.hub import Hub
from pulse.push.missed import Reason
from pulse.push.peers import Peer, say

CHATS = ("private-chat", "presence-chat", "private-cache-chat", "presence-cache-chat")
RESYNC = wire_of({"type": "pulse:resync", "data": {"reason": Reason.RIGHTS}})
REFUSED = {"type": "AuthError", "error": "You may not be on this channel any more.", "status": 403}


class Evicting:
    """`moves` counts what may have changed somebody's rights: who asked before one knows nothing of it."""

    def __init__(self, hub: Hub, directory: Directory, rights: ChannelRights) -> None:
        self.hub = hub
        self.directory = directory
        self.rights = rights
        self.moves = 0

    def from_chat(self, chat: UUID, place: Place) -> None:
        """A chat has moved here."""
        self.moves += 1
        for name in (f"{kind}.{chat}" for kind in CHATS):
            named = Subscription.named(name)
            if name in self.hub.channels and named is not None:
                self._look(name, self.rights.given(named, place))

    async def person(self, who: UUID) -> None:
        """Somebody's rights have changed. Of whatever the log can't say now, they have to ask again."""
        self.moves += 1
        for window in self.hub.staff.get(who, ()):
            window.take(RESYNC)
        peers = self.hub.signed.get(who, set())
        for channel in {name for peer in peers for name in peer.subscriptions}:
            try:
                may = await self.rights.of(channel)
            except (PulseError, AppendRefused, *NEWER_HISTORY):
                may = nobody
            self._look(channel, may, who)

    def _look(self, channel: str, may: May, only: UUID | None = None) -> None:
        for peer, who in list(self.hub.channels.get(channel, {}).items()):
            person = None if who is None else self.directory.person(who)
            if who is not None and only in (None, who) and (person is None or not may(person)):
                self._evict(peer, channel)

    def _evict(self, peer: Peer, channel: str) -> None:
        self.hub.unsubscribe(peer, channel)
        say(peer, "pusher:subscription_error", REFUSED, channel)
