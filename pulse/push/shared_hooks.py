"""Webhooks of what every process knows: each is told by the one that holds a lease, in the order in which it heard.

Whoever tells says live what was brought, and from when on something still waits; the others keep the rest. So whoever
takes over goes on where the one before ended, however long the receiver was away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from uuid import uuid4

import msgspec

from pulse.eventlog.jetstream import Log
from pulse.eventlog.lease import LIFE_SECONDS, Lease
from pulse.eventlog.live import HOOKS
from pulse.push.hooks import GATHERED, QUEUED, Clock, HookEvent, Hooks

BEAT_SECONDS = 3.0
# By how much processes may differ in when they hear of something: their clocks, and who is found to be gone when.
APART_SECONDS = 3.0 * LIFE_SECONDS


class Brought(msgspec.Struct, frozen=True):
    """These were brought, or given up; and everything that was heard before `until` and not before `since`, when the
    teller began to hear (seconds since 1970).
    """

    teller: str
    since: float
    until: float
    events: tuple[HookEvent, ...] = ()


class SharedHooks:
    """Nothing is left out while any process lives that heard of it, but for the oldest of over 10,000 that wait.

    What was on its way when its process died comes once more, and so may what the others heard of later than it did:
    each event says how things stand, and of one channel or member the last word is the newest.
    """

    def __init__(self, hooks: Hooks, lease: Lease, log: Log, clock: Clock) -> None:
        self._hooks = hooks
        self._lease = lease
        self._log = log
        self._clock = clock
        self._process = uuid4().hex
        self._began = clock().timestamp()
        # What is not known to have been brought: of whoever tells, the queue and what is on its way.
        self._open: deque[tuple[float, HookEvent]] = deque(maxlen=QUEUED + GATHERED)
        self._telling = False  # once what was heard before is in the queue

    @property
    def waiting(self) -> list[HookEvent]:
        """What this process would tell if it had to take over now."""
        return [event for _, event in self._open]

    def say(self, event: HookEvent) -> None:
        """Whether or not it is this process that tells."""
        self._open.append((self._now(), event))
        if self._telling and self._lease.held.is_set():
            self._hooks.say(event)

    async def run(self) -> None:
        """Tells for ever, whenever it is this process' turn."""
        await self._log.listen(HOOKS, self._hear)
        self._began = self._now()
        await self._lease.run(self._tell)

    async def _tell(self) -> None:
        for event in self.waiting:
            self._hooks.say(event)
        self._telling = True
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._hooks.run(self._over))
                both.create_task(self._beat())
        finally:
            self._telling = False
            self._hooks.forget()

    async def _beat(self) -> None:
        while True:
            await self._say_brought(())
            await asyncio.sleep(BEAT_SECONDS)

    async def _over(self, events: Sequence[HookEvent]) -> None:
        """Whatever was before them and is still here had to make room in the queue."""
        for event in events:
            for _ in range(self._find(event) + 1):
                self._open.popleft()
        await self._say_brought(events)

    async def _say_brought(self, events: Sequence[HookEvent]) -> None:
        until = self._open[0][0] if self._open else self._now()
        await self._log.tell(HOOKS, msgspec.json.encode(Brought(self._process, self._began, until, tuple(events))))

    async def _hear(self, body: bytes) -> None:
        try:
            said = msgspec.json.decode(body, type=Brought)
        except msgspec.MsgspecError:
            return  # a newer Pulse said it
        if said.teller == self._process:
            return
        self._close(said.events)
        brought = [one for one in self._open if said.since <= one[0] < said.until - APART_SECONDS]
        for one in brought:
            self._open.remove(one)

    def _close(self, events: Sequence[HookEvent]) -> None:
        """With each goes what was heard before of the same thing: that is out of date."""
        for event in events:
            for older in range(self._find(event), -1, -1):
                if _thing(self._open[older][1]) == _thing(event):
                    del self._open[older]

    def _find(self, event: HookEvent) -> int:
        """Where the oldest like it is; -1 if there is none."""
        return next((at for at, (_, one) in enumerate(self._open) if one == event), -1)

    def _now(self) -> float:
        return self._clock().timestamp()


def _thing(event: HookEvent) -> tuple[str, str | None, bool]:
    """What the event says the state of: a channel, a member of it, or how many are on it."""
    return event.channel, event.user_id, event.subscription_count is None
