"""The lines of all processes, merged: who is on which channel, and what has changed.

Whoever goes stays shown for the grace, so that a page that is loaded again makes nobody vanish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pulse.roster.changes import (
    CameOnline,
    Change,
    Counted,
    MemberAdded,
    MemberBack,
    MemberRemoved,
    Occupied,
    Vacated,
    WentOffline,
)
from pulse.roster.counting import Counting
from pulse.roster.words import Held, Info, Line, Seat

SIGNED_IN = ""  # the channel of whoever signed in; no client can name it


@dataclass(slots=True)
class Member:
    """At which processes somebody is. `info` is what the first of them says, so that all show the same."""

    at: dict[str, Info] = field(default_factory=dict)
    info: Info = field(default_factory=dict)

    def choose(self) -> None:
        """Whoever has gone is shown as they were."""
        if self.at:
            said = [process for process, info in self.at.items() if info]
            self.info = self.at[min(said)] if said else {}


class Merged:
    """`changes` gathers what has to be told, until somebody takes it."""

    def __init__(self, grace: float) -> None:
        self.changes: deque[Change] = deque()
        self._grace = grace
        self._lines: dict[str, dict[Seat, Held]] = {}
        self._subscriptions: dict[str, int] = {}
        self._members: dict[str, dict[str, Member]] = {}
        self._going: dict[Seat, float] = {}  # until when they stay shown, the first to go first
        self._counting = Counting()

    # What is heard

    def put(self, process: str, line: Line, now: float) -> None:
        """One process has one more line, or another one, or one less."""
        channel, user_id, held = line
        lines = self._lines.setdefault(process, {})
        before = lines.pop((channel, user_id), None)
        if isinstance(held, int if user_id is None else dict) and held != 0:
            lines[channel, user_id] = held
        if user_id is None:
            self._count(channel, _number(held) - _number(before), now)
        elif isinstance(held, dict):
            self._add(process, channel, user_id, held)
        elif before is not None:
            self._remove(process, channel, user_id, now)

    def replace(self, process: str, lines: Iterable[Line], now: float) -> None:
        """A process has said everything: whatever else was known of it is over."""
        whole = {(channel, user_id): held for channel, user_id, held in lines}
        over = [seat for seat in self._lines.get(process, {}) if seat not in whole]
        for channel, user_id in over:
            self.put(process, (channel, user_id, None), now)
        for (channel, user_id), held in whole.items():
            self.put(process, (channel, user_id, held), now)

    def drop(self, process: str, now: float) -> None:
        """A process is gone, and its connections with it."""
        self.replace(process, (), now)
        self._lines.pop(process, None)

    def settle(self, now: float) -> None:
        """Time has passed: those who have been gone for long enough are told of, and counts that had to wait."""
        while self._going and next(iter(self._going.values())) <= now:
            seat = next(iter(self._going))
            del self._going[seat]
            self._end(*seat)
        for channel in self._counting.due(now):
            self._recount(channel, now)

    def due_at(self) -> float:
        """When there will be something to settle."""
        return min(next(iter(self._going.values()), float("inf")), self._counting.due_at())

    # What is asked

    def lines(self, process: str) -> Iterator[Line]:
        for (channel, user_id), held in self._lines.get(process, {}).items():
            yield channel, user_id, held

    def held(self, process: str, seat: Seat) -> Held:
        return self._lines.get(process, {}).get(seat)

    def subscriptions(self, channel: str) -> int:
        return self._subscriptions.get(channel, 0)

    def occupied(self) -> Iterable[str]:
        return self._subscriptions.keys()

    def members(self, channel: str) -> dict[str, Member]:
        return self._members.get(channel, {})

    # What changes by it

    def _count(self, channel: str, more: int, now: float) -> None:
        if more == 0:
            return
        if channel not in self._subscriptions:
            self.changes.append(Occupied(channel))
        total = self._subscriptions[channel] = self._subscriptions.get(channel, 0) + more
        self._going.pop((channel, None), None)
        if total == 0:
            self._going[channel, None] = now + self._grace
        self._recount(channel, now)

    def _recount(self, channel: str, now: float) -> None:
        subscriptions = self.subscriptions(channel)
        if self._counting.may_tell(channel, subscriptions, now):
            self.changes.append(Counted(channel, subscriptions))

    def _add(self, process: str, channel: str, user_id: str, info: Info) -> None:
        members = self._members.setdefault(channel, {})
        member = members.get(user_id)
        new = member is None
        if member is None:
            member = members[user_id] = Member()
        elif not member.at:
            del self._going[channel, user_id]
            self.changes.append(MemberBack(channel, user_id))
        member.at[process] = info
        member.choose()
        if new:
            came = CameOnline(user_id) if channel == SIGNED_IN else MemberAdded(channel, user_id, member.info)
            self.changes.append(came)

    def _remove(self, process: str, channel: str, user_id: str, now: float) -> None:
        member = self._members[channel][user_id]
        del member.at[process]
        member.choose()
        if not member.at:
            self._going[channel, user_id] = now + self._grace

    def _end(self, channel: str, user_id: str | None) -> None:
        if user_id is None:
            del self._subscriptions[channel]
            self._counting.forget(channel)
            self.changes.append(Vacated(channel))
            return
        members = self._members[channel]
        del members[user_id]
        if not members:
            del self._members[channel]
        self.changes.append(WentOffline(user_id) if channel == SIGNED_IN else MemberRemoved(channel, user_id))


def _number(held: Held) -> int:
    return held if isinstance(held, int) else 0
