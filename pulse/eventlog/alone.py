"""One command by itself, tried until the log agrees. When no answer came, the log is asked what became of it."""

from __future__ import annotations

import asyncio
import random

from pulse.errors import StoreConflict, Trouble
from pulse.eventlog.appends import Ack, AckLost, BatchHasDuplicate, BatchLost, StillInFlight, WrongSequence
from pulse.eventlog.cache import Cache
from pulse.eventlog.commands import Command, Decided, Draft
from pulse.eventlog.envelope import Recorded, id_of, open_stored
from pulse.eventlog.jetstream import Log

TRIES = 8


class Alone:
    def __init__(self, log: Log, cache: Cache) -> None:
        self.log = log
        self.cache = cache

    async def until_it_counts(self, command: Command) -> Decided:
        """The command's aggregates are taken. Raises StoreConflict, AckLost, and what the decision raises."""
        try:
            for attempt in range(TRIES):
                if not self.cache.has(command.subjects):
                    await self.cache.load(command.subjects)
                # After loading: an event that arrives in between is found here, a later one makes the append fail.
                if command.unsure and (found := await self._find_own(command)):
                    return found
                decided = await self._try_once(command)
                if decided is not None:
                    return decided
                await asyncio.sleep(random.uniform(0.001, 0.01) * (attempt + 1))  # noqa: S311
        except Trouble as error:
            if command.unsure and not isinstance(error, AckLost):
                raise AckLost from error  # an earlier attempt may be stored, whatever is wrong now
            raise
        raise AckLost if command.unsure else StoreConflict

    async def _try_once(self, command: Command) -> Decided | None:
        """One attempt; None when it has to be made again."""
        draft = self.cache.draft(command, set())
        if not draft.appends:
            return await self._without_events(draft)
        ack: Ack | None = None
        try:
            ack = await self.log.append_all(draft.appends)
        except (WrongSequence, StillInFlight, BatchLost):
            return None
        except BatchHasDuplicate:
            command.msg_id = None
            return None
        except AckLost:
            command.unsure = True
            return None
        finally:
            if ack is None or ack.duplicate:
                self.cache.forget(command.subjects)
        if ack.duplicate:
            # The log knows this message id, but what counts is whether the aggregate remembers the delivery.
            command.msg_id = None
            return None
        return self.cache.settle(draft, ack.position - len(draft.appends) + 1)

    async def _without_events(self, draft: Draft) -> Decided | None:
        """The log can't refuse what isn't appended, so a refusal or "nothing to do" counts only if nothing is new."""
        grew = [await self.cache.read_tail(subject, self.cache[subject]) for subject in draft.command.subjects]
        if any(grew):
            return None
        if draft.refusal is not None:
            raise draft.refusal
        return self.cache.nothing_new(draft)

    async def _find_own(self, command: Command) -> Decided | None:
        """No answer came. The events are stored if the log has their ids; else the command may run again."""
        own: list[Recorded] = []
        for subject in command.subjects:
            tail = await self.log.read_all(subject, (command.drafted_after or 0) + 1)
            mine = [stored for stored in tail if id_of(stored.body) in command.event_ids]
            own += [open_stored(stored) for stored in mine]
        if not own:
            return None
        own.sort(key=lambda recorded: recorded.position)
        versions = [recorded.ver for recorded in own if recorded.aggregate_id == command.keys[0][1]]
        return Decided(own[-1].position, versions[-1] if versions else 0, tuple(recorded.event for recorded in own))
