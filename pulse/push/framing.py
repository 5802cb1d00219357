"""All that people are told of one event, of whatever kind: live, and again to those who come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from uuid import UUID

from pulse.aggregates import room
from pulse.aggregates.moderator import ModeratorDisabled, ModeratorEnabled, ModeratorRoleChanged
from pulse.aggregates.room import RoomOpened
from pulse.directory import Directory
from pulse.eventlog.envelope import Recorded, open_stored, subject_of
from pulse.eventlog.follow import until_told
from pulse.eventlog.jetstream import Log
from pulse.push.chat_frames import Names, chat_frames
from pulse.push.feed_frames import feed_frames
from pulse.push.frames import Frame
from pulse.push.notification_frames import notification_frames
from pulse.push.room_frames import room_frames
from pulse.push.source_frames import source_frames


class Framing:
    """Names are those that people and departments have now."""

    def __init__(self, log: Log, directory: Directory) -> None:
        self._log = log
        self._directory = directory
        self._names = Names(directory.name_of, self._department_name)
        self._people: dict[UUID, tuple[UUID, ...]] = {}

    async def of(self, recorded: Recorded) -> list[Frame]:
        """Its frames, in the order they are told."""
        people = await self._people_of(recorded) if recorded.kind == "room" else None
        told = chain(
            chat_frames(recorded, self._names),
            feed_frames(recorded),
            () if people is None else room_frames(recorded, people, self._directory.name_of),
            notification_frames(recorded, self._directory.name_of),
            source_frames(recorded, self._directory),
        )
        return list(placed(recorded, told))

    async def _people_of(self, recorded: Recorded) -> tuple[UUID, ...]:
        """Whom a room is for never changes. Waits for as long as the log can't tell."""
        room_id = recorded.aggregate_id
        if room_id == room.GENERAL:
            return ()
        if isinstance(recorded.event, RoomOpened):
            self._people[room_id] = recorded.event.people
        elif room_id not in self._people:
            self._people[room_id] = (await until_told(lambda: self._opening(room_id))).people
        return self._people[room_id]

    async def _opening(self, room_id: UUID) -> RoomOpened:
        """Its first event, and no other: however long a room is, the sockets don't wait for it."""
        [first] = await self._log.read(1, subject=subject_of("room", room_id), limit=1)
        opened = open_stored(first).event
        assert isinstance(opened, RoomOpened), "a room begins with its opening"
        return opened

    def _department_name(self, department_id: UUID) -> str:
        department = self._directory.department(department_id)
        return department.name if department else ""


def whose_rights(recorded: Recorded) -> UUID | None:
    """Who may see other things from this event on, if anybody."""
    changed = isinstance(recorded.event, ModeratorRoleChanged | ModeratorDisabled | ModeratorEnabled)
    return recorded.aggregate_id if changed else None


def placed(recorded: Recorded, told: Iterator[Frame]) -> Iterator[Frame]:
    for part, frame in enumerate(told, 1):
        yield replace(
            frame, position=recorded.position, part=part, when=recorded.at, event_id=recorded.envelope.id,
            besides=recorded.besides,
        )  # fmt: skip
