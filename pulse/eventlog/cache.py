"""Aggregates as the log has them, kept in memory and bounded; whatever is doubtful is forgotten and read again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Set
from itertools import islice

from pulse.eventlog.commands import Command, Decided, Draft, Folded, make_draft
from pulse.eventlog.envelope import open_stored
from pulse.eventlog.jetstream import Log


class Cache:
    """Folded aggregates by their subject, the least recently used leave first. `busy` ones stay."""

    def __init__(self, log: Log, size: int, busy: Set[str]) -> None:
        self._log = log
        self._size = size
        self._busy = busy
        self._folded: OrderedDict[str, Folded] = OrderedDict()
        self._folding: dict[str, asyncio.Future[Folded]] = {}

    def __getitem__(self, subject: str) -> Folded:
        return self._folded[subject]

    def __contains__(self, subject: str) -> bool:
        return subject in self._folded

    def __len__(self) -> int:
        return len(self._folded)

    def has(self, subjects: Collection[str]) -> bool:
        """Is all of it here, and not too much? What is asked for counts as used."""
        if len(self._folded) > self._size:
            return False
        for subject in subjects:
            if subject not in self._folded:
                return False
            self._folded.move_to_end(subject)
        return True

    async def load(self, subjects: Collection[str]) -> None:
        """Folds what is missing."""
        for subject in subjects:
            if subject in self._folded:
                self._folded.move_to_end(subject)
            else:
                self._folded.setdefault(subject, await self._fold_once(subject))
        for subject in list(islice(self._folded, max(0, len(self._folded) - self._size))):
            if subject not in self._busy and subject not in subjects:
                del self._folded[subject]

    def forget(self, subjects: Iterable[str]) -> None:
        for subject in subjects:
            self._folded.pop(subject, None)
            self._folding.pop(subject, None)  # what is being read may be as old

    def draft(self, command: Command, conditioned: set[str]) -> Draft:
        """Decides on what is here. Whatever is raised leaves it spoiled, so it is forgotten."""
        try:
            return make_draft(command, [self._folded[subject] for subject in command.subjects], conditioned)
        except BaseException:
            self.forget(command.subjects)
            raise

    def settle(self, draft: Draft, first: int) -> Decided:
        """The events are in the log from position `first` on."""
        for position, append in enumerate(draft.appends, first):
            folded = self._folded.get(append.subject)
            if folded is not None:
                folded.position = position
        return Decided(first + len(draft.appends) - 1, draft.version, tuple(draft.events))

    def nothing_new(self, draft: Draft) -> Decided:
        """There was nothing to do."""
        position = max(self._folded[subject].position for subject in draft.command.subjects)
        return Decided(position, draft.version, ())

    async def _fold_once(self, subject: str) -> Folded:
        """Whoever comes while it is being read waits for the same reading."""
        folding = self._folding.get(subject)
        if folding is None:
            folding = self._folding[subject] = asyncio.ensure_future(self.fold(subject))
            folding.add_done_callback(lambda done: self._folded_once(subject, done))
        return await asyncio.shield(folding)

    def _folded_once(self, subject: str, done: asyncio.Future[Folded]) -> None:
        if self._folding.get(subject) is done:
            del self._folding[subject]
        if not done.cancelled():
            done.exception()  # whoever waited has it; perhaps nobody does any more

    async def fold(self, subject: str) -> Folded:
        """A copy of its own, straight from the log."""
        folded = Folded(None, 0)
        await self.read_tail(subject, folded)
        return folded

    async def read_tail(self, subject: str, folded: Folded) -> bool:
        """Adds what the log has after this state. Was there anything?"""
        tail = await self._log.read_all(subject, folded.position + 1)
        for stored in tail:
            event = open_stored(stored).event
            folded.aggregate = event.mutate(folded.aggregate)
            folded.position = stored.position
        return bool(tail)
