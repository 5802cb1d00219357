"""One of two push processes gets SIGTERM while messages are told: its half of 2,000 stock clients goes to the other.

The clients take the ports in turn, as a balancer would for them (`bench/push/staying.py`), so nothing sticks. The one
that stays has the first core to itself.
"""

from __future__ import annotations

import os
import signal
import time
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from bench.child import Child
from bench.machine import MEASURED, REST
from bench.paced import delivery_figures, latencies
from bench.push.client import paced_at
from bench.push.stage import Busy, progress
from bench.report import Figure, Report, Size, Verdict, percentile
from bench.servers import SECRET, WEBHOOK
from bench.world import World, free_port, opened_world
from pulse.push import leaving
from pulse.push.codes import Code

REACH_P99 = 100.0
RATE, HEAD_START, TAIL = 200.0, 1.0, 2.0
GENTLY = 50  # at a time, the first time
MOMENT = 0.1  # seconds in which they are counted

Found = dict[str, Any]


def main(size: Size) -> Report:
    promise = f"SIGTERM sends half of {size.storm:,} stock clients to the other process, while {RATE:.0f} messages a second are told"
    report = Report("push_leaving", promise)
    with opened_world() as world:
        ports = {"port": free_port(), "push_port": free_port()}
        where, other = world.as_arguments(), free_port()
        with (
            Child("bench.servers:run_pulse", REST, **where, port=ports["port"], synced=True),
            Child("bench.servers:run_push", MEASURED, **where, port=ports["push_port"]) as stays,
            Child("bench.servers:run_push", REST, **where, port=other) as leaves,
        ):
            _leave(report, size, world, ports, [stays, leaves])
    return report


def _leave(report: Report, size: Size, world: World, ports: dict[str, int], servers: list[Child]) -> None:
    place, (stays, leaves) = str(world.place), servers
    provider = {"port": ports["port"], "path": WEBHOOK, "secret": SECRET, "seconds": 60.0, "opening": True}
    paced = {**paced_at(place, ports), "chats": size.storm}
    staying = {"place": place, "ports": [server.ready["port"] for server in servers], "clients": size.storm}
    with (
        Child("bench.load:run", REST, connections=size.connections, chats=size.storm) as everybody,
        Child("bench.paced:run", REST, **paced) as live,
        Child("bench.push.staying:run", REST, **staying) as clients,
    ):
        everybody.ask(**provider)
        progress(f"{clients.ask(do='come', at_once=GENTLY)['live']:,} came")
        said = _told(live, clients, HEAD_START)
        calm = _told(live, clients, size.seconds)
        whole = HEAD_START + size.storm / 2 / leaving.PER_SECOND + TAIL
        live.order(rate=RATE, seconds=whole)
        clients.order(do="stay", seconds=whole + TAIL)
        time.sleep(HEAD_START)
        began, busy = time.monotonic(), Busy("the process that stayed", stays.pid)
        os.kill(leaves.pid, signal.SIGTERM)
        leaves.process.wait(leaving.LONGEST * 2)
        report.notes += [f"the other had ended after {time.monotonic() - began:.2f} s", busy.note()]
        meanwhile, stayed = live.answer(), clients.answer()
    _report_moves(report, size, stayed, began)
    _report_told(report, [calm, meanwhile], (began, max(stayed["back"], default=began)))
    _report_heard(report, stayed, [*said["messages"], *calm["messages"], *meanwhile["messages"]])


def _told(live: Child, clients: Child, seconds: float) -> Found:
    """Everybody listens to so many seconds of messages."""
    clients.order(do="stay", seconds=seconds + HEAD_START)
    found = live.ask(rate=RATE, seconds=seconds)
    clients.answer()
    return found


def _report_moves(report: Report, size: Size, stayed: Found, began: float) -> None:
    back = [at - began for at in stayed["back"]]
    most = most_at_once(back)
    expected = size.storm // 2
    report.figures += [
        Figure("the last is live on the other after", [max(back, default=0.0)], "s", f"{len(back):,} of {expected:,}"),
        Figure("most that came within 0.1 s", [float(most)], "", f"{most / max(len(back), 1):.1%} of all who moved"),
    ]
    unasked = sum(lines for code, lines in stayed["ended"].items() if code != str(int(Code.LEAVING)))
    report.verdicts += [
        Verdict("live again, of all", stayed["live"] / size.storm, 1.0, ""),
        Verdict("cut without 4200", unasked, 0, "clients", at_most=True),
    ]
    codes = ", ".join(f"{code}: {lines:,}" for code, lines in stayed["ended"].items())
    report.notes.append(
        f"lines ended by code {codes}; {stayed['failed']} attempts failed and were made again after 1 s"
    )


def _report_told(report: Report, told: list[Found], window: tuple[float, float]) -> None:
    calm, meanwhile = latencies(told[0]["messages"]), latencies(told[1]["messages"], *window)
    report.figures += delivery_figures("live delivery where they go to, before", calm)
    report.figures += delivery_figures("live delivery where they go to, meanwhile", meanwhile)
    report.verdicts.append(
        Verdict("live delivery meanwhile, p99", percentile(meanwhile, 0.99), REACH_P99, "ms", at_most=True)
    )


def _report_heard(report: Report, stayed: Found, messages: list[Found]) -> None:
    said: dict[str, list[int]] = {}
    for message in messages:
        said.setdefault(message["chat"], []).append(message["position"])
    lost, doubled = wrongly_heard(said, stayed["keepers"])
    lost_by_others, _ = wrongly_heard(said, stayed["others"])
    report.verdicts.append(Verdict("lost or doubled by who keeps cursors", lost + doubled, 0, "messages", at_most=True))
    report.notes += [
        f"who keeps cursors lost {lost} and heard {doubled} twice; {stayed['resynced']} were told to take a snapshot",
        f"who keeps none lost {lost_by_others} of {len(messages):,} messages between two lines",
    ]


def most_at_once(moments: Sequence[float]) -> int:
    """The most that lie within one MOMENT; they are sorted."""
    return max((bisect_right(moments, at + MOMENT) - number for number, at in enumerate(moments)), default=0)


def wrongly_heard(said: dict[str, list[int]], heard: dict[str, list[int]]) -> tuple[int, int]:
    """How many messages were not heard by whoever has their chat, and how many more than once."""
    lost = sum(len(set(said.get(chat, [])) - set(positions)) for chat, positions in heard.items())
    return lost, sum(len(positions) - len(set(positions)) for positions in heard.values())
