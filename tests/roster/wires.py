"""Rosters that hear each other without any NATS, on one clock, and what each of them has told of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pulse.eventlog.live import ROSTER
from pulse.roster import Roster, address
from pulse.roster.changes import (
    CameOnline,
    Change,
    Counted,
    MemberAdded,
    MemberRemoved,
    Occupied,
    Vacated,
    WentOffline,
)

Seat = tuple[str, str | None]
T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Heard:
    """What somebody knows who has heard every change and asks nothing."""

    changes: list[Change] = field(default_factory=list)
    members: set[Seat] = field(default_factory=set)
    occupied: set[str] = field(default_factory=set)
    online: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def hear(self, change: Change) -> None:
        """Nobody comes twice, and nobody goes who has not come."""
        self.changes.append(change)
        match change:
            case MemberAdded():
                came(self.members, (change.channel, change.user_id))
            case MemberRemoved():
                self.members.remove((change.channel, change.user_id))
            case Occupied():
                came(self.occupied, change.channel)
            case Vacated():
                self.occupied.remove(change.channel)
                del self.counts[change.channel]
            case CameOnline():
                came(self.online, change.user_id)
            case WentOffline():
                self.online.remove(change.user_id)
            case Counted():
                assert self.counts.get(change.channel) != change.subscriptions
                self.counts[change.channel] = change.subscriptions

    def since(self) -> list[Change]:
        """What was told since this was asked last."""
        told = list(self.changes)
        self.changes.clear()
        return told


def came(those: set[T], one: T) -> None:
    assert one not in those
    those.add(one)


@dataclass
class Wires:
    """Whatever anybody says lies here until it is carried, to each roster for itself."""

    clock: Clock = field(default_factory=Clock)
    rosters: list[Roster] = field(default_factory=list)
    ears: dict[str, Heard] = field(default_factory=dict)
    waiting: list[tuple[Roster, bytes]] = field(default_factory=list)

    def roster(self) -> Roster:
        one = Roster(self.clock)
        self.ears[one.process] = Heard()
        one.when_changed.add(self.ears[one.process].hear)
        self.rosters.append(one)
        return one

    def heard(self, roster: Roster) -> list[Change]:
        return self.ears[roster.process].since()

    def speak(self) -> None:
        """Everybody says what they have to say."""
        for one in self.rosters:
            one.pass_time()
            for subject, body in one.says():
                self.send(subject, body)

    def send(self, subject: str, body: bytes) -> None:
        self.waiting += [(to, body) for to in self.rosters if subject in (ROSTER, address(to.process))]

    def carry(self, keep: Callable[[Roster], bool] = lambda _: True) -> None:
        """Whatever waits arrives, but with those who are cut off."""
        waiting, self.waiting = self.waiting, []
        for to, body in waiting:
            if keep(to) and to in self.rosters:
                to.hear(body)

    def settle(self) -> None:
        """Until nobody has anything to say at this moment."""
        self.speak()
        while self.waiting:
            self.carry()
            self.speak()

    def pass_seconds(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.clock.now += 0.5
            self.settle()

    def ends(self, roster: Roster, *, bye: bool) -> None:
        self.rosters.remove(roster)
        if bye:
            self.send(*roster.bye())


def two() -> tuple[Wires, Roster, Roster]:
    wires = Wires()
    found = wires, wires.roster(), wires.roster()
    wires.settle()
    return found


def numbers(seats: Counter[Seat]) -> dict[str, int]:
    return {channel: many for (channel, user_id), many in seats.items() if user_id is None and many}
