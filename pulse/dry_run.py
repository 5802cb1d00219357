"""A dry run of routing over recorded history: who would have got these chats. It reads the log and appends nothing.

History knows no presence: everybody who is asked about counts as online and not away, all the time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog
from eventsourcing.domain import AggregateEvent

from pulse.access import Person
from pulse.aggregates.chat_events import ChatClosed, ChatOpened, ChatReopened
from pulse.aggregates.department import Department
from pulse.aggregates.department_policy import BY_HAND, Candidate, Policy, choose
from pulse.aggregates.source import Route, Source
from pulse.aggregates.source_rules import FirstWord, Rule
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER, Recorded, open_stored
from pulse.eventlog.jetstream import Log
from pulse.values import value

ASSUMED = "everybody in `moderators`, or all moderators of the department, counted as online and not away throughout"

Told = Callable[[int], None]

log = structlog.get_logger(__name__)


class Known(Protocol):
    """Who is who, as things stand today; a Directory is one."""

    def find_source(self, source: UUID) -> Source | None: ...
    def department(self, department: UUID) -> Department | None: ...
    def members_of(self, department: UUID) -> list[Person]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What to try. None: as it is today; `rules` are of one source, so they come with `source`.

    `since` and `until` are times, `limit` is how many chats are answered about at most; `after` goes on behind a
    position, with nobody holding anything.
    """

    source: UUID | None = None
    rules: tuple[Rule, ...] | None = None
    policy: Policy | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    after: int = 0
    moderators: frozenset[UUID] | None = None


@value
class Verdict:
    """One chat: where it went, where the rules send it (with the rule's index), and whom the policy gives it to."""

    chat_id: UUID
    source_id: UUID
    position: int
    opened_at: datetime
    department: UUID | None
    by_rules: Route
    by_policy: UUID | None


@dataclass(slots=True)
class DryRun:
    """Iterate it for verdicts. `position` is how far it has read; `done`: whether nothing was left out."""

    log: Log
    known: Known
    question: Question
    position: int = 0
    done: bool = False
    _openings: dict[UUID, Recorded] = field(default_factory=dict)
    _given: dict[UUID, UUID] = field(default_factory=dict)
    _held: Counter[UUID] = field(default_factory=Counter)
    _turns: defaultdict[tuple[UUID, UUID], int] = field(default_factory=lambda: defaultdict(int))

    async def verdicts(self, most_events: int, told: Told = lambda _: None) -> AsyncGenerator[Verdict, None]:
        """Up to the question's limit, or about `most_events` events. `told` hears how far it is, page by page."""
        found = 0
        async with aclosing(self._events(most_events, told)) as events:
            async for recorded in events:
                for verdict in self._take(recorded):
                    found += 1
                    yield verdict
                if found >= self.question.limit:
                    return

    async def _events(self, most: int, told: Told) -> AsyncGenerator[Recorded, None]:
        self.position = self.question.after or await first_since(self.log, self.question.since) - 1
        end = self.position + most
        while page := await self.log.read(self.position + 1):
            for stored in page:
                self.position = stored.position
                recorded = _read(stored)
                if recorded is not None and self._is_over(recorded):
                    self.done = True
                    return
                if recorded is not None and recorded.kind == "chat":
                    yield recorded
            told(self.position)
            if self.position >= end and not self._openings:
                return
        self.done = True

    def _is_over(self, recorded: Recorded) -> bool:
        return self.question.until is not None and recorded.at >= self.question.until

    def _take(self, recorded: Recorded) -> Iterator[Verdict]:
        """A chat is judged at its first word; whom it was given to holds it while it was open."""
        chat_id = recorded.aggregate_id
        match recorded.event:
            case ChatOpened(source_id=source):
                since = self.question.since
                if self.question.source in (None, source) and (since is None or recorded.at >= since):
                    self._openings[chat_id] = recorded
                return
            case ChatClosed() if chat_id in self._given:
                self._held[self._given[chat_id]] -= 1
            case ChatReopened() if chat_id in self._given:
                self._held[self._given[chat_id]] += 1
        if (opening := self._openings.pop(chat_id, None)) is not None:
            yield from self._judge(opening, recorded.event)

    def _judge(self, opening: Recorded, first: AggregateEvent) -> Iterator[Verdict]:
        opened = opening.event
        assert isinstance(opened, ChatOpened)
        source = self.known.find_source(opened.source_id)
        if source is None:
            return
        rules = source.rules if self.question.rules is None else self.question.rules
        word = FirstWord.of(first, peer=opened.peer, group=opened.group)
        route = source.by_rules(rules, word, opening.at)
        yield Verdict(
            opening.aggregate_id, opened.source_id, opening.position, opening.at, opened.department_id, route,
            self._give(opening, route.department),
        )  # fmt: skip

    def _give(self, opening: Recorded, department: UUID) -> UUID | None:
        turns = self._turns
        moderator = choose(
            self._policy(department),
            [Candidate(one, self._held[one], turns[department, one]) for one in self._people(department)],
        )
        if moderator is not None:
            self._given[opening.aggregate_id] = moderator
            self._held[moderator] += 1
            turns[department, moderator] = opening.position
        return moderator

    def _policy(self, department: UUID) -> Policy:
        found = self.known.department(department)
        return self.question.policy or (found.policy if found else BY_HAND)

    def _people(self, department: UUID) -> Collection[UUID]:
        asked = self.question.moderators
        return [one.id for one in self.known.members_of(department) if asked is None or one.id in asked]


async def first_since(source: Log, since: datetime | None) -> int:
    """The first position at or after a time; the one behind the end where there is none. A dozen reads."""
    low, high = 1, await source.last_position() + 1
    if since is None:
        return low
    while low < high:
        middle = (low + high) // 2
        page = await source.read(middle, limit=1)
        early = bool(page) and _is_before(since, page[0].body)
        low, high = (middle + 1, high) if early else (low, middle)
    return low


def _read(stored: Stored) -> Recorded | None:
    """None for what a newer Pulse wrote."""
    try:
        return open_stored(stored)
    except NEWER:
        log.warning("dry_run.unreadable", position=stored.position)
        return None


class _Timed(msgspec.Struct):
    at: datetime


def _is_before(time: datetime, body: bytes) -> bool:
    """What can't be read is not: rather read too much than too little."""
    try:
        return msgspec.json.decode(body, type=_Timed).at < time
    except msgspec.MsgspecError:
        return False


def shown(verdict: Verdict, named: Callable[[UUID], str]) -> dict[str, Any]:
    """As the API and the command show it."""

    def with_name(one: UUID | None) -> dict[str, Any] | None:
        return None if one is None else {"id": str(one), "name": named(one)}

    return {
        "chat_id": str(verdict.chat_id),
        "source_id": str(verdict.source_id),
        "position": verdict.position,
        "opened_at": verdict.opened_at.isoformat(),
        "department": with_name(verdict.department),
        "by_rules": {"department": with_name(verdict.by_rules.department), "rule": verdict.by_rules.rule},
        "by_policy": {"moderator": with_name(verdict.by_policy)},
    }
