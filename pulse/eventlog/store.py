"""Load an aggregate, decide, append: the one way anything new gets into the log.

Exactly once rests on three things: computed ids, the aggregate's own memory of what it has seen, and the
expected sequence, which makes check and append one step. Nothing here is kept that a crash could lose.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import orjson
import structlog
from eventsourcing.domain import Aggregate

from pulse.errors import LogDown, TooLarge, there
from pulse.eventlog.alone import Alone
from pulse.eventlog.appends import Ack, AckLost, AppendRefused
from pulse.eventlog.batcher import Batcher
from pulse.eventlog.cache import Cache
from pulse.eventlog.commands import Command, Decided, Decision, Draft, HalfDecided, Key, subject_of_key
from pulse.eventlog.jetstream import Log
from pulse.socket_ids import SENDER

CACHED = 20_000
BATCH_EVENTS = 900  # the server takes 1000
BATCH_BYTES = 4 * 1024 * 1024
HOLD_SECONDS = 0.02  # commands that go alone hold back a batch, so that it gathers, but not if one of them is stuck
NOT_DRAFTED = (HalfDecided, msgspec.MsgspecError, orjson.JSONEncodeError)

log = structlog.get_logger(__name__)

A = TypeVar("A", bound=Aggregate)


class EventStore:
    """Aggregates on the log. One per process; its cache is trusted, because the log refuses what is out of date."""

    def __init__(self, log: Log, *, cached: int = CACHED) -> None:
        self.log = log
        self.batcher: Batcher[Command] = Batcher(self._run_group, self._is_free)
        self._busy: set[str] = set()
        self._awaited: Counter[str] = Counter()  # by how many waiting commands
        self.cache = Cache(log, cached, self._busy)
        self._alone = Alone(log, self.cache)

    async def load(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate as the log has it now, None before its first event. A copy of its own, read whole; see `look`."""
        folded = await self.cache.fold(subject_of_key((kind, aggregate_id)))
        return folded.aggregate  # type: ignore[return-value]

    async def look(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate as the log has it now, None before its first event. Of one in memory only what is new is read.

        Decides nothing; for reading only, and at once: it is the store's own, and the next decision changes it.
        Raises what `decide` raises.
        """
        found: list[A | None] = []

        def seen(aggregate: A | None) -> A | None:
            found.append(aggregate)
            return aggregate

        await self.decide(kind, aggregate_id, seen, by="")
        return found[-1]

    def decide(
        self,
        kind: type[A],
        aggregate_id: UUID,
        decision: Callable[[A | None], A | None],
        *,
        by: str,
        cause: str | None = None,
        msg_id: str | None = None,
    ) -> Awaitable[Decided]:
        """Runs a decision on one aggregate until it counts; it may run again when others were faster.

        The decision gets the aggregate (None before its first event) and returns it. What it raises comes out
        here and nothing is stored. Raises TryLater, StoreConflict, LogDown; AckLost when it may be stored.
        """
        return self.decide_together([(kind, aggregate_id)], decision, by=by, cause=cause, msg_id=msg_id)

    def decide_if_known(
        self, kind: type[A], aggregate_id: UUID, act: Callable[[A], object], *, by: str, cause: str | None = None
    ) -> Awaitable[Decided]:
        """Like `decide`, on an aggregate that is there; where none is, nothing comes of it."""

        def decision(known: A | None) -> A | None:
            if known is not None:
                act(known)
            return known

        return self.decide(kind, aggregate_id, decision, by=by, cause=cause)

    def decide_known(
        self, kind: type[A], aggregate_id: UUID, act: Callable[[A], object], *, by: str, otherwise: str = ""
    ) -> Awaitable[Decided]:
        """Like `decide`, on what must be there already. Raises NotFound too, with the sentence `otherwise`."""

        def decision(known: A | None) -> A:
            act(found := there(known, otherwise))
            return found

        return self.decide(kind, aggregate_id, decision, by=by)

    async def decide_together(
        self, keys: Sequence[Key], decision: Decision, *, by: str, cause: str | None = None, msg_id: str | None = None
    ) -> Decided:
        """Like `decide`, for several aggregates at once: all their events are stored, or none."""
        command = Command(tuple(keys), tuple(map(subject_of_key, keys)), decision, by, cause, msg_id, SENDER.get())
        if not self.cache.has(command.subjects):
            await self.cache.load(command.subjects)
        if self._goes_alone(command):
            return await self._run_alone(command)
        command.future = asyncio.get_running_loop().create_future()
        self.batcher.join(command)
        self._awaited.update(command.subjects)
        return await command.future

    def _goes_alone(self, command: Command) -> bool:
        """At once and by itself, unless batches are faster or others wait for the same aggregate."""
        if self.batcher.pace.batching or not self._is_free(command):
            return False
        return not self._awaited or not any(subject in self._awaited for subject in command.subjects)

    def _is_free(self, command: Command) -> bool:
        return self._busy.isdisjoint(command.subjects)

    async def _run_alone(self, command: Command) -> Decided:
        self._busy.update(command.subjects)
        self.batcher.enter_alone()
        try:
            return await self._alone.until_it_counts(command)
        finally:
            self._busy.difference_update(command.subjects)
            self.batcher.leave_alone()

    # Together: decided one after the other on the same state, stored as one batch

    def _run_group(self, commands: list[Command]) -> Coroutine[Any, Any, None]:
        """Takes the aggregates at once: before a task begins, somebody else could start on one of them."""
        for command in commands:
            self._busy.update(command.subjects)
            self._stop_awaiting(command)
        return self._run_taken(commands)

    def _stop_awaiting(self, command: Command) -> None:
        for subject in command.subjects:
            self._awaited[subject] -= 1
            if not self._awaited[subject]:
                del self._awaited[subject]

    async def _run_taken(self, commands: list[Command]) -> None:
        together = len(commands) > 1 and all(subject in self.cache for c in commands for subject in c.subjects)
        left: list[Command] = []
        try:
            left = await self._store_together(commands) if together else commands
        except Exception as error:
            log.exception("store.group-failed", commands=len(commands))
            self._refuse_all(commands, error)  # not again: some may be stored
        finally:
            self._free(commands, left)
        if left:
            await self.batcher.trail(self._each_alone(left), len(left), 0.0 if together else HOLD_SECONDS)

    def _free(self, done: list[Command], left: list[Command]) -> None:
        """Others may have the aggregates of what is done, as far as nothing that is left wants them."""
        wanted = {subject for command in left for subject in command.subjects}
        self._busy.difference_update({subject for command in done for subject in command.subjects} - wanted)
        self.batcher.kick()

    async def _store_together(self, commands: list[Command]) -> list[Command]:
        """Stores what fits into one batch. Returns the commands that have no answer yet."""
        try:
            drafts, conditioned = self._draft_batch(commands)
        except NOT_DRAFTED as error:
            return self._one_by_one(commands, error)
        appends = [append for draft in drafts for append in draft.appends]
        try:
            ack = await self.log.append_all(appends) if appends else Ack(0, duplicate=False)
        except AckLost as error:
            for draft in drafts:
                draft.command.unsure = bool(draft.appends)
            return self._one_by_one(commands, error)
        except LogDown as error:
            self._refuse_all(commands, error)
            return []
        except (AppendRefused, TooLarge) as error:
            return self._one_by_one(commands, error)
        if ack.duplicate:
            return self._one_by_one(commands, ack)
        return self._settle_group(drafts, ack.position - len(appends) + 1, conditioned) + commands[len(drafts) :]

    def _one_by_one(self, commands: list[Command], answer: object) -> list[Command]:
        """One of them is at fault, or nobody knows what is stored; alone, each gets its own answer."""
        log.warning("store.batch-refused", commands=len(commands), answer=repr(answer))
        for command in commands:
            self.cache.forget(command.subjects)
        return commands

    def _draft_batch(self, commands: list[Command]) -> tuple[list[Draft], set[str]]:
        """Drafts, as many as one batch may hold, and the subjects that carry a condition."""
        drafts: list[Draft] = []
        conditioned: set[str] = set()
        events = size = 0
        for command in commands:
            drafts.append(self.cache.draft(command, conditioned))
            events += len(drafts[-1].appends)
            size += sum(len(append.body) for append in drafts[-1].appends)
            if events > BATCH_EVENTS or size > BATCH_BYTES:
                break
        return drafts, conditioned

    async def _each_alone(self, commands: list[Command]) -> None:
        """One after the other per aggregate, different aggregates side by side."""
        chain_of: dict[str, list[Command]] = {}
        for command in commands:
            joined = [command]
            for chain in {id(chain): chain for s in command.subjects if (chain := chain_of.get(s))}.values():
                joined = chain + joined
            chain_of.update((subject, joined) for one in joined for subject in one.subjects)
        chains = {id(chain): chain for chain in chain_of.values()}
        await asyncio.gather(*(self._chain(chain) for chain in chains.values()))

    async def _chain(self, commands: list[Command]) -> None:
        left = list(commands)
        try:
            while left:
                await self._answer(left[0])
                self._free([left.pop(0)], left)
                await asyncio.sleep(0)  # whoever only looked reads it now, before the next decision changes it
        finally:
            self._free(left, [])

    async def _answer(self, command: Command) -> None:
        try:
            decided = await self._alone.until_it_counts(command)
        except Exception as error:  # noqa: BLE001  it belongs to whoever waits for this command
            if not command.future.done():
                command.future.set_exception(error)
        else:
            if not command.future.done():
                command.future.set_result(decided)

    def _settle_group(self, drafts: list[Draft], first: int, conditioned: set[str]) -> list[Command]:
        """Answers the commands whose state the log has confirmed; returns the others."""
        left = []
        for draft in drafts:
            future = draft.command.future
            if not draft.appends and not conditioned.issuperset(draft.command.subjects):
                left.append(draft.command)
            elif draft.refusal is not None:
                if not future.done():
                    future.set_exception(draft.refusal)
            else:
                decided = self.cache.settle(draft, first) if draft.appends else self.cache.nothing_new(draft)
                first += len(draft.appends)
                if not future.done():
                    future.set_result(decided)
        return left

    def _refuse_all(self, commands: list[Command], error: Exception) -> None:
        for command in commands:
            self.cache.forget(command.subjects)
            if not command.future.done():
                command.future.set_exception(error)
