"""How fast a source may send: in all, to one chat, and to one group. Windows as the providers count them."""

from __future__ import annotations

from collections import deque
from uuid import UUID

from pulse.channels import Capabilities

KEPT = 10_000


class Window:
    """At most `limit` calls in any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._calls: deque[float] = deque(maxlen=limit)

    def delay(self, now: float) -> float:
        """How many seconds until the next call may be made; 0 for at once."""
        if len(self._calls) < self._limit:
            return 0.0
        return max(0.0, self._calls[0] + self._seconds - now)

    def take_back(self) -> None:
        """The last call was not made."""
        if self._calls:
            self._calls.pop()

    def busy(self, now: float) -> bool:
        """Does any call still count?"""
        return bool(self._calls) and self._calls[-1] + self._seconds > now

    def count(self, now: float) -> None:
        self._calls.append(now)


class Pace:
    """One source's windows. Times are seconds of the event loop's clock."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._limits = capabilities
        self._source = window(capabilities.per_second)
        self._chats: dict[UUID, Window] = {}
        self._groups: dict[UUID, Window] = {}
        self._paused_until = 0.0

    def pause(self, until: float) -> None:
        """The whole source waits."""
        self._paused_until = max(self._paused_until, until)

    def source_delay(self, now: float) -> float:
        return max(self._source.delay(now), self._paused_until - now)

    def chat_delay(self, chat_id: UUID, now: float, *, group: bool) -> float:
        delay = self._chats[chat_id].delay(now) if chat_id in self._chats else 0.0
        if group and chat_id in self._groups:
            delay = max(delay, self._groups[chat_id].delay(now))
        return delay

    def reserve(self, now: float) -> None:
        """A call of this source is about to be made, whichever chat's it will be."""
        self._source.count(now)

    def give_back(self) -> None:
        """It was not made."""
        self._source.take_back()

    def count(self, chat_id: UUID, now: float, *, group: bool) -> None:
        """The call is this chat's."""
        if chat_id not in self._chats:
            self._forget_quiet(now)
            self._chats[chat_id] = window(self._limits.per_peer)
        self._chats[chat_id].count(now)
        if group:
            minute = self._groups.setdefault(chat_id, Window(int(self._limits.per_group_minute), 60))
            minute.count(now)

    def _forget_quiet(self, now: float) -> None:
        """Chats whose windows have passed need none."""
        if len(self._chats) >= KEPT:
            self._chats = {chat: calls for chat, calls in self._chats.items() if calls.busy(now)}
            self._groups = {chat: calls for chat, calls in self._groups.items() if calls.busy(now)}


def window(per_second: float) -> Window:
    return Window(max(1, int(per_second)), 1.0 if per_second >= 1 else 1.0 / per_second)
