"""Chats that may have something to send: each waits once, and no two workers have the same."""

from __future__ import annotations

import asyncio
from uuid import UUID


class Waiting:
    """A worker takes a chat, serves it, and says when that is over."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[UUID] = asyncio.Queue()
        self._wanted: set[UUID] = set()
        self._taken: set[UUID] = set()
        self._timers: dict[UUID, asyncio.TimerHandle] = {}

    def put(self, chat_id: UUID) -> None:
        self._stop_timer(chat_id)
        if chat_id not in self._wanted:
            self._wanted.add(chat_id)
            if chat_id not in self._taken:  # else it waits again when its turn is over
                self._free.put_nowait(chat_id)

    def put_later(self, chat_id: UUID, seconds: float) -> None:
        """Unless it is put sooner."""
        self._stop_timer(chat_id)
        self._timers[chat_id] = asyncio.get_running_loop().call_later(max(0.0, seconds), self.put, chat_id)

    async def take(self) -> UUID:
        chat_id = await self._free.get()
        self._wanted.discard(chat_id)
        self._taken.add(chat_id)
        return chat_id

    def over(self, chat_id: UUID) -> None:
        self._taken.discard(chat_id)
        if chat_id in self._wanted:
            self._free.put_nowait(chat_id)

    def end(self) -> None:
        """Nobody is put later any more."""
        for timer in self._timers.values():
            timer.cancel()

    def _stop_timer(self, chat_id: UUID) -> None:
        if timer := self._timers.pop(chat_id, None):
            timer.cancel()
