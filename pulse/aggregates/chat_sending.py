"""How far a reply has got on its way out. Kept by its chat until the reply has left whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pulse.message import Attachment

SENT, DELIVERED, READ = 1, 2, 3


@dataclass(slots=True)
class Sending:
    """A reply leaves in `parts` pieces, one after the other; `part` is the one whose turn it is.

    `attempt` counts calls to the channel. `calling`: a call was begun and nobody has said how it ended; `maybe`: one of
    this piece ended so that it may have arrived. `since` is when the piece was first tried and `trying_since` when the
    hour of trying began, `again_at` when it is tried next, and whether in `plain` words. `stuck`: it failed for good or
    (`unsure`) nobody knows.
    """

    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    parts: int = 1
    part: int = 0
    attempt: int = 0
    calling: bool = False
    maybe: bool = False
    since: datetime | None = None
    trying_since: datetime | None = None
    again_at: datetime | None = None
    stuck: bool = False
    unsure: bool = False
    plain: bool = False
    author: UUID | None = None

    def begin_call(self, part: int, parts: int, attempt: int, at: datetime) -> None:
        self.part, self.parts, self.attempt, self.calling = part, parts, attempt, True
        self.since = self.since or at
        self.trying_since = self.trying_since or at
        self.again_at = None

    def end_call(self, *, again_at: datetime | None = None, stuck: bool = False, unsure: bool = False) -> None:
        self.calling, self.again_at, self.stuck, self.unsure = False, again_at, stuck, unsure

    def begin_anew(self) -> None:
        """Somebody who knows how the last try ended wants another."""
        self.since = self.trying_since = None
        self.maybe = False
        self.end_call()

    def next_part(self, part: int) -> None:
        """This piece has arrived."""
        self.part = part + 1
        self.plain = False
        self.begin_anew()
