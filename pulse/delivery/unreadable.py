"""Chats that this Pulse can't read, because a newer one wrote to them. Whoever works on all chats passes them over."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from uuid import UUID

import structlog

from pulse.eventlog.envelope import NEWER_HISTORY

AGAIN_SECONDS = 300.0
KEPT = 10_000

log = structlog.get_logger(__name__)


class Unreadable:
    """Those that one worker met lately. Each is logged once and tried again after five minutes."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._until: OrderedDict[UUID, float] = OrderedDict()

    def knows(self, chat_id: UUID) -> bool:
        """Was it unreadable in the last five minutes?"""
        return self._until.get(chat_id, 0.0) > time.monotonic()

    @contextlib.contextmanager
    def passing_over(self, chat_id: UUID) -> Iterator[None]:
        """Whatever is done inside ends quietly if the chat can't be read; anything else is raised."""
        try:
            yield
        except NEWER_HISTORY:
            if chat_id not in self._until:
                log.exception("chat.unreadable", worker=self._worker, chat=str(chat_id))
            self._until[chat_id] = time.monotonic() + AGAIN_SECONDS
            self._until.move_to_end(chat_id)
            if len(self._until) > KEPT:
                self._until.popitem(last=False)
