"""Other processes of a bench: each runs one function, talks in JSON lines, and ends when its orders do.

Its arguments and then its orders come on standard input (they hold passwords), its answers go to standard output.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import resource
import select
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, Self

PATIENCE = 120.0
ROOT = Path(__file__).parent.parent


class Child:
    """The parent's side. `ready` is the first thing that the child said."""

    def __init__(self, target: str, cores: set[int], **arguments: Any) -> None:
        self.target = target
        command = [sys.executable, "-m", "bench.child", target, *map(str, sorted(cores))]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.order(**arguments)
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self.ready = self.answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def order(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")

    def answer(self) -> dict[str, Any]:
        """The next thing it says. Raises TimeoutError, EOFError."""
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                raise TimeoutError(f"{self.target} says nothing")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise EOFError(f"{self.target} ended")
            line += part
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **order: Any) -> dict[str, Any]:
        self.order(**order)
        return self.answer()


def say(**answer: Any) -> None:
    """Tells the parent."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def orders() -> Iterator[dict[str, Any]]:
    """What the parent asks, until it has enough."""
    given = _standard_input()
    while line := given.readline():
        yield json.loads(line)


async def coming_orders() -> AsyncIterator[dict[str, Any]]:
    """The same for whoever runs an event loop."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), _standard_input())
    while line := await reader.readline():
        yield json.loads(line)
    transport.close()


def _standard_input() -> IO[bytes]:
    """Unbuffered, so that one reader leaves the rest to the next."""
    return os.fdopen(0, "rb", buffering=0, closefd=False)


def main() -> None:
    target, *cores = sys.argv[1:]
    if cores:
        os.sched_setaffinity(0, map(int, cores))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)(**next(orders()))


if __name__ == "__main__":
    main()
