"""`python -m bench [name ...] [--seconds N] [--chats N ...] [--json]`: every promise, or the named ones, one after the other."""

from __future__ import annotations

import argparse
import importlib
import json

from bench.machine import describe
from bench.report import Size

SCRIPTS = (
    "ingest_always", "ingest_slow_disk", "ingest_default", "command", "projector", "fanout", "push_fan_out",
    "push_routing", "push_memory", "push_storm", "push_leaving", "push_stalled", "latency",
    "replies", "lists", "search", "reports", "headers",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(SCRIPTS)}; all without any")
    parser.add_argument("--seconds", type=float, default=Size().seconds, help="how long a round takes")
    parser.add_argument("--chats", type=int, nargs="+", default=Size().lists, help="how many chats the lists hold")
    parser.add_argument("--messages", type=int, default=Size().messages, help="how many are searched")
    parser.add_argument("--json", action="store_true", help="one object a line")
    chosen = parser.parse_args()
    size = Size.of(chosen.seconds, tuple(chosen.chats), chosen.messages)
    unknown = set(chosen.names) - set(SCRIPTS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    machine = describe()
    print(json.dumps(machine) if chosen.json else _lines(machine), flush=True)
    for name in chosen.names or SCRIPTS:
        report = importlib.import_module(f"bench.{name}").main(size)
        print(json.dumps(report.as_json()) if chosen.json else f"\n{report.text()}", flush=True)


def _lines(machine: dict[str, object]) -> str:
    versions = machine.pop("versions")
    assert isinstance(versions, dict)
    shown = ", ".join(f"{name} {value}" for name, value in machine.items())
    return f"machine: {shown}\nwith {', '.join(f'{name} {version}' for name, version in versions.items())}"


if __name__ == "__main__":
    main()
