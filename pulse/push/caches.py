"""What cache channels told last: for whoever subscribes later.

https://pusher.com/docs/channels/using_channels/cache-channels/
"""

from __future__ import annotations

from collections.abc import Callable

from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.push.app_events import AppEvents, is_cached
from pulse.push.encoding import Wire, event_wire, wire_of


class Caches:
    """`when_missing` is called with a channel that has nothing to show."""

    def __init__(self, events: AppEvents) -> None:
        self.events = events
        self.when_missing: Callable[[str], None] | None = None

    async def wire(self, channel: str) -> Wire | None:
        """What a new subscriber is told on it; None on a channel that keeps nothing."""
        if not is_cached(channel):
            return None
        try:
            last = await self.events.last_event(channel)
        except (LogDown, AppendRefused):
            last = None
        if last is not None:
            return wire_of({"event": last.event, "channel": channel, "data": last.data})
        if self.when_missing is not None:
            self.when_missing(channel)
        return event_wire("pusher:cache_miss", {}, channel)
