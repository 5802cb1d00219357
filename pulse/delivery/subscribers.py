"""Tells other systems of events: one worker for each subscriber, wherever it runs, so none waits for another."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pulse.aggregates.subscriber import Subscriber
from pulse.delivery.post import Post
from pulse.delivery.telling import Schedule, Telling
from pulse.directory import Directory
from pulse.errors import NotFound
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.progress import Progresses
from pulse.subscribing import Subscribing

BY = "system"


class Subscribers:
    """Any number of processes may run it: a lease says which of them tells a subscriber."""

    def __init__(
        self, directory: Directory, subscribing: Subscribing, epoch: str, *, schedule: Schedule | None = None
    ) -> None:
        self._directory = directory
        self._subscribing = subscribing
        self._log = subscribing.store.log
        self._notes = Notes(self._log)
        self._progresses = Progresses(self._notes, epoch)
        self._schedule = schedule or Schedule(subscribing.clock)
        self._working: dict[UUID, tuple[int, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """For ever. Who is changed, paused or gone is stopped being told at once. Raises LogHole."""
        async with asyncio.TaskGroup() as group:
            while True:
                known = self._directory.position
                await self._match(group)
                await self._directory.wait_for(known + 1)

    async def _match(self, group: asyncio.TaskGroup) -> None:
        """Ends the work for who is not as it was, and begins it for who is new or changed."""
        wanted = {found.id: found for found in self._directory.subscribers() if not found.paused}
        versions = {known: found.version for known, found in wanted.items()}
        outdated = [known for known, (version, _) in self._working.items() if versions.get(known) != version]
        ending = [self._working.pop(known)[1] for known in outdated]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        for known, subscriber in wanted.items():
            if known not in self._working:
                self._working[known] = (subscriber.version, group.create_task(self._tell(subscriber)))

    async def _tell(self, subscriber: Subscriber) -> None:
        """Until it has to be paused."""
        telling = Telling(subscriber, self._log, self._progresses, self._schedule, self._give_up)
        vault, clock, inside = self._subscribing.vault, self._subscribing.clock, self._subscribing.inside
        async with Post.open(subscriber, vault, clock, inside) as post:
            await Lease(self._notes, f"subscriber.{subscriber.id.hex}").run(lambda: telling.run(post))

    async def _give_up(self, subscriber: Subscriber, reason: str, error: str) -> None:
        """Pauses it, unless somebody changed it meanwhile."""

        def act(found: Subscriber) -> None:
            found.pause(reason, error, turn=subscriber.turn, now=self._subscribing.clock())

        try:
            await self._subscribing.decide(subscriber.id, act, by=BY)
        except NotFound:
            return
