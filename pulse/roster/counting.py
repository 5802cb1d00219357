"""How often it is told how many subscriptions a channel has: a large channel's number changes all the time."""

from __future__ import annotations

LARGE = 100
COUNT_SECONDS = 5.0


class Counting:
    """Of each channel the number that was told last, and when; of large ones also until when another has to wait."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, float]] = {}
        self._waiting: dict[str, float] = {}

    def may_tell(self, channel: str, subscriptions: int, now: float) -> bool:
        """Is the number news that may be told now? If it has to wait, `due` names the channel when it is time."""
        told, at = self._told.get(channel, (0, float("-inf")))
        if subscriptions in (told, 0):
            self._waiting.pop(channel, None)
            return False
        if subscriptions > LARGE and at + COUNT_SECONDS > now:
            self._waiting[channel] = at + COUNT_SECONDS
            return False
        self._told[channel] = (subscriptions, now)
        self._waiting.pop(channel, None)
        return True

    def forget(self, channel: str) -> None:
        self._told.pop(channel, None)
        self._waiting.pop(channel, None)

    def due(self, now: float) -> list[str]:
        """The channels that have waited long enough."""
        return [channel for channel, at in self._waiting.items() if at <= now]

    def due_at(self) -> float:
        return min(self._waiting.values(), default=float("inf"))
