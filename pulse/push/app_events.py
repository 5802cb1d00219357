"""What holders of the app's secret make Pulse tell: said live to every push process, each tells its own sockets.

None of it is an event of the log. Of cache channels the last one is noted beside the log for half an hour, so that
any process can tell it to who subscribes later.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import APP
from pulse.eventlog.notes import CACHE, Notes

CACHE_SECONDS = 1800
CACHED = ("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-")


class AppEvent(msgspec.Struct, frozen=True, tag="event"):
    """For everybody on `channels` but the socket `socket_id`. `data` is text, passed on as it is."""

    event: str
    data: str
    channels: tuple[str, ...]
    socket_id: str | None = None


class Terminate(msgspec.Struct, frozen=True, tag="terminate"):
    """Every socket that signed in as this user is to be closed, with 4009."""

    user: str


class LastEvent(msgspec.Struct, frozen=True):
    """What a cache channel told last, until `until` (seconds since 1970)."""

    event: str
    data: str
    until: float


Said = AppEvent | Terminate
Hear = Callable[[Said], Awaitable[None]]


class AppEvents:
    """Says them, hears them, and knows the last of a cache channel. `clock` is in seconds since 1970."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._log = log
        self._notes = Notes(log, CACHE)
        self._clock = clock

    async def publish(self, events: Sequence[AppEvent]) -> None:
        """Returns once NATS has taken all of them. Raises LogDown.

        Noted first: who subscribes between the two is told it twice, instead of never.
        """
        until = self._clock() + CACHE_SECONDS
        last = {channel: LastEvent(event.event, event.data, until) for event in events for channel in _cached(event)}
        await asyncio.gather(*(self._keep(channel, event) for channel, event in last.items()))
        await self._log.hand_over(APP, [msgspec.json.encode(event) for event in events])

    async def terminate(self, user: str) -> None:
        """Raises LogDown."""
        await self._log.hand_over(APP, [msgspec.json.encode(Terminate(user))])

    async def listen(self, hear: Hear) -> None:
        """From now on `hear` is called with everything that is said, here too. What can't be read is passed over: a
        newer Pulse may say it differently."""

        async def pass_on(body: bytes) -> None:
            try:
                said: Said = msgspec.json.decode(body, type=Said)
            except msgspec.MsgspecError:
                return
            await hear(said)

        await self._log.listen(APP, pass_on)

    async def last_event(self, channel: str) -> LastEvent | None:
        """What a cache channel told last; None when that was too long ago, or never. Raises LogDown."""
        if not is_cached(channel):
            return None
        note = await self._notes.read(_name(channel))
        if not note.says:
            return None
        found = msgspec.convert(note.says, LastEvent)
        return found if found.until > self._clock() else None

    async def _keep(self, channel: str, event: LastEvent) -> None:
        await self._notes.write(_name(channel), msgspec.to_builtins(event), seconds=CACHE_SECONDS)


def is_cached(channel: str) -> bool:
    return channel.startswith(CACHED)


def _cached(event: AppEvent) -> list[str]:
    return [channel for channel in event.channels if is_cached(channel)]


def _name(channel: str) -> str:
    """Channels have dots, which are other than letters in a note's name."""
    return f"channel.{hashlib.sha256(channel.encode()).hexdigest()}"
