"""How far a reply has got on its way out. Kept by its chat until the reply has left whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pulse.message import Attachment

SENT, DELIVERED, READ = 1, 2, 3


@dataclass(slots=True)
class Sending:
    """A reply leaves in `parts` pieces, one after the other; `part` is the one whose turn it is.

    `attempt` counts calls to the channel. `calling`: a call was begun and nobody has said how it ended. `since` is
    when this piece was first tried, `again_at` when it is tried next, and whether in plain words. `maybe`: a call
    before the last may have arrived. `stuck`: it failed for good or (`unsure`) nobody knows.
    """

    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    parts: int = 1
    part: int = 0
    attempt: int = 0
    calling: bool = False
    since: datetime | None = None
    again_at: datetime | None = None
    stuck: bool = False
    unsure: bool = False
    plain: bool = False
    maybe: bool = False

    def begin_call(self, part: int, parts: int, attempt: int, at: datetime) -> None:
        self.maybe = self.maybe or self.calling
        self.part, self.parts, self.attempt, self.calling = part, parts, attempt, True
        self.since = self.since or at
        self.again_at = None

    def end_call(self, *, again_at: datetime | None = None, stuck: bool = False, unsure: bool = False) -> None:
        self.calling, self.again_at, self.stuck, self.unsure = False, again_at, stuck, unsure

    def next_part(self, part: int) -> None:
        """This piece has arrived."""
        self.part = part + 1
        self.plain = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """As if nobody had tried the piece whose turn it is."""
        self.since = None
        self.maybe = False
        self.end_call()
