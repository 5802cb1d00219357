"""What the sides that are programs have in common: this process starts one, publishes to it, and ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.child import orders, say
from bench.push.frame import channel_name
from pulse.embedded.child import as_owner, launcher

Publish = Callable[[list[str]], None]  # one frame to each of these channels; returns when the server has taken them


def serve(command: list[str], port: int, publishing: Callable[[], Publish], measured: list[int]) -> None:
    """Starts the program on the core that is `measured`, which is not ours, and publishes as ordered."""
    # On that core from the start, so that it makes itself at home there; and it dies with us, however we end.
    ours = os.sched_getaffinity(0) if measured else set()
    _stay_on(set(measured))
    process = subprocess.Popen(
        [*launcher(signal.SIGTERM, None), *command],
        **as_owner(None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _stay_on(ours)
        _until_open(port, process)
        publish = publishing()
        say(port=port, pid=process.pid)
        for order in orders():
            say(**({"settled": True} if order["do"] == "settle" else _publish_all(publish, order)))
    finally:
        process.terminate()
        process.wait(10)


def _stay_on(cores: set[int]) -> None:
    """This process alone, not what it has started."""
    if cores:
        os.sched_setaffinity(0, cores)


def _publish_all(publish: Publish, order: dict[str, Any]) -> dict[str, float]:
    names = [channel_name(number) for number in range(order["channels"])]
    frames, together = order["frames"], order["together"]
    began = time.monotonic()
    for first in range(0, frames, together):
        publish([names[number % len(names)] for number in range(first, min(first + together, frames))])
    return {"began": began}


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError("the program does not listen")


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """For its configuration and whatever else it writes."""
    with tempfile.TemporaryDirectory(prefix="pulse-bench-") as place:
        yield Path(place)
