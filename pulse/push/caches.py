"""What cache channels told last: for whoever subscribes later.

https://pusher.com/docs/channels/using_channels/cache-channels/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import takewhile

from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.push.app_events import CACHE_SECONDS, AppEvents, is_cached
from pulse.push.encoding import Told, Wire, event_wire, wire_of
from pulse.push.missed import Wanted
from pulse.push.ring import Ring


class Caches:
    """`when_missing` is called with a channel that has nothing to show; not when the log can't be asked. `clock` is in
    seconds since 1970."""

    def __init__(self, events: AppEvents, ring: Ring, clock: Callable[[], float] = time.time) -> None:
        self.events = events
        self.ring = ring
        self.clock = clock
        self.when_missing: Callable[[str], None] | None = None

    async def wire(self, channel: str, wanted: Wanted) -> Wire | None:
        """What a new subscriber is told on it: the last of the log that is theirs (`wanted`), if it is not long ago, or
        what an app published.

        None on a channel that keeps nothing, and when nobody knows.
        """
        if not is_cached(channel):
            return None
        newest = takewhile(self._counts, self.ring.newest_on(channel))
        if (wire := next(filter(None, map(wanted, newest)), None)) is not None:
            return wire
        try:
            last = await self.events.last_event(channel)
        except (LogDown, AppendRefused):
            return None
        if last is not None:
            return wire_of({"event": last.event, "channel": channel, "data": last.data})
        if self.when_missing is not None:
            self.when_missing(channel)
        return event_wire("pusher:cache_miss", {}, channel)

    def _counts(self, told: Told) -> bool:
        """For as long as what apps publish, wherever it comes from."""
        when = told.frame.when
        return when is None or when.timestamp() + CACHE_SECONDS > self.clock()
