"""Asking again, the only place where tests poll: for what another process does without telling anybody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.02


async def insist(
    ask: Callable[[], Awaitable[T]],
    good: Callable[[T], object] = lambda _: True,
    *,
    despite: type[BaseException] | tuple[type[BaseException], ...] = (),
    pause: float = PAUSE_SECONDS,
) -> T:
    """Asks until the answer is good, whatever of `despite` comes instead; the test's own timeout bounds it."""
    while True:
        with contextlib.suppress(despite):
            answer = await ask()
            if good(answer):
                return answer
        await asyncio.sleep(pause)
