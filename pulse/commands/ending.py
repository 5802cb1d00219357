"""Ctrl-C and SIGTERM: noted from a command's first moment on, and followed where nothing is half done."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop


class EndedEarly(Exception):
    """Somebody wanted it to end before it was ready."""


class Ending:
    """One for the whole life of a process. A signal raises nothing: an exception at any odd place may get lost."""

    def __init__(self) -> None:
        self.wanted = False
        self._left = False
        self._follow: Callable[[], object] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def leave_early(self) -> None:
        """Raises EndedEarly if the end is wanted, once: what cleans up afterwards is not disturbed."""
        if self.wanted and not self._left:
            self._left = True
            raise EndedEarly

    def insist(self) -> None:
        """Follows a signal again: before Python 3.12, asyncio's own timeouts could lose a cancellation."""
        if self.wanted:
            self._follow()

    def run(self, serving: Coroutine[Any, Any, None]) -> None:
        """Runs until the end is wanted, then lets everything close."""
        uvloop.run(self._until_wanted(serving))

    async def _until_wanted(self, serving: Coroutine[Any, Any, None]) -> None:
        task, loop = asyncio.ensure_future(serving), asyncio.get_running_loop()
        self._follow = lambda: loop.call_soon_threadsafe(task.cancel)
        self.insist()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            self._follow = lambda: None

    def _on_signal(self, *_: object) -> None:
        self.wanted = True
        self._follow()
