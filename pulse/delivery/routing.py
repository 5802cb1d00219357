"""Routing: gives chats that wait to moderators who are there, by their department's policy. One process at a time.

Where chats stand is read from the read models at the start, and folded from the log from there on. What counts is
decided on the chat: whoever takes it first keeps it, and giving it twice is not possible.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
import structlog

from pulse.access import Person
from pulse.aggregates.chat import Chat
from pulse.aggregates.department_policy import BY_HAND, Candidate, Policy, choose
from pulse.delivery.rota import CAUSE, Rota, Stand, Turns
from pulse.directory import KINDS, Directory
from pulse.errors import LogDown, ReadsDown, Trouble
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.envelope import NEWER_HISTORY, envelope_of, subject_of
from pulse.eventlog.follow import Follow
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes, Place
from pulse.eventlog.store import EventStore
from pulse.logs import Outage
from pulse.presence import Presence
from pulse.projections import inbox
from pulse.projections.changes import Row
from pulse.projections.reads import Reads

NAME = "routing"
TURNS = "routing.turns"
KEPT_TURNS = 500  # a note has room for so many
PAGE = 500
AT_ONCE = 8  # whole chats that are held in memory
RETRY_SECONDS = 0.5
SAVE_SECONDS = 5.0
REPLAY = 100_000  # further back nobody asks whose turn it was

log = structlog.get_logger(__name__)


class Routing:
    """`run` waits for its turn, then routes for ever. Without a department that has a policy it reads nothing."""

    def __init__(
        self, store: EventStore, directory: Directory, presence: Presence, reads: Reads, epoch: str,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.store = store
        self.directory = directory
        self.presence = presence
        self.reads = reads
        self.clock = clock
        self.lease = Lease(Notes(store.log), NAME)
        self._notes = Notes(store.log)
        self._place = Place(self._notes, NAME, epoch)
        self._wake = asyncio.Event()
        self._saved_at = 0.0
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """For ever; NATS and Postgres may come and go. Raises LogHole."""
        self.presence.when_came.add(self._wake.set)
        try:
            await self.lease.run(self._work)
        finally:
            self.presence.when_came.discard(self._wake.set)

    async def _work(self) -> None:
        outage = Outage(NAME)
        while True:
            try:
                await self.directory.wait_until(lambda: bool(self._departments()))
                rota, after = await self._stand()
                outage.ended()
                await self._route(rota, Follow(self.store.log, after))
            except (ReadsDown, LogDown, AppendRefused) as trouble:
                outage.began(trouble)
                await asyncio.sleep(RETRY_SECONDS)

    async def _route(self, rota: Rota, follow: Follow) -> None:
        """Until other departments have a policy."""
        tasks = [
            asyncio.ensure_future(self._follow(follow, rota)),
            asyncio.ensure_future(self._give_out(follow.caught_up, rota)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # Where chats stand

    async def _stand(self) -> tuple[Rota, int]:
        """As the read models have it, and the position from which the log goes on. Raises ReadsDown, LogDown."""
        checkpoint = await self.reads.fetch("select position from checkpoint")
        after = checkpoint[0]["position"] if checkpoint else 0
        place, turns = await self._place.load(), await self._turns()
        rota = Rota(self._departments(), turns if place else {})
        seen, rows = 0, await self._open_chats(rota, 0)
        while rows:
            await asyncio.gather(*(self._put(rota, row) for row in rows))
            seen = rows[-1]["last_position"]
            rows = await self._open_chats(rota, seen)
        return rota, min(place, after) if after - REPLAY < place else after

    async def _open_chats(self, rota: Rota, after: int) -> list[Row]:
        return await inbox.open_chats(self.reads, list(rota.departments), after, PAGE)

    async def _put(self, rota: Rota, row: Row) -> None:
        """Since when a chat waits, only its own events know."""
        chat_id: UUID = row["chat_id"]
        if row["holder_id"] is not None:
            rota.put(chat_id, Stand(row["department_id"], row["holder_id"], row["version"]), 0)
            return
        async with self._reading:
            for stored in await self.store.log.read_all(subject_of("chat", chat_id)):
                self._fold(rota, stored)

    async def _follow(self, follow: Follow, rota: Rota) -> None:
        """Returns when other departments have a policy than those that `rota` looks at."""
        async for page in follow:
            for stored in page:
                await self._take(rota, stored)
            self._wake.set()
            await self._save(rota, page[-1].position)
            if self._departments() != rota.departments:
                return

    async def _take(self, rota: Rota, stored: Stored) -> None:
        kind = stored.subject.split(".")[2]
        if kind in KINDS:
            # What follows is decided by who is away, and by what the policies are, after this.
            await self.directory.wait_for(stored.position)
        elif kind == "chat":
            self._fold(rota, stored)

    def _fold(self, rota: Rota, stored: Stored) -> None:
        try:
            chat_id = UUID(stored.subject.rsplit(".", 1)[1])
            rota.take(stored.position, chat_id, envelope_of(stored.body))
        except (msgspec.MsgspecError, ValueError):
            log.exception("routing.poison", position=stored.position)

    # Giving out

    async def _give_out(self, caught_up: asyncio.Event, rota: Rota) -> None:
        """Whenever something happened or somebody came."""
        await caught_up.wait()
        rota.in_order()
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for department in rota.departments:
                    await self._give_in(department, rota)
            except Trouble as trouble:
                log.warning("routing.trouble", trouble=repr(trouble))
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def _give_in(self, department: UUID, rota: Rota) -> None:
        """As many as there is room for, the one that waits longest first."""
        for chat_id in rota.waiting_in(department):
            moderator = self._next(department, rota)
            if moderator is None:
                return
            await self._give(chat_id, department, moderator, rota)

    def _next(self, department: UUID, rota: Rota) -> UUID | None:
        candidates = [
            Candidate(person.id, rota.held_by(person.id), rota.turns.get((department, person.id), 0))
            for person in self._available(department)
        ]
        return choose(self._policy(department), candidates)

    async def _give(self, chat_id: UUID, department: UUID, moderator: UUID, rota: Rota) -> None:
        """Raises Trouble."""
        decision = partial(self._decide, department, moderator)
        try:
            decided = await self.store.decide(Chat, chat_id, decision, by="system", cause=CAUSE)
        except NEWER_HISTORY:
            log.exception("routing.unreadable", chat=chat_id)
            rota.drop(chat_id)  # or it would stand before all others for ever
            return
        if decided.events:
            rota.give(chat_id, Stand(department, moderator, decided.version), decided.position)

    def _decide(self, department: UUID, moderator: UUID, chat: Chat | None) -> Chat | None:
        """May be asked again, a while later: by then the moderator may have gone."""
        if chat is not None and any(person.id == moderator for person in self._available(department)):
            chat.give(moderator, department_id=department, now=self.clock())
        return chat

    def _available(self, department: UUID) -> list[Person]:
        """Never somebody who is away, disabled or not connected."""
        online = self.presence.online()
        return [one for one in self.directory.members_of(department) if one.id in online and not one.away]

    def _departments(self) -> frozenset[UUID]:
        """Those that have a policy."""
        return frozenset(one.id for one in self.directory.departments() if one.policy.assigns)

    def _policy(self, department: UUID) -> Policy:
        found = self.directory.department(department)
        return found.policy if found else BY_HAND

    # For the next start

    async def _save(self, rota: Rota, position: int) -> None:
        """How far it is and whose turn it was, now and then. Lost, it costs somebody their turn."""
        now = asyncio.get_running_loop().time()
        if now < self._saved_at + SAVE_SECONDS:
            return
        self._saved_at = now
        newest = sorted(rota.turns.items(), key=lambda item: -item[1])[:KEPT_TURNS]
        with contextlib.suppress(LogDown, AppendRefused):
            await self._notes.write(TURNS, {f"{where.hex}/{who.hex}": at for (where, who), at in newest})
            await self._place.save(position)

    async def _turns(self) -> Turns:
        says = (await self._notes.read(TURNS)).says
        places = {key: key.split("/") for key in says}
        return {(UUID(where), UUID(who)): says[key] for key, (where, who) in places.items()}
