"""Tells clients who came to a presence channel and who went, how many are on a channel, and whether those they watch
are online.
"""

from __future__ import annotations

from typing import Any

import orjson

from pulse.push.encoding import Wire, event_wire
from pulse.push.hub import Hub
from pulse.push.names import PRESENCE
from pulse.push.watching import Watching
from pulse.roster.changes import CameOnline, Change, Counted, MemberAdded, MemberRemoved, WentOffline
from pulse.roster.words import Info

SHOWN = 56 * 1024  # of the 64 KiB of a frame


class Comings:
    """The roster calls it with each change. How many there are is told where that is wanted."""

    def __init__(self, hub: Hub, watching: Watching, *, counts: bool) -> None:
        self.hub = hub
        self.watching = watching
        self.counts = counts
        hub.roster.when_changed.add(self.tell)

    def tell(self, change: Change) -> None:
        """One change, to those whom it concerns."""
        match change:
            case MemberAdded(channel=channel, user_id=user_id, user_info=info):
                self._on(channel, "member_added", {"user_id": user_id, "user_info": info})
            case MemberRemoved(channel=channel, user_id=user_id):
                self._on(channel, "member_removed", {"user_id": user_id})
            case Counted(channel=channel, subscriptions=count) if self.counts and not channel.startswith(PRESENCE):
                self.hub.post.send(list(self.hub.channels.get(channel, ())), count_wire(channel, count))
            case CameOnline(user_id=user_id):
                self.watching.tell("online", user_id)
            case WentOffline(user_id=user_id):
                self.watching.tell("offline", user_id)

    def _on(self, channel: str, event: str, data: dict[str, Any]) -> None:
        if peers := self.hub.channels.get(channel):
            self.hub.post.send(list(peers), event_wire(f"pusher_internal:{event}", data, channel))


def count_wire(channel: str, subscriptions: int) -> Wire:
    """How many are on a channel."""
    return event_wire("pusher_internal:subscription_count", {"subscription_count": subscriptions}, channel)


def as_fits(members: dict[str, Info], oneself: str | None) -> dict[str, Info]:
    """Those who fit into a frame, in their order; always oneself: clients look themselves up."""
    shown: set[str | None] = {oneself}
    room = SHOWN - _size(oneself, members.get(oneself or "", {}))
    for user_id, info in members.items():
        if user_id != oneself:
            room -= _size(user_id, info)
            if room < 0:
                break
            shown.add(user_id)
    return {user_id: info for user_id, info in members.items() if user_id in shown}


def _size(user_id: str | None, info: Info) -> int:
    """Of a member in `ids` and `hash`, as JSON in a string of JSON."""
    return len(orjson.dumps(orjson.dumps([user_id, user_id, info]).decode()))
