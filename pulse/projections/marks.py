"""Marks: how many of a chat's customer words each moderator has seen. What is left for them is a subtraction."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat_events import ReplyWritten, SeenByStaff
from pulse.eventlog.envelope import Recorded
from pulse.projections.changes import Changes
from pulse.projections.sql import Statements

VERSION = 1
SQL = Statements(__file__)
WRITES = ("move_marks",)


def project(recorded: Recorded, changes: Changes) -> None:
    """Marks are set by looking, and by answering. They only move up, as the chat's own do."""
    match recorded.event:
        case SeenByStaff(moderator_id=moderator, unseen=unseen):
            _move(recorded, moderator, recorded.scope.messages - unseen, changes)
        case ReplyWritten(moderator_id=moderator):
            _move(recorded, moderator, recorded.scope.messages, changes)


def _move(recorded: Recorded, moderator: UUID, seen: int, changes: Changes) -> None:
    row = changes.fold("marks.move_marks", (moderator, recorded.aggregate_id))
    row |= {"moderator_id": moderator, "chat_id": recorded.aggregate_id, "seen": max(seen, row.get("seen", 0))}
