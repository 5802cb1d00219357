"""Stops calling a channel that does not answer, and tries it with one call now and then, so that it holds up nobody."""

from __future__ import annotations

from collections import deque

from pulse.delivery.outcomes import backoff

TOLERATED = 5
PROBE_SECONDS = 0.5
BUSY_CHATS, BUSY_SECONDS = 3, 10.0


class Breaker:
    """Of one source. Times are seconds of the event loop's clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0
        self._probing = False
        self._busy: deque[float] = deque(maxlen=BUSY_CHATS)

    def delay(self, now: float) -> float:
        """How many seconds until somebody may try; while one call probes, the others look again soon."""
        if self._failures < TOLERATED:
            return 0.0
        return max(self._open_until - now, PROBE_SECONDS if self._probing else 0.0)

    def probe(self) -> None:
        """A call is about to be made."""
        self._probing = self._failures >= TOLERATED

    def no_call(self) -> None:
        """It was not made after all."""
        self._probing = False

    def went_well(self) -> None:
        self._failures = 0
        self._probing = False

    def went_badly(self, now: float) -> None:
        """From the fifth failure in a row on, each try that fails closes it for longer; calls begun before don't count."""
        self._probing = False
        if now < self._open_until:
            return
        self._failures += 1
        if self._failures >= TOLERATED:
            self._open_until = now + backoff(self._failures - TOLERATED + 1)

    def many_are_busy(self, now: float) -> bool:
        """Telegram says "too many" per chat; said of three within ten seconds, it means the bot."""
        self._busy.append(now)
        return len(self._busy) == BUSY_CHATS and now - self._busy[0] <= BUSY_SECONDS
