"""What the routes of rooms share: permission on a room, and commands in it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from pulse.access import Person, by_moderator, may_see_room
from pulse.aggregates.room import GENERAL, Room, direct_id
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.projections import rooms
from pulse.projections.reads import Reads


class RoomDesk:
    """Rooms as a signed-in person may see them. Raises NotFound for what is not theirs."""

    def __init__(self, guard: Guard, store: EventStore, reads: Reads) -> None:
        self.guard = guard
        self.store = store
        self.reads = reads

    async def command(self, person: Person, room_id: UUID, decision: Callable[[Room], object]) -> Decided:
        """Decides on a room that the person is in. To others it does not exist."""

        def permitted(room: Room | None) -> Room:
            known = self._permitted(person, room_id, room)
            decision(known)
            return known

        return await self.store.decide(Room, room_id, permitted, by=by_moderator(person.id))

    async def write(
        self, person: Person, room_id: UUID, text: str, client_msg_id: str | None, mentions: tuple[UUID, ...]
    ) -> tuple[Decided, int]:
        """Also the message's number."""
        number = 0

        def decision(room: Room) -> None:
            nonlocal number
            self._require_there(room, mentions)
            number = room.write(
                text, moderator_id=person.id, client_msg_id=client_msg_id, mentions=mentions, now=self.guard.clock()
            )

        return await self.command(person, room_id, decision), number

    async def people(self, person: Person, room_id: UUID) -> tuple[UUID, ...]:
        """Whom a room is for."""
        return self._permitted(person, room_id, await self.store.look(Room, room_id)).people

    async def open_direct(self, person: Person, to: UUID) -> tuple[Decided, UUID]:
        """Raises WithOneself; NotFound for somebody who is not there."""
        self.guard.directory.require_person(to)

        def opened(room: Room | None) -> Room:
            return room or Room.open_direct(person.id, to, now=self.guard.clock())

        room_id = direct_id(person.id, to)
        return await self.store.decide(Room, room_id, opened, by=by_moderator(person.id)), room_id

    async def seen_by(self, person: Person, room_id: UUID) -> dict[str, Any]:
        """The room's row."""
        row = await rooms.one(self.reads, room_id, person.id)
        if row is None or not may_see_room(person, rooms.people_of(row)):
            raise NotFound
        return row

    def _permitted(self, person: Person, room_id: UUID, room: Room | None) -> Room:
        if room is None and room_id == GENERAL:
            return Room.open_general(now=self.guard.clock())
        if room is None or not may_see_room(person, room.people):
            raise NotFound
        return room

    def _require_there(self, room: Room, mentions: tuple[UUID, ...]) -> None:
        """Raises NotFound: nobody learns by a mention of what they may not see."""
        found = [self.guard.directory.person(who) for who in mentions]
        if not all(who is not None and may_see_room(who, room.people) for who in found):
            raise NotFound("There is no such moderator in this room.")
