"""Who is online: what the push processes say live about open staff sockets. In memory only; the log knows nothing of it.

A process that falls silent is believed for LIFE_SECONDS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec
import orjson

from pulse.eventlog.jetstream import Log

ONLINE = "pulse.live.online"
TELL_SECONDS = 3.0
LIFE_SECONDS = 10.0
GRACE_SECONDS = 5.0  # a page that is loaded again is away for a moment


class Told(msgspec.Struct, frozen=True):
    """What one push process says: all moderators with an open socket there."""

    process: str
    people: frozenset[UUID]


class Presence:
    """A table that anybody may keep; `run` fills it. Whoever stands in `when_came` is called when somebody comes online."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self.when_came: set[Callable[[], None]] = set()
        self._log = log
        self._clock = clock
        self._told: dict[str, tuple[frozenset[UUID], float]] = {}
        self._seen: dict[UUID, float] = {}

    async def run(self) -> None:
        """Begins to listen, and returns."""
        await self._log.listen(ONLINE, self.hear)

    async def hear(self, body: bytes) -> None:
        """One process has spoken. What can't be read is passed over: a newer Pulse may say it differently."""
        try:
            told = msgspec.json.decode(body, type=Told)
        except msgspec.MsgspecError:
            return
        before, now = self.online(), self._clock()
        self._told = {process: says for process, says in self._told.items() if says[1] > now}
        self._told[told.process] = (told.people, now + LIFE_SECONDS)
        here = self.online()
        self._seen = {one: at for one, at in self._seen.items() if at + GRACE_SECONDS > now}
        self._seen |= dict.fromkeys(before | here, now)
        if here - before:
            for called in list(self.when_came):
                called()

    def online(self) -> frozenset[UUID]:
        """Who has an open staff socket now."""
        now = self._clock()
        return frozenset[UUID]().union(*(people for people, until in self._told.values() if until > now))

    def around(self) -> frozenset[UUID]:
        """Who is online or was a moment ago: for showing, so that loading a page again makes nobody vanish."""
        now = self._clock()
        return self.online() | {one for one, at in self._seen.items() if at + GRACE_SECONDS > now}


def saying(process: str, people: Iterable[UUID]) -> bytes:
    """What a push process says on ONLINE."""
    return orjson.dumps({"process": process, "people": list(people)})
