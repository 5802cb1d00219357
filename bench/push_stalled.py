"""1,000 sockets hear one chat at a steady pace. In every other run one of them stops reading, until more was told than
Pulse and the kernel keep for it. Then it reads again, the first time while its goodbye still waits, the second time
after it was cut off; and comes back.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

import psutil

from bench.child import Child
from bench.machine import MEASURED, REST
from bench.push.client import paced_at
from bench.push.stage import progress
from bench.report import Figure, Report, Size, Verdict
from bench.world import free_port, opened_world
from pulse.push.codes import Code
from pulse.push.peers import BUFFER_LIMIT, GOODBYE_SECONDS

REACH, REACH_MIB = 0.95, 4.0
DELIVERIES, MOST = 40_000, 250.0  # a second, which a thousand keep up with; messages a second
WORDS = 36  # times, which makes 4 KB, as long as Telegram's messages are
FRAME, WARM_UP = 4_700, 20  # bytes; messages
# How much is told, and how many seconds after that the stalled one reads again. What a resume brings is half a MiB.
TURNS = ((BUFFER_LIMIT * 5 // 4, 0.0), (BUFFER_LIMIT * 2, GOODBYE_SECONDS + 1))
LOOKS = 0.02  # seconds between two looks at the memory
MIB = 1024 * 1024
STALLED, READING = "one stopped reading", "all read"


@dataclass(slots=True)
class Run:
    """Deliveries a second to the others; how late they were, in ms; the server's memory, in MiB; how many of them were cut so
    far; how the stalled one fared.
    """

    rate: float
    p50: float
    p99: float
    before: float
    most: float
    after: float
    cut: int
    woke: dict[str, Any]


def main(size: Size) -> Report:
    report = Report("push_stalled", f"one of {size.sockets:,} sockets stops reading; the others notice nothing")
    with opened_world() as world:
        place, port, push_port = str(world.place), free_port(), free_port()
        where = world.as_arguments()
        paced = {**paced_at(place, {"port": port, "push_port": push_port}), "chats": 1, "times": WORDS}
        with (
            Child("bench.servers:run_pulse", REST, **where, port=port, synced=True),
            Child("bench.servers:run_push", MEASURED, **where, port=push_port) as push,
            Child("bench.paced:run", REST, **paced) as provider,
            Child("bench.push.stalling:run", REST, place=place, port=push_port, sockets=size.sockets) as clients,
        ):
            bench = Bench(provider, clients, push, size.sockets)
            bench.one_run(WARM_UP, stalls=False)
            runs: dict[str, list[Run]] = {STALLED: [], READING: []}
            for told, away in TURNS[: size.rounds]:
                runs[STALLED].append(bench.one_run(told // FRAME, stalls=True, away=away))
                runs[READING].append(bench.one_run(told // FRAME, stalls=False))
    _report(report, runs)
    return report


@dataclass(slots=True)
class Bench:
    """Who speaks, who hears, and what is measured."""

    provider: Child
    clients: Child
    push: Child
    sockets: int

    def one_run(self, messages: int, *, stalls: bool, away: float = 0.0) -> Run:
        """So many messages. The stalled one reads again when all are told, or so many seconds later."""
        others = self.sockets - 1
        pace = min(DELIVERIES / others, MOST)
        self.clients.ask(do="join", stalls=stalls)
        with Memory(self.push.pid) as memory:
            self.clients.order(do="hear", frames=messages * others)
            told = self.provider.ask(rate=pace, seconds=messages / pace)["messages"]
            heard = self.clients.answer()
            woke = self._wake(told, away) if stalls else {}
        due = {str(message["number"]): message["scheduled"] for message in told}
        late = self.clients.ask(do="late", scheduled=due)
        took = max(heard["ended"] - min(due.values()), 1 / pace)
        progress(f"{STALLED if stalls else READING}: {heard['heard']:,} deliveries within {took:.2f} s")
        return Run(heard["heard"] / took, late["p50"] * 1e3, late["p99"] * 1e3, *memory.mib(), heard["lost"], woke)

    def _wake(self, told: list[dict[str, Any]], away: float) -> dict[str, Any]:
        time.sleep(away)
        said = [message["position"] for message in told]
        return self.clients.ask(do="wake", said=said, seconds=GOODBYE_SECONDS)


class Memory:
    """A process's resident memory, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look)
        self._found = [self._process.memory_info().rss]

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    def mib(self) -> tuple[float, float, float]:
        """In the beginning, at most, in the end."""
        return self._found[0] / MIB, max(self._found) / MIB, self._found[-1] / MIB

    def _look(self) -> None:
        while not self._over.wait(LOOKS):
            self._found.append(self._process.memory_info().rss)


def _report(report: Report, runs: dict[str, list[Run]]) -> None:
    for name, found in runs.items():
        report.figures += [
            Figure(f"the others, {name}", [run.rate for run in found], "/s"),
            Figure(f"how late they hear, {name}, p50", [run.p50 for run in found], "ms"),
            Figure(f"how late they hear, {name}, p99", [run.p99 for run in found], "ms"),
            Figure(f"memory before, {name}", [run.before for run in found], "MiB"),
            Figure(f"memory at most, {name}", [run.most for run in found], "MiB"),
            Figure(f"memory after, {name}", [run.after for run in found], "MiB"),
        ]
    grew = {name: median(run.most - run.before for run in found) for name, found in runs.items()}
    rate = {name: median(run.rate for run in found) for name, found in runs.items()}
    woken = [run.woke for run in runs[STALLED]]
    wrong = sum(woke["missing"] + woke["doubled"] for woke in woken if not woke["resynced"])
    report.verdicts = [
        Verdict("deliveries to the others, with : without", rate[STALLED] / rate[READING], REACH),
        Verdict("memory for the stalled one", grew[STALLED] - grew[READING], REACH_MIB, "MiB", at_most=True),
        Verdict("others who were cut", runs[READING][-1].cut, 0, "", at_most=True),
        Verdict("lost or heard twice by who resumed", wrong, 0, "messages", at_most=True),
    ]
    report.notes.append(f"in a run where {READING} memory grew by {grew[READING]:.1f} MiB: what was told is kept")
    report.notes += [_fared(woke) for woke in woken]


def _fared(woke: dict[str, Any]) -> str:
    """How the stalled one found its line, and what it missed."""
    names = {int(Code.TOO_SLOW): "4101", 0: "an abort" if woke["ended"] else "nothing wrong"}
    found = names.get(woke["code"], str(woke["code"]))
    missed = f"{woke['missing']} missing and {woke['doubled']} twice"
    outcome = "was told to take a snapshot" if woke["resynced"] else missed
    return f"the stalled one read {woke['read']} that waited, found {found}, came back with its cursor: {outcome}"
