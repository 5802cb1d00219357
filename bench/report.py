"""What a bench found: figures, the promise, and whether it was kept. A word, never an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. The defaults are what the promises are about."""

    seconds: float = 5.0
    rounds: int = 3
    connections: int = 64
    chats: int = 2000
    sockets: int = 1000
    crowds: tuple[int, ...] = (1000, 5000)
    storm: int = 2000
    events: int = 200_000
    event_chats: int = 5000
    lists: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    messages: int = 1_000_000

    @classmethod
    def of(cls, seconds: float, lists: tuple[int, ...] = lists, messages: int = messages) -> Size:
        """Shorter rounds; the long history shrinks with them. `lists` are how many chats there are in the lists,
        `messages` how many are searched.
        """
        return cls(seconds=seconds, events=min(200_000, int(40_000 * seconds)), lists=lists, messages=messages)


TINY = Size(
    seconds=0.2,
    rounds=1,
    connections=8,
    chats=40,
    sockets=40,
    crowds=(20, 40),
    storm=20,
    events=2000,
    event_chats=50,
    lists=(300,),
    messages=2000,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: the median of its rounds."""

    what: str
    rounds: Sequence[float]
    unit: str
    beside: str = ""

    @property
    def value(self) -> float:
        return median(self.rounds)

    def line(self) -> str:
        spread = f"[{shown(min(self.rounds))} – {shown(max(self.rounds))}]" if len(self.rounds) > 1 else ""
        return f"  {self.what:58} {shown(self.value):>9} {self.unit:9} {spread:20} {self.beside}".rstrip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise held against what was found. `reach` is a lower bound, or an upper one with `at_most`."""

    what: str
    found: float
    reach: float
    unit: str = "times"
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.found <= self.reach if self.at_most else self.found >= self.reach

    def line(self) -> str:
        bound, word = "≤" if self.at_most else "≥", "reached" if self.reached else "missed"
        return f"  {self.what}: {self.found:,.3g} {self.unit} (promised {bound} {self.reach:g}): {word}"


@dataclass(slots=True)
class Report:
    """Everything one script says."""

    name: str
    promise: str
    figures: list[Figure] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{self.name}: {self.promise}", *(f.line() for f in self.figures), *(v.line() for v in self.verdicts)]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "promise": self.promise,
            "figures": [
                {"what": f.what, "value": f.value, "unit": f.unit, "rounds": list(f.rounds), "beside": f.beside}
                for f in self.figures
            ],
            "verdicts": [
                {"what": v.what, "found": v.found, "reach": v.reach, "at_most": v.at_most, "reached": v.reached}
                for v in self.verdicts
            ],
            "notes": self.notes,
        }


def shown(value: float) -> str:
    """Four digits that matter, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of them does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
