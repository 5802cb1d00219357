"""What admins are told at once, wherever they are: a source that its provider refuses, that
sends again, or that somebody switched off or on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from pulse.access import may_manage
from pulse.aggregates.source import Source, SourceDisabled, SourceEnabled, SourceHalted, SourceResumed
from pulse.eventlog.envelope import Recorded
from pulse.push.frames import Data, Frame


class Known(Protocol):
    """What has to be known of sources and people: the directory knows it."""

    def find_source(self, source: UUID) -> Source | None: ...

    def admins(self) -> frozenset[UUID]: ...


def source_frames(recorded: Recorded, directory: Known) -> Iterator[Frame]:
    """None for whatever needs no admin. `reason` is empty unless its provider gave one; `until` is when it tries by
    itself."""
    because: Data = {"reason": "", "until": None}
    match recorded.event:
        case SourceHalted(reason=reason, until=until):
            named = ("source.halted", "SourceHalted")
            because = {"reason": reason, "until": until}
        case SourceResumed():
            named = ("source.resumed", "SourceResumed")
        case SourceDisabled():
            named = ("source.disabled", "SourceDisabled")
        case SourceEnabled():
            named = ("source.enabled", "SourceEnabled")
        case _:
            return
    source = directory.find_source(recorded.aggregate_id)
    data = {"source_id": recorded.aggregate_id, "title": source.title if source else "", **because}
    channels = tuple(f"private-moderator.{admin}" for admin in sorted(directory.admins()))
    yield Frame(*named, data, channels, may_manage)
