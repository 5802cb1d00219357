"""All sides with their crowds at once, so that rounds can go in turns; who is idle costs a few pings."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from bench.child import Child
from bench.machine import MEASURED, REST
from bench.report import Figure, Report

PATIENCE = 10.0  # a round that is not over by then is cut, and what came until then counts
SHARED = 0.05
QUIET, TURN = 0.02, 0.1  # a server is idle when it runs for less than that share of a turn
PULSE, LIMIT = "Pulse", "transport.write in a loop, the limit"
SOCKETIO, CHANNELS = "python-socketio", "Django Channels"
SIDES = {
    PULSE: "bench.push.pulse",
    "nats-server": "bench.push.nats",
    "nginx with nchan": "bench.push.nchan",
    SOCKETIO: "bench.push.socketio",
    CHANNELS: "bench.push.channels",
}
PROGRAMS = ("nats-server", "nginx with nchan")


@dataclass(frozen=True, slots=True)
class Load:
    """What is told in a round: a frame to each of so many channels in turn, some of them `together`."""

    channels: int
    together: int


@dataclass(frozen=True, slots=True)
class Round:
    """Deliveries a second; seconds of the server's core for one; for what share of the time its threads were ready to
    run and had to wait, for others or for each other; the clients' share of their core; writes for one.
    """

    rate: float
    cpu: float
    waited: float
    clients: float
    writes: float
    missing: int
    lost: int


@dataclass(slots=True)
class Side:
    """A server, its clients, and how it publishes."""

    name: str
    server: Child
    crowd: Child
    sockets: int
    kib: float
    way: str = "publish"
    rounds: list[Round] = field(default_factory=list)
    cut: bool = False

    def one_round(self, load: Load, frames: int) -> Round:
        """Tells so many frames and waits until all of them have come, or for as long as patience goes."""
        pid = self.server.ready.get("pid", self.server.pid)
        expected = frames * self.sockets // load.channels
        used, waited = scheduled(pid)
        self.crowd.order(frames=expected, patience=PATIENCE)
        began = self.server.ask(
            do=self.way, frames=frames, channels=load.channels, together=load.together, patience=PATIENCE
        )["began"]
        got = self.crowd.answer()
        came, took = max(got["frames"], 1), got["ended"] - began
        _, waited_now = scheduled(pid)
        return Round(
            rate=came / took,
            cpu=((_once_idle(pid) if came >= expected else scheduled(pid)[0]) - used) / came,
            waited=(waited_now - waited) / took,
            clients=got["cpu"] / took,
            writes=(got["segments"] - got["pings"]) / came,
            missing=expected - got["frames"],
            lost=got["lost"],
        )

    def end(self) -> None:
        """No more rounds; it may be busy with the last for long."""
        self.cut = True
        for child in (self.server, self.crowd):
            child.process.kill()


@contextlib.contextmanager
def opened(report: Report, sockets: int, channels: int, *, limit: bool = True) -> Iterator[list[Side]]:
    """Every side that can run here; the report says why another can't. `limit`: also the bare loop."""
    with contextlib.ExitStack() as stack:
        sides = []
        for name, module in SIDES.items():
            if reason := importlib.import_module(module).missing():
                note = f"skipped {name}: {reason}"
                report.notes += [note] if note not in report.notes else []
                continue
            progress(f"{name}: {sockets:,} sockets")
            sides.append(_open(stack, name, sockets, channels))
        if limit:
            ours = sides[0]
            sides.append(Side(LIMIT, ours.server, ours.crowd, sockets, ours.kib, way="write"))
        yield sides


