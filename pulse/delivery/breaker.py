"""Stops calling a channel that does not answer, and tries it again now and then, so that it holds up nobody else."""

from __future__ import annotations

from collections import deque

from pulse.delivery.outcomes import backoff

TOLERATED = 5
BUSY_CHATS, BUSY_SECONDS = 3, 10.0


class Breaker:
    """Of one source. Times are seconds of the event loop's clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._closed_until = 0.0
        self._busy: deque[float] = deque(maxlen=BUSY_CHATS)

    def delay(self, now: float) -> float:
        """How many seconds until a call may be tried."""
        return max(0.0, self._closed_until - now)

    def went_well(self) -> None:
        self._failures = 0

    def went_badly(self, now: float) -> None:
        """From the fifth failure in a row on, each closes it for longer."""
        self._failures += 1
        if self._failures >= TOLERATED:
            self._closed_until = now + backoff(self._failures - TOLERATED + 1)

    def many_are_busy(self, now: float) -> bool:
        """Telegram says "too many" per chat; said of three within ten seconds, it means the bot."""
        self._busy.append(now)
        return len(self._busy) == BUSY_CHATS and now - self._busy[0] <= BUSY_SECONDS
