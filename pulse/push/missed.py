"""What somebody missed, as it is found: all of it, or why they have to take a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pulse.push.encoding import Told, Wire
from pulse.push.frames import Frame

FRAMES, BYTES = 2_000, 512 * 1024

Wanted = Callable[[Told], Wire | None]


class Reason(StrEnum):
    """Why a client has to take a snapshot."""

    EPOCH = "epoch"  # a cursor of another log, or none
    AHEAD = "ahead"  # this log ends before it
    LAG = "lag"  # this process does not know it yet
    EXPIRED = "expired"  # the log does not reach back so far
    TOO_FAR = "too_far"
    BUSY = "busy"  # too many come back at once
    RIGHTS = "rights"  # what this person may see has changed since
    AWAY = "away"  # the log can't be asked now


class MustSnapshot(Exception):
    """Not all that was missed can be told, so nothing of it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Comer:
    """Who comes back to one subscription, and what they are told of a frame (`wanted`), if anything.

    `person` is a moderator, `chat` the one for which a visitor's cursor is sealed. On a window of a moderator there is
    no `channel`: they are told of everything. Who `polls` comes all the time, which is no coming back.
    """

    wanted: Wanted
    person: UUID | None = None
    channel: str | None = None
    chat: UUID | None = None
    polls: bool = False


class Missed(NamedTuple):
    """All that somebody missed; or nothing, and why they have to take a snapshot."""

    wires: list[Wire]
    reason: Reason | None = None


class Found:
    """What a comer is told of all that is added, in the order of the log; never more of it than may be told."""

    def __init__(self, comer: Comer) -> None:
        self.wires: list[Wire] = []
        self._comer = comer
        self._size = 0
        self._unheard: set[UUID] = set()

    def add(self, told: Told) -> None:
        """Raises MustSnapshot: it is too much, or a chat came to where they may see it after they could not."""
        about = told.frame.about
        if (wire := self._comer.wanted(told)) is None:
            if about is not None and self._concerns(told.frame):
                self._unheard.add(about)
            return
        if about in self._unheard:  # what was said of it meanwhile is told to them by nobody
            raise MustSnapshot(Reason.RIGHTS)
        self.wires.append(wire)
        self._size += len(wire.framed)
        if len(self.wires) > FRAMES or self._size > BYTES:
            raise MustSnapshot(Reason.TOO_FAR)

    def _concerns(self, frame: Frame) -> bool:
        """Would a moderator be told, if they might hear it?"""
        if self._comer.person is None:
            return False
        return self._comer.channel is None or frame.is_told_on(self._comer.channel)
