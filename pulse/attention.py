"""Who looks at a chat and who types in it: what desks say live. In memory only; it passes by itself.

Whoever looks says so again every few seconds. A process that never heard somebody go believes them for a while.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import ATTENTION

VIEWING_SECONDS, TYPING_SECONDS = 30.0, 6.0
CHATS, PEOPLE = 10_000, 50


class Sign(msgspec.Struct, frozen=True):
    """One person's attention to a chat. Who may hear of it is asked when it is told: the chat may have moved by then."""

    chat: UUID
    person: UUID
    doing: str  # viewing, typing, or gone


@dataclass(frozen=True, slots=True)
class Viewer:
    person: UUID
    typing: bool


@dataclass(slots=True)
class Watch:
    """The people around one chat: until when each is believed to look, and to type."""

    viewing: dict[UUID, float]
    typing: dict[UUID, float]


class Attention:
    """A table that any process may keep; `run` fills it. `when_changed` is called with each chat that shows otherwise."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self.when_changed: Callable[[UUID], None] | None = None
        self._log = log
        self._clock = clock
        self._watches: OrderedDict[UUID, Watch] = OrderedDict()

    async def run(self) -> None:
        """Begins to listen, and returns."""
        await self._log.listen(ATTENTION, self.hear)

    async def hear(self, body: bytes) -> None:
        """One sign. What can't be read is passed over: a newer Pulse may say it differently."""
        try:
            sign = msgspec.json.decode(body, type=Sign)
        except msgspec.MsgspecError:
            return
        now = self._clock()
        watch = self._watches.setdefault(sign.chat, Watch({}, {}))
        self._watches.move_to_end(sign.chat)
        passed, before = _pass(watch, now), self.viewers(sign.chat)
        _take(watch, sign, now)
        if len(self._watches) > CHATS:
            self._watches.popitem(last=False)
        if passed or self.viewers(sign.chat) != before:
            self._tell(sign.chat)

    def viewers(self, chat: UUID) -> list[Viewer]:
        """Who looks at a chat now, those who have looked longest first."""
        watch, now = self._watches.get(chat), self._clock()
        if watch is None:
            return []
        there = [person for person, until in watch.viewing.items() if until > now]
        return [Viewer(person, watch.typing.get(person, 0.0) > now) for person in there]

    def forget(self) -> None:
        """Lets go of whoever said nothing for too long; of a chat nobody looks at, everything."""
        now = self._clock()
        for chat, watch in list(self._watches.items()):
            if _pass(watch, now):
                self._tell(chat)
            if not watch.viewing:
                del self._watches[chat]

    def _tell(self, chat: UUID) -> None:
        if self.when_changed is not None:
            self.when_changed(chat)


def _pass(watch: Watch, now: float) -> bool:
    """Lets go of whoever said nothing for too long. Was there anybody?"""
    gone = [person for person, until in watch.viewing.items() if until <= now]
    stopped = [person for person, until in watch.typing.items() if until <= now]
    for person in gone:
        del watch.viewing[person]
    for person in stopped:
        del watch.typing[person]
    return bool(gone or stopped)


def _take(watch: Watch, sign: Sign, now: float) -> None:
    if sign.doing == "gone":
        watch.viewing.pop(sign.person, None)
        watch.typing.pop(sign.person, None)
    elif sign.person in watch.viewing or len(watch.viewing) < PEOPLE:
        watch.viewing[sign.person] = max(watch.viewing.get(sign.person, 0.0), now + VIEWING_SECONDS)
        if sign.doing == "typing":
            watch.typing[sign.person] = now + TYPING_SECONDS


def saying(sign: Sign) -> bytes:
    """What a desk says on ATTENTION."""
    return msgspec.json.encode(sign)
