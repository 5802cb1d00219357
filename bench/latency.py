"""From a webhook's scheduled moment to the frame at a moderator's socket, with everything in one process."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx2

from bench.child import Child
from bench.machine import MEASURED, REST
from bench.report import Figure, Report, Size, Verdict, percentile
from bench.servers import SECRET, WEBHOOK
from bench.world import free_port, opened_world
from pulse.demo import PASSWORD, PEOPLE

SLOW = 100.0
REACH_P50, REACH_P99 = 3.0, 10.0
STEPS = ("HTTP and decision", "append until acknowledged", "stream to relay, after the ack", "frame, write, client")


def main(size: Size) -> Report:
    report = Report("latency", "webhook to frame, all roles in one process, on disk before it is acknowledged")
    with opened_world() as world:
        ports = {"port": free_port(), "push_port": free_port()}
        with Child("bench.whole:run", MEASURED, **world.as_arguments(), **ports) as whole:
            target = {"port": ports["port"], "path": WEBHOOK, "secret": SECRET}
            sustained = _sustained(target, size)
            token = _sign_in(f"http://127.0.0.1:{ports['port']}")
            paced = {**ports, "path": WEBHOOK, "secret": SECRET, "token": token, "chats": size.chats}
            with Child("bench.paced:run", REST, **paced) as provider:
                provider.ask(rate=SLOW, seconds=min(size.seconds, 1.0))
                whole.ask(do="forget")
                slow = _run(report, provider, whole, SLOW, size.seconds * 2)
                _run(report, provider, whole, sustained / 2, size.seconds)
    report.figures.insert(0, Figure("sustained by 64 connections", [sustained], "/s", "projector and push beside it"))
    report.verdicts = [
        Verdict(f"p50 at {SLOW:.0f}/s", percentile(slow, 0.5), REACH_P50, "ms", at_most=True),
        Verdict(f"p99 at {SLOW:.0f}/s", percentile(slow, 0.99), REACH_P99, "ms", at_most=True),
    ]
    return report


def _sustained(target: dict[str, Any], size: Size) -> float:
    """Answers a second when nobody waits, once every chat is open."""
    with Child("bench.load:run", REST, connections=size.connections, chats=size.chats) as load:
        load.ask(**target, seconds=30.0, opening=True)
        load.ask(**target, seconds=size.seconds / 2)
        return float(load.ask(**target, seconds=size.seconds)["rate"])


def _sign_in(address: str) -> str:
    answer = httpx2.post(f"{address}/api/users/login", json={"email": PEOPLE[1][0], "password": PASSWORD}, timeout=10)
    return str(answer.raise_for_status().json()["access_token"])


def _run(report: Report, provider: Child, whole: Child, rate: float, seconds: float) -> list[float]:
    """Adds a run's figures; returns its latencies in milliseconds."""
    found = provider.ask(rate=rate, seconds=seconds)
    marks = whole.ask(do="tell")["marks"]
    messages = found["messages"]
    missing = found["sent"] - len(messages)
    took = [(m["heard"] - m["scheduled"]) * 1e3 for m in messages] + [float("inf")] * missing
    steps = [_steps(m, marks[str(m["position"])]) for m in messages if str(m["position"]) in marks]
    report.figures += [
        Figure(f"p50 at {rate:,.0f}/s", [percentile(took, 0.5)], "ms", f"{found['sent']:,} messages"),
        Figure(f"p99 at {rate:,.0f}/s", [percentile(took, 0.99)], "ms"),
    ]
    for number, name in enumerate(STEPS):
        spent = [step[number] for step in steps]
        whole_way = sum(map(sum, steps)) or 1.0
        share = f"{sum(spent) / whole_way:.0%} of the way, p99 {percentile(spent, 0.99):.2f} ms"
        report.figures.append(Figure(f"  {name}", [percentile(spent, 0.5)], "ms", share))
    if missing:
        report.notes.append(f"{missing} of {found['sent']} never came at {rate:,.0f}/s")
    return took


def _steps(message: dict[str, Any], mark: list[float]) -> tuple[float, ...]:
    """Milliseconds from one clock to the next. The relay may have a message before its writer has the ack."""
    times = [message["scheduled"], *mark, message["heard"]]
    return tuple((after - before) * 1e3 for before, after in pairwise(times))
