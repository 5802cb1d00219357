"""What holders of the app's secret may ask about channels: which are occupied, by how many, and by whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from pulse.errors import BadInput
from pulse.push.app_events import LastEvent
from pulse.push.names import PRESENCE

COUNTS = frozenset({"user_count", "subscription_count"})

Last = Callable[[str], Awaitable[LastEvent | None]]


class Occupancy(Protocol):
    """Who is on which channel, in all push processes together."""

    def channels(self, prefix: str) -> Sequence[str]:
        """Those that somebody is on and whose names begin so."""
        ...

    def subscription_count(self, channel: str) -> int: ...

    def members(self, channel: str) -> Mapping[str, Any]:
        """The users on a presence channel, by their ids."""
        ...


class Channels:
    """Answers as Pusher's HTTP API does. `info` names attributes, with commas between."""

    def __init__(self, occupancy: Occupancy, last: Last, clock: Callable[[], float]) -> None:
        self._occupancy = occupancy
        self._last = last
        self._clock = clock

    def all(self, prefix: str, info: str) -> dict[str, Any]:
        """Raises BadInput, also for `user_count` of channels that have no users."""
        wanted = attributes(info, COUNTS)
        if "user_count" in wanted and not prefix.startswith(PRESENCE):
            raise BadInput("user_count is known of presence channels only: filter_by_prefix must begin with presence-.")
        found = sorted(self._occupancy.channels(prefix))
        return {"channels": {channel: self._counts(channel, wanted) for channel in found}}

    async def one(self, channel: str, info: str) -> dict[str, Any]:
        """Raises BadInput, LogDown."""
        wanted = attributes(info, COUNTS | {"cache"})
        if "user_count" in wanted and not channel.startswith(PRESENCE):
            raise BadInput("user_count is known of presence channels only.")
        found = {"occupied": self._occupancy.subscription_count(channel) > 0, **self._counts(channel, wanted)}
        if "cache" in wanted and (last := await self._last(channel)) is not None:
            found["cache"] = {"data": last.data, "ttl": max(1, int(last.until - self._clock()))}
        return found

    def users(self, channel: str) -> dict[str, Any]:
        """Raises BadInput unless it is a presence channel."""
        if not channel.startswith(PRESENCE):
            raise BadInput("Users are known of presence channels only.")
        return {"users": [{"id": user} for user in self._occupancy.members(channel)]}

    def told(self, channels: Collection[str], info: str) -> dict[str, dict[str, int]]:
        """What a publisher asked to know of its channels; of those without users, no `user_count`."""
        wanted = attributes(info, COUNTS)
        return {channel: self._counts(channel, wanted) for channel in channels} if wanted else {}

    def _counts(self, channel: str, wanted: Collection[str]) -> dict[str, Any]:
        found = {}
        if "user_count" in wanted and channel.startswith(PRESENCE):
            found["user_count"] = len(self._occupancy.members(channel))
        if "subscription_count" in wanted:
            found["subscription_count"] = self._occupancy.subscription_count(channel)
        return found


def attributes(info: str, known: Collection[str]) -> frozenset[str]:
    """Raises BadInput for one that nobody knows."""
    wanted = frozenset(filter(None, (name.strip() for name in info.split(","))))
    if unknown := wanted - frozenset(known):
        raise BadInput(f"info may ask for {', '.join(sorted(known))}; not for {', '.join(sorted(unknown))[:100]}.")
    return wanted
