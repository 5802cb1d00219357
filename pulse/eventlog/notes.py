"""Notes beside the log: the newest of each name, for what workers must know of each other and of their last time.

Nothing in them is the truth: a lost note costs time, never an event. They lie on two shelves, because a full one lets go
of its oldest, and those of workers must not go for what others put there.
"""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import orjson

from pulse.errors import LogDown
from pulse.eventlog.appends import Append, AppendRefused
from pulse.eventlog.jetstream import Log
from pulse.values import value

NO_MESSAGE = 10037


@value
class Shelf:
    """A stream of notes, and how their subjects begin."""

    stream: str
    prefix: str


WORKERS = Shelf("PULSE_NOTES", "pulse.note")
CACHE = Shelf("PULSE_CACHE", "pulse.cache")


@value
class Note:
    """What a note says, and its revision (0 and nothing before it was written)."""

    revision: int
    says: dict[str, Any]


class Notes:
    def __init__(self, log: Log, shelf: Shelf = WORKERS) -> None:
        self._log = log
        self._shelf = shelf

    async def read(self, name: str) -> Note:
        """Raises LogDown, AppendRefused."""
        try:
            found = await self._log.api(
                f"STREAM.MSG.GET.{self._shelf.stream}", {"last_by_subj": f"{self._shelf.prefix}.{name}"}
            )
        except AppendRefused as refused:
            if refused.err_code != NO_MESSAGE:
                raise
            return Note(0, {})
        message = found["message"]
        return Note(message["seq"], orjson.loads(base64.b64decode(message.get("data", "")) or b"{}"))

    async def write(
        self, name: str, says: dict[str, Any], *, expect: int | None = None, seconds: int | None = None
    ) -> int:
        """Replaces a note, if it still has the revision that is expected; returns its revision.

        After `seconds` the server forgets it. Raises WrongSequence, LogDown.
        """
        note = Append(f"{self._shelf.prefix}.{name}", orjson.dumps(says), expect, seconds=seconds)
        return (await self._log.append(note)).position

    async def forget(self, name: str, revision: int) -> None:
        """Takes back a note that still has this revision; a newer one stays. Raises LogDown."""
        with contextlib.suppress(AppendRefused):  # gone already
            await self._log.api(f"STREAM.MSG.DELETE.{self._shelf.stream}", {"seq": revision, "no_erase": True})


class Place:
    """How far a worker has followed the log, for its next start. In another log (`epoch`) it begins at 0."""

    def __init__(self, notes: Notes, name: str, epoch: str) -> None:
        self._notes = notes
        self._name = f"place.{name}"
        self._epoch = epoch
        self._saved = 0

    async def load(self) -> int:
        """Raises LogDown, AppendRefused."""
        says = (await self._notes.read(self._name)).says
        self._saved = int(says["position"]) if says.get("epoch") == self._epoch else 0
        return self._saved

    async def save(self, position: int) -> None:
        """Only moves up. Without an answer nothing is lost but time at the next start."""
        if position > self._saved:
            with contextlib.suppress(LogDown, AppendRefused):
                await self._notes.write(self._name, {"epoch": self._epoch, "position": position})
                self._saved = position
