"""Takes open subscriptions back from those who may not have them any more: after a transfer, or with another role."""

from __future__ import annotations

from uuid import UUID

from pulse.access import Place, Subscription
from pulse.channel_rights import ChannelRights, May
from pulse.directory import Directory
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.push.hub import Hub
from pulse.push.peers import Peer, say

CHATS = ("private-chat", "presence-chat")
REFUSED = {"type": "AuthError", "error": "You may not be on this channel any more.", "status": 403}


class Evicting:
    def __init__(self, hub: Hub, directory: Directory, rights: ChannelRights) -> None:
        self.hub = hub
        self.directory = directory
        self.rights = rights

    def from_chat(self, chat: UUID, place: Place) -> None:
        """A chat has moved here."""
        for name in (f"{kind}.{chat}" for kind in CHATS):
            named = Subscription.named(name)
            if name in self.hub.channels and named is not None:
                self._look(name, self.rights.given(named, place))

    async def person(self, who: UUID) -> None:
        """Somebody's rights have changed. While the log can't say where a chat stands, the frames are refused alone."""
        peers = self.hub.windows.get(who, set())
        for channel in {name for peer in peers for name in peer.subscriptions}:
            try:
                may = await self.rights.of(channel)
            except (LogDown, AppendRefused):
                continue
            self._look(channel, may, who)

    def _look(self, channel: str, may: May, only: UUID | None = None) -> None:
        for peer, who in list(self.hub.channels.get(channel, {}).items()):
            person = None if who is None else self.directory.person(who)
            if who is not None and only in (None, who) and (person is None or not may(person)):
                self._evict(peer, channel)

    def _evict(self, peer: Peer, channel: str) -> None:
        self.hub.unsubscribe(peer, channel)
        say(peer, "pusher:subscription_error", REFUSED, channel)
