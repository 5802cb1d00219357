"""Lease: work that one process does at a time, however many could.

The server's clock decides: the holder's note is forgotten unless it is renewed. A holder that was cut off may work on
for a moment beside the next one, so whatever may not be done twice is decided on the log as well.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import structlog

from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, WrongSequence
from pulse.eventlog.notes import Notes

LIFE_SECONDS = 4
RENEW_SECONDS = 1.0
LOOK_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Lease:
    """`run` waits for its turn, works, and waits again when it lost its turn."""

    def __init__(self, notes: Notes, name: str) -> None:
        self._notes = notes
        self._name = f"lease.{name}"
        self._holder = uuid4().hex
        self._revision = 0
        self.held = asyncio.Event()

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until `work` returns while it holds the lease. `work` is cancelled when the lease is lost, and begun again.

        `held` is cleared before that; while it is set, `work` may take its time to end, and nobody else begins.
        """
        while True:
            await self._take()
            working = asyncio.ensure_future(work())
            try:
                if await self._keep(working):
                    return
                log.warning("lease.lost", name=self._name)
                self.held.clear()
            finally:
                await self._end(working)

    async def _end(self, working: asyncio.Future[None]) -> None:
        """Lets the work end, renewing as long as the lease is ours; then somebody else need not wait for its time."""
        working.cancel()
        try:
            while not (await asyncio.wait([working], timeout=RENEW_SECONDS))[0]:
                if self.held.is_set():
                    await self._renew(RENEW_SECONDS)
        finally:
            self.held.clear()
            await self._let_go()

    async def _take(self) -> None:
        while True:
            try:
                self._revision = await self._notes.write(self._name, self._says(), expect=0, seconds=LIFE_SECONDS)
            except (LogDown, AppendRefused):
                await asyncio.sleep(LOOK_SECONDS)
            else:
                self.held.set()
                return

    async def _keep(self, working: asyncio.Future[None]) -> bool:
        """Renews until the work is done (True) or the lease is lost (False). Raises what the work raised."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LIFE_SECONDS
        while (left := until - loop.time()) > 0:
            done, _ = await asyncio.wait([working], timeout=min(RENEW_SECONDS, left))
            if done:
                working.result()
                return True
            asked = loop.time()
            renewed = await self._renew(until - asked)
            if renewed:
                until = asked + LIFE_SECONDS
            elif renewed is False:
                return False
        return False

    async def _renew(self, seconds: float) -> bool | None:
        """None where nobody knows: it is ours until its time is over."""
        with contextlib.suppress(LogDown, AppendRefused, TimeoutError):
            async with asyncio.timeout(seconds):
                try:
                    self._revision = await self._notes.write(
                        self._name, self._says(), expect=self._revision, seconds=LIFE_SECONDS
                    )
                except WrongSequence:
                    return None if await self._still_ours() else False
                else:
                    return True
        return None

    async def _still_ours(self) -> bool:
        """An answer that got lost: the note may be our own."""
        with contextlib.suppress(LogDown, AppendRefused):
            note = await self._notes.read(self._name)
            if note.says.get("holder") != self._holder:
                return False
            self._revision = note.revision
        return True

    async def _let_go(self) -> None:
        """So that the next one need not wait for the end of our time."""
        with contextlib.suppress(LogDown, AppendRefused):
            await self._notes.forget(self._name, self._revision)

    def _says(self) -> dict[str, str]:
        return {"holder": self._holder}
