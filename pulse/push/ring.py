"""The newest frames, in memory: whoever comes back soon gets what they missed from here, at once."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from operator import attrgetter
from uuid import UUID
from weakref import WeakValueDictionary

from pulse.cursors import WHOLE, Cursor
from pulse.push.encoding import Told
from pulse.push.names import plain

FRAMES, BYTES = 10_000, 64 * 1024 * 1024
MARKS = 3


class Ring:
    """Holds every frame after `floor`, a position, up to `head`, how far the log has been told.

    It has at most `size` bytes of events, and of what was written of them for whoever was told; what an event adds while
    it is being told comes on top. `rights` are the people whose rights changed, and where: their frames can't make up
    for it.
    """

    def __init__(self, frames: int = FRAMES, size: int = BYTES) -> None:
        self.floor = 0
        self.head = Cursor(0)
        self._frames = frames
        self._bytes = size
        self._told: list[Told] = []
        self._by_channel: dict[str, list[Told]] = {}
        self._size = 0
        self._rights: list[tuple[int, UUID]] = []
        self._marks: deque[Cursor] = deque(maxlen=MARKS)
        self._awaited: WeakValueDictionary[int, asyncio.Event] = WeakValueDictionary()  # while anybody waits

    def begin(self, at: int) -> None:
        """Forgets everything: nothing before or at this position was told here."""
        self.floor, self.head, self._size = at, Cursor(at), 0
        self._let_go(self._told)
        self._told.clear()
        self._by_channel.clear()
        self._rights.clear()
        self._marks.clear()

    def keep(self, told: Told) -> None:
        """The next frame, in the order of the log."""
        self._told.append(told)
        self._index(told)
        self._size += told.weight
        told.when_heavier = self._grow
        self.head = Cursor(*told.at)

    def pass_by(self, position: int) -> None:
        """All of this event was told. Only now is anything forgotten: what is below `floor` was told whole."""
        self.head = Cursor(position)
        if (awaited := self._awaited.get(position)) is not None:
            awaited.set()
        self._make_room()

    async def passed(self, position: int) -> None:
        """Returns once all of this event was told."""
        if self.head < Cursor(position):
            await self._awaited.setdefault(position, asyncio.Event()).wait()

    def change_rights(self, person: UUID, position: int) -> None:
        """What this person may see is another from here on."""
        self._rights.append((position, person))

    def mark(self) -> None:
        """The log has been told so far now; said every half a minute."""
        self._marks.append(self.head)

    def is_recent(self, cursor: Cursor) -> bool:
        """Was whatever comes after it told within the last minute or so?"""
        return bool(self._marks) and cursor >= self._marks[0]

    def after(self, cursor: Cursor, channel: str | None = None) -> list[Told]:
        """What was told since, in all or on one channel, also a cache channel; asked for nothing before `floor`."""
        assert cursor.position >= self.floor, "the log has what is older"
        told = self._told if channel is None else self._by_channel.get(plain(channel), [])
        return told[bisect_right(told, (cursor.position, cursor.part), key=attrgetter("at")) :]

    def newest_on(self, channel: str) -> Iterator[Told]:
        """What was told on a channel, of that which is here, the newest first."""
        return reversed(self._by_channel.get(plain(channel), []))

    def rights_changed(self, person: UUID, cursor: Cursor) -> bool:
        return any(who == person and position > cursor.position for position, who in self._rights)

    def _grow(self, more: int) -> None:
        """Something here was written for somebody for whom it had not been yet, now or when they came back."""
        self._size += more
        if self.head.part == WHOLE:
            self._make_room()

    def _make_room(self) -> None:
        while len(self._told) > 1 and (len(self._told) >= 2 * self._frames or self._size > self._bytes):
            self._forget()

    def _forget(self) -> None:
        """The older half, up to the end of an event."""
        self.floor = self._told[len(self._told) // 2 - 1].at[0]
        kept = self.after(Cursor(self.floor))
        self._let_go(self._told[: len(self._told) - len(kept)])
        self._told = kept
        self._by_channel = {}
        for told in self._told:
            self._index(told)
        self._size = sum(told.weight for told in self._told)
        self._rights = [(position, who) for position, who in self._rights if position > self.floor]

    def _let_go(self, told: list[Told]) -> None:
        """Whoever holds them still may write them as often as they like."""
        for one in told:
            one.when_heavier = None

    def _index(self, told: Told) -> None:
        for channel in told.frame.channels:
            self._by_channel.setdefault(channel, []).append(told)
