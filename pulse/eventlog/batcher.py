"""Group commit: commands that wait at the same moment go into the log as one atomic batch.

nats-server syncs once for a message; a batch of any size costs it four syncs and some fifty file operations. Which
way is faster depends on the disk and the load, and `Pace` finds out by trying both. At low load nothing waits and
every command goes alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from pulse.errors import TryLater

BATCH = 500
WAITING = 5_000
SMALLEST = 8  # fewer go alone, though batches are the faster way
LARGEST_ALONE = 50  # more for one busy aggregate go as a batch, though they are not
LINGER_SECONDS = 0.02
WINDOW_SECONDS, TRIAL_SECONDS, WINDOW_COMMANDS = 0.2, 0.05, 40
PAUSE_SECONDS = 0.05  # between two batches, those who were answered come back
SOONEST, LATEST = 4, 32  # windows until the other way is tried again
WORTH = 1.1

Work = TypeVar("Work")


class Pace:
    """Which way takes more commands a second under load: alone in parallel, or in batches?

    Counts over windows in which something was always under way; a pause says nothing about the limit. The way not
    taken is tried again after a while, and after a longer while each time it loses.
    """

    def __init__(self) -> None:
        self.batching = False
        self._rates: dict[bool, float] = {}
        self._patience = SOONEST
        self._windows = 0
        self._began = 0.0
        self._ended = 0.0
        self._done = 0

    def begin(self, now: float) -> None:
        """Something starts while nothing else was under way."""
        if now - self._ended > PAUSE_SECONDS:
            self._began, self._done = now, 0

    def end(self, commands: int, now: float) -> None:
        """Commands were finished."""
        self._ended = now
        self._done += commands
        elapsed = now - self._began
        long_enough = TRIAL_SECONDS if self._windows == 0 else WINDOW_SECONDS
        if elapsed >= long_enough and self._done >= WINDOW_COMMANDS:
            self._close_window(self._done / elapsed)
            self._began, self._done = now, 0

    def _close_window(self, rate: float) -> None:
        known = self._rates.get(self.batching, rate)
        if not known / 2 < rate < known * 2:
            self._patience = SOONEST  # another load, another disk: what is known of the other way is stale as well
        self._rates[self.batching] = rate
        self._windows += 1
        if len(self._rates) == 1 or self._windows >= self._patience:
            self._windows = 0
            self._patience = min(2 * self._patience, LATEST)
            self.batching = not self.batching
            return
        better = self._rates[True] > WORTH * self._rates[False]
        tried = self._windows == 1
        if tried is (better is self.batching):
            self._patience = SOONEST  # what was known has changed: the trial won, or the favourite fell behind
        self.batching = better


class Batcher(Generic[Work]):
    """Collects waiting work and hands it out in groups; `ready` says whether a piece may start now.

    `run` is called in the same tick as `ready`, so it can take what the group needs before anybody else does. The
    server works on one batch at a time: a second one under way would only be smaller.
    """

    def __init__(
        self, run: Callable[[list[Work]], Awaitable[None]], ready: Callable[[Work], bool], pace: Pace | None = None
    ) -> None:
        self.pace = pace or Pace()
        self.smallest = SMALLEST
        self._run = run
        self._ready = ready
        self._waiting: list[Work] = []
        self._alone = 0
        self._groups = 0
        self._trailing = 0  # commands that their group left over
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._last_size = 0
        self._linger: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> Sequence[Work]:
        """What waits for the next group, in order."""
        return self._waiting

    def join(self, work: Work) -> None:
        """Waits for the next group. Raises TryLater when too many wait already."""
        if len(self._waiting) >= WAITING:
            raise TryLater
        self._begin()
        self._waiting.append(work)
        self.kick()

    def kick(self) -> None:
        """Something was freed: look again at the end of this tick, when all that came in it is here."""
        if self._waiting and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def enter_alone(self) -> None:
        self._begin()
        self._alone += 1

    def leave_alone(self) -> None:
        self._alone -= 1
        self._finished(1)

    async def trail(self, rest: Coroutine[Any, Any, None], commands: int, hold: float) -> None:
        """Goes on with what a group left over. It holds back the next groups for `hold` seconds at most, and beyond
        that only when too much is left over.
        """
        self._trailing += commands
        task = self._start(self._run_rest(rest, commands))
        if hold:
            await asyncio.wait([task], timeout=hold)

    def _dispatch(self) -> None:
        self._scheduled = False
        if self._trailing >= BATCH or (self.pace.batching and (self._groups or self._lingers())):
            return
        ready = [work for work in self._waiting if self._ready(work)][:BATCH]
        self._last_size = len(ready)
        if len(ready) >= (self.smallest if self.pace.batching else LARGEST_ALONE):
            self._start_group(ready)
            return
        for work in ready:
            if self._ready(work):  # the one before may have taken what it needs
                self._start_group([work])

    def _lingers(self) -> bool:
        """Those whom the last batch answered come back one by one. It pays to wait for as many, but no longer than a
        batch takes: then a slow disk gets one large batch, and a fast one works while the others come.
        """
        if self._linger is not None:
            if len(self._waiting) < self._last_size:
                return True
            self._linger.cancel()
            self._linger = None
        return False

    def _come_back(self) -> None:
        self._linger = None
        self.kick()

    def _start_group(self, group: list[Work]) -> None:
        taken = set(map(id, group))
        self._waiting = [work for work in self._waiting if id(work) not in taken]
        self._groups += 1
        self._start(self._run_group(self._run(group), len(group)))

    def _start(self, running: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run_group(self, running: Awaitable[None], commands: int) -> None:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        try:
            await running
        finally:
            self._groups -= 1
            if commands >= self.smallest and self._linger is None:
                patience = min(time.monotonic() - began, LINGER_SECONDS)
                self._linger = loop.call_later(patience, self._come_back)
            self._finished(commands)

    async def _run_rest(self, rest: Awaitable[None], commands: int) -> None:
        try:
            await rest
        finally:
            self._trailing -= commands
            self.kick()

    def _begin(self) -> None:
        if not (self._alone or self._groups or self._trailing or self._waiting):
            self.pace.begin(time.monotonic())

    def _finished(self, commands: int) -> None:
        self.pace.end(commands, time.monotonic())
        self.kick()
