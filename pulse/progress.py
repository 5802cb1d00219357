"""Progress: how far a subscriber has been told, and what stands in the way; a note beside the log.

Losing the note tells a subscriber again from where it began. It never loses an event.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

import msgspec

from pulse.aggregates.subscriber import Subscriber
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.notes import Notes


class Progress(msgspec.Struct):
    """Everything up to `position` was taken, or not wanted. `attempt` counts the failed tries of what comes next.

    It holds for one log (`epoch`), one place to begin (`since`), and its tries for one `turn` of the subscriber.
    """

    epoch: str
    since: int
    turn: int
    position: int
    attempt: int = 0
    error: str = ""
    failed_at: datetime | None = None
    again_at: datetime | None = None
    taken_at: datetime | None = None

    def taken(self, position: int, now: datetime) -> None:
        """The subscriber has it."""
        self.position, self.attempt, self.error = position, 0, ""
        self.taken_at, self.failed_at, self.again_at = now, None, None

    def failed(self, error: str, again_at: datetime | None, now: datetime) -> None:
        """What comes next was tried in vain; it is tried again then."""
        self.attempt += 1
        self.error, self.failed_at, self.again_at = error[:500], now, again_at


class Progresses:
    """Of all subscribers, in one log."""

    def __init__(self, notes: Notes, epoch: str) -> None:
        self._notes = notes
        self._epoch = epoch

    async def of(self, subscriber: Subscriber) -> Progress:
        """How far it is; where it begins, if it was never told or told to begin anew. Raises LogDown."""
        begins = Progress(self._epoch, subscriber.since, subscriber.turn, subscriber.position - 1)
        says = (await self._notes.read(_name(subscriber))).says
        if not says:
            return begins
        found = msgspec.convert(says, Progress)
        if (found.epoch, found.since) != (begins.epoch, begins.since):
            return begins
        if found.turn != subscriber.turn:
            found.turn, found.attempt, found.error, found.failed_at, found.again_at = subscriber.turn, 0, "", None, None
        return found

    async def save(self, subscriber: Subscriber, progress: Progress) -> None:
        """Without an answer nothing is lost: after a crash some events are told twice, under the same ids."""
        with contextlib.suppress(LogDown, AppendRefused):
            await self._notes.write(_name(subscriber), msgspec.structs.asdict(progress))


def _name(subscriber: Subscriber) -> str:
    return f"subscriber.{subscriber.id.hex}"
