"""Leaving that is taken back: a page that is loaded again is away for a moment, and nobody has to be told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

HOLD_SECONDS = 3.0
COMES_BACK = {"channel_vacated": "channel_occupied", "member_removed": "member_added"}
LEFT = {came: left for left, came in COMES_BACK.items()}

Whose = tuple[str, str]


class Settling:
    """Holds each leaving for `seconds`; if the same comes back meanwhile, neither happened. All else passes at once.

    `when_settled` is called with what did happen.
    """

    def __init__(self, seconds: float = HOLD_SECONDS) -> None:
        self.when_settled: Callable[[Any], None] = lambda _: None
        self._seconds = seconds
        self._held: dict[tuple[str, Whose], asyncio.TimerHandle] = {}

    def take(self, name: str, whose: Whose, event: object) -> None:
        """`name` is the webhook event's; `whose` is the channel, and the user where there is one."""
        if (left := LEFT.get(name)) is not None and (timer := self._held.pop((left, whose), None)) is not None:
            timer.cancel()
        elif name in COMES_BACK and self._seconds:
            self._hold((name, whose), event)
        else:
            self.when_settled(event)

    def _hold(self, key: tuple[str, Whose], event: object) -> None:
        def release() -> None:
            del self._held[key]
            self.when_settled(event)

        if key not in self._held:
            self._held[key] = asyncio.get_running_loop().call_later(self._seconds, release)