def take_turns(sides: Sequence[Side], load: Load, seconds: float, rounds: int) -> None:
    """Rounds of about so long, A B A B; the first of each only finds out how many frames fill one."""
    whole = load.channels * -(-load.together // load.channels)  # all channels alike, at least once together
    frames: dict[str, int] = {}
    for number in range(rounds + 1):
        for side in sides:
            if any(other.cut and other.server is side.server for other in sides):
                continue
            found = side.one_round(load, frames.get(side.name, whole))
            progress(
                f"{side.name}: {found.rate:,.0f}/s, {found.cpu * 1e6:.1f} µs, clients {found.clients:.0%}, waited {found.waited:.0%}"
            )
            if number or found.missing > 0:
                side.rounds.append(found)
            if found.missing > 0:
                side.end()  # what is still on its way would be taken for the next round's
            elif not number:
                wanted = seconds * found.rate * load.channels / side.sockets
                frames[side.name] = max(int(wanted / whole), 1) * whole


def figures_of(sides: Sequence[Side], what: str) -> list[Figure]:
    """One a side, and its rounds are forgotten."""
    figures = []
    for side in [side for side in sides if side.rounds]:
        cpu, waited, clients, writes = (
            median(getattr(found, name) for found in side.rounds) for name in ("cpu", "waited", "clients", "writes")
        )
        beside = f"{cpu * 1e6:.2f} µs of its core a frame, {writes:.2f} writes, clients {clients:.0%} of theirs"
        if waited > SHARED:
            beside += f"; waited for its core {waited:.0%} of the time"
        if missing := sum(found.missing for found in side.rounds if found.missing > 0):
            beside += f"; cut after {PATIENCE:.0f} s, when {missing:,} had not come"
        if lost := side.rounds[-1].lost:
            beside += f"; {lost} sockets were closed"
        figures.append(Figure(f"{side.name}, {what}", [found.rate for found in side.rounds], "/s", beside))
        side.rounds.clear()
    return figures


def progress(line: str) -> None:
    """Beside what is reported."""
    print(f"  … {line}", file=sys.stderr, flush=True)


class Busy:
    """For what share of the time a process has run since this was made, and waited for its core."""

    def __init__(self, name: str, pid: int) -> None:
        self._name, self._pid = name, pid
        self._began, self._ran, self._waited = time.monotonic(), *scheduled(pid)

    def note(self) -> str:
        ran, waited = scheduled(self._pid)
        took = max(time.monotonic() - self._began, 0.01)
        shares = f"ran {(ran - self._ran) / took:.0%} of the time, and waited for its core {(waited - self._waited) / took:.0%}"
        return f"meanwhile {self._name} {shares}"


def _open(stack: contextlib.ExitStack, name: str, sockets: int, channels: int) -> Side:
    module = SIDES[name]
    child = (
        Child(f"{module}:run", REST, measured=sorted(MEASURED))
        if name in PROGRAMS
        else Child(f"{module}:run", MEASURED)
    )
    server = stack.enter_context(child)
    pid = server.ready.get("pid", server.pid)
    server.ask(do="settle")
    empty = _resident(pid)
    crowd = stack.enter_context(
        Child("bench.push.crowd:run", REST, port=server.ready["port"], side=module, sockets=sockets, channels=channels)
    )
    server.ask(do="settle")
    return Side(name, server, crowd, sockets, (_resident(pid) - empty) / sockets / 1024)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _resident(pid: int) -> int:
    return sum(process.memory_info().rss for process in _family(pid))


def scheduled(pid: int) -> tuple[float, float]:
    """Seconds that all of its threads ran, and were ready to (Documentation/scheduler/sched-stats.rst of Linux)."""
    ran = waited = 0
    for process in _family(pid):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                told = (thread / "schedstat").read_text().split()
                ran, waited = ran + int(told[0]), waited + int(told[1])
    return ran / 1e9, waited / 1e9


def _once_idle(pid: int) -> float:
    """Seconds it ran, once nothing is left of a round: some clear up after the last frame has come."""
    until, ran = time.monotonic() + PATIENCE, -TURN
    while (now := scheduled(pid)[0]) - ran > QUIET * TURN and time.monotonic() < until:
        ran = now
        time.sleep(TURN)
    return now
