"""Aggregates as the log has them, kept in memory and bounded; whatever is doubtful is forgotten and read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Set
from itertools import islice

from pulse.eventlog.commands import Folded, Key, subject_of_key
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.jetstream import Log


class Cache:
    """Folded aggregates, the least recently used leave first. `busy` ones stay."""

    def __init__(self, log: Log, size: int, busy: Set[Key]) -> None:
        self._log = log
        self._size = size
        self._busy = busy
        self._folded: OrderedDict[Key, Folded] = OrderedDict()

    def __getitem__(self, key: Key) -> Folded:
        return self._folded[key]

    def __contains__(self, key: Key) -> bool:
        return key in self._folded

    def __len__(self) -> int:
        return len(self._folded)

    async def load(self, keys: Iterable[Key]) -> None:
        """Folds what is missing."""
        wanted = tuple(keys)
        for key in wanted:
            if key in self._folded:
                self._folded.move_to_end(key)
            else:
                folded = await self.fold(key)
                self._folded.setdefault(key, folded)
        for key in list(islice(self._folded, max(0, len(self._folded) - self._size))):
            if key not in self._busy and key not in wanted:
                del self._folded[key]

    def forget(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._folded.pop(key, None)

    async def fold(self, key: Key) -> Folded:
        """A copy of its own, straight from the log."""
        folded = Folded(None, 0)
        await self.read_tail(key, folded)
        return folded

    async def read_tail(self, key: Key, folded: Folded) -> bool:
        """Adds what the log has after this state. Was there anything?"""
        tail = await self._log.read_all(subject_of_key(key), folded.position + 1)
        for stored in tail:
            event = open_envelope(stored.position, stored.subject, stored.body).event
            folded.aggregate = event.mutate(folded.aggregate)
            folded.position = stored.position
        return bool(tail)
