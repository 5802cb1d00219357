"""What the other processes have said: in order of their numbers, asked for again where something is missing.

A process is dropped when it says nothing for a while in which we did hear ourselves: a connection to NATS that does not
bring our own words brings nobody's, and silence on it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pulse.roster.merged import Merged
from pulse.roster.words import Beat, Bye, Line, News, Whole

BEAT_SECONDS = 3.0
LATE_SECONDS = 1.5 * BEAT_SECONDS
LIFE_SECONDS = 10.0
ASK_SECONDS = 1.0
LATER = 1000


@dataclass(slots=True)
class Other:
    """`number` is up to where its lines are known; None: they are not. `later` came before what it follows."""

    heard: float
    number: int | None = None
    latest: int = 0
    ask_at: float = 0.0
    later: dict[int, list[Line]] = field(default_factory=dict)
    parts: dict[int, list[Line]] = field(default_factory=dict)
    parts_of: int = 0

    @property
    def is_missing(self) -> bool:
        return self.number is None or self.number < self.latest


class Others:
    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._others: dict[str, Other] = {}
        self._heard_myself = float("-inf")

    def knows(self, process: str) -> bool:
        return process in self._others

    def hear(self, word: News | Beat | Whole | Bye, now: float) -> None:
        """In whatever order words come, and however often."""
        match word:
            case Bye():
                self._drop(word.process, now)
            case News():
                self._take(self._meet(word, now, first=1), word, now)
            case Beat():
                self._meet(word, now, first=0)
            case Whole() if word.process in self._others:  # nobody else has been asked
                self._take_part(self._others[word.process], word, now)

    def hear_myself(self, now: float) -> None:
        """Our own words came back, so the others' would have come too. After a pause everybody has their time again."""
        paused = now - self._heard_myself > LATE_SECONDS
        self._heard_myself = now
        for process, other in list(self._others.items()):
            if paused:
                other.heard = now
            elif other.heard + LIFE_SECONDS <= now:
                self._drop(process, now)

    def lose(self) -> None:
        """The connection to NATS is away."""
        self._heard_myself = float("-inf")

    def asked(self, now: float) -> list[str]:
        """Whom to ask for everything now."""
        found = [process for process, other in self._others.items() if other.is_missing and other.ask_at <= now]
        for process in found:
            self._others[process].ask_at = now + ASK_SECONDS
        return found

    def due_at(self) -> float:
        """When somebody has to be asked."""
        return min((other.ask_at for other in self._others.values() if other.is_missing), default=float("inf"))

    def _meet(self, word: News | Beat, now: float, *, first: int) -> Other:
        """Whoever is heard from the first word on has had nothing before it."""
        other = self._others.setdefault(word.process, Other(now))
        if other.number is None and word.number == first:
            other.number = 0
        other.heard = now
        other.latest = max(other.latest, word.number)
        return other

    def _take(self, other: Other, word: News, now: float) -> None:
        if other.number is None or word.number > other.number:
            other.later[word.number] = word.lines
        self._catch_up(word.process, other, now)
        if len(other.later) > LATER:
            other.later.clear()  # what it says when it is asked will have it

    def _take_part(self, other: Other, word: Whole, now: float) -> None:
        other.heard = now
        if word.number < other.parts_of or (other.number is not None and word.number <= other.number):
            return
        if word.number > other.parts_of:
            other.parts, other.parts_of = {}, word.number
        other.parts[word.part] = word.lines
        if len(other.parts) == word.parts:
            self._merged.replace(word.process, (line for part in other.parts.values() for line in part), now)
            other.number, other.parts = word.number, {}
            other.latest = max(other.latest, word.number)
            other.later = {number: lines for number, lines in other.later.items() if number > word.number}
            self._catch_up(word.process, other, now)

    def _catch_up(self, process: str, other: Other, now: float) -> None:
        while other.number is not None and (lines := other.later.pop(other.number + 1, None)) is not None:
            for line in lines:
                self._merged.put(process, line, now)
            other.number += 1

    def _drop(self, process: str, now: float) -> None:
        if self._others.pop(process, None) is not None:
            self._merged.drop(process, now)
