"""What whoever subscribes to a channel is told first: that it is so, who is there, and what was told there last."""

from __future__ import annotations

from typing import Any

from pulse.push.caches import Caches
from pulse.push.comings import as_fits, count_wire
from pulse.push.encoding import Wire
from pulse.push.hub import Hub
from pulse.push.missed import Wanted
from pulse.push.names import PRESENCE
from pulse.push.peers import Peer, Ticket, say

Data = dict[str, Any]


class Welcome:
    """`counts` says whether clients are told how many subscribe."""

    def __init__(self, hub: Hub, caches: Caches, *, counts: bool = False) -> None:
        self.hub = hub
        self.caches = caches
        self.counts = counts

    async def cached(self, channel: str, wanted: Wanted) -> Wire | None:
        """What a cache channel told this subscriber last, or that there is nothing; None on any other."""
        return await self.caches.wire(channel, wanted)

    def tell(self, peer: Peer, channel: str, ticket: Ticket, resumed: Data) -> None:
        """`resumed` says where it stands in the log."""
        said = self._presence(channel, ticket) if channel.startswith(PRESENCE) else {}
        say(peer, "pusher_internal:subscription_succeeded", said | resumed, channel)
        if self.counts and not channel.startswith(PRESENCE):
            peer.take(count_wire(channel, self.hub.roster.subscription_count(channel)))
        if (reason := resumed.get("reason")) is not None:
            say(peer, "pulse:resync", {"reason": reason}, channel)

    def _presence(self, channel: str, ticket: Ticket) -> Data:
        members = self.hub.roster.members(channel)
        shown = as_fits(members, ticket.member)
        return {"presence": {"ids": list(shown), "hash": shown, "count": len(members)}}
