"""`/api/subscribers`: other systems that are told of events, for admins."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.subscriber import Subscriber
from pulse.desk.answers import Listed, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.guard import Guard
from pulse.desk.subscriber_rows import CHANGED, WITH_SECRET, Pinged, SubscriberRow
from pulse.errors import Refusal
from pulse.eventlog.commands import Decided
from pulse.eventlog.envelope import new_event_id
from pulse.http import answer
from pulse.progress import Progresses
from pulse.subscribing import Subscribing, shown

SUBSCRIBERS_LIMIT = 100

Ping = Callable[[Subscriber], Awaitable[dict[str, Any]]]
Url = Annotated[str, Field(min_length=1, max_length=2000, pattern=WITHOUT_NUL, examples=["https://crm.example/hooks"])]
Types = Annotated[
    tuple[Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL)], ...],
    Field(max_length=50, examples=[["chat.message-received", "customer.*"]]),
]
Title = Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL, examples=["CRM"])]
Position = Annotated[int, Field(ge=1, le=2**53, examples=[1])]


class TooManySubscribers(Refusal):
    """There are as many subscribers as Pulse tells."""


class NewSubscriber(Body):
    """`types` such as `chat.message-received`, `chat.*` or `*`. With an `id` of yours, sending it again changes nothing.

    From `position` on it is told; without one, from now on.
    """

    url: Url
    types: Types
    title: Title = ""
    position: Position | None = None
    id: UUID | None = None


class ChangedSubscriber(Body):
    """What is given is changed, the rest stays."""

    url: Url | None = None
    types: Types | None = None
    title: Title | None = None


class Rotation(Body):
    """For how many hours the old secret signs beside the new one; 0 ends it at once."""

    oldHours: Annotated[int, Field(ge=0, le=168, examples=[48])] = 24


class Replay(Body):
    position: Position


def subscriber_routes(guard: Guard, subscribing: Subscribing, progresses: Progresses, ping: Ping) -> APIRouter:
    router = APIRouter(prefix="/api/subscribers", tags=["subscribers"])
    desk = SubscriberDesk(guard, subscribing, progresses)
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[SubscriberRow]))
    async def list_subscribers(person: Admin) -> Response:
        """All of them, the oldest first, and how each is doing."""
        found = sorted(guard.directory.subscribers(), key=lambda known: known.created_on)
        end = await desk.end()
        rows = await asyncio.gather(*(desk.row(known, end) for known in found))
        return whole(rows)

    @router.post("", status_code=201, responses={201: WITH_SECRET, 200: WITH_SECRET})
    async def register_subscriber(wanted: NewSubscriber, person: Admin) -> Response:
        """Tells another system of events. `secret` is shown this once; one that is there already has none to show."""
        desk.require_room(wanted.id)
        subscriber_id = wanted.id or new_event_id()
        decided, secret = await subscribing.register(
            subscriber_id,
            url=wanted.url,
            types=wanted.types,
            title=wanted.title,
            position=wanted.position,
            by=by_moderator(person.id),
        )
        made = bool(decided.events)
        return await desk.done(subscriber_id, decided, 201 if made else 200, secret=secret if made else None)

    @router.get("/{subscriber_id}", responses=shows(SubscriberRow))
    async def show_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """One, and how it is doing: how far it is, the last error, when it is tried again."""
        return answer(await desk.row(await subscribing.one(subscriber_id), await desk.end()))

    @router.patch("/{subscriber_id}", responses={200: CHANGED})
    async def change_subscriber(subscriber_id: UUID, wanted: ChangedSubscriber, person: Admin) -> Response:
        """Another address, title or other types. What waits to be tried again is tried at once."""
        decided = await subscribing.change(
            subscriber_id, url=wanted.url, types=wanted.types, title=wanted.title, by=by_moderator(person.id)
        )
        return await desk.done(subscriber_id, decided)

    @router.delete("/{subscriber_id}", responses={200: CHANGED})
    async def remove_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Ends it for good."""
        return await desk.command(subscriber_id, person, lambda found: found.leave(now=guard.clock()))

    @router.post("/{subscriber_id}/rotate", responses={200: WITH_SECRET})
    async def rotate_subscriber(subscriber_id: UUID, person: Admin, wanted: Rotation | None = None) -> Response:
        """A new secret, shown this once. For a day, or `oldHours`, both sign."""
        old = timedelta(hours=(wanted or Rotation()).oldHours)
        decided, secret = await subscribing.rotate(subscriber_id, old=old, by=by_moderator(person.id))
        return await desk.done(subscriber_id, decided, secret=secret)

    @router.post("/{subscriber_id}/pause", responses={200: CHANGED})
    async def pause_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Tells it nothing until it is resumed."""
        return await desk.command(subscriber_id, person, lambda found: found.pause("asked", now=guard.clock()))

    @router.post("/{subscriber_id}/resume", responses={200: CHANGED})
    async def resume_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Goes on with the very event it was paused at."""
        return await desk.command(subscriber_id, person, lambda found: found.resume(now=guard.clock()))

    @router.post("/{subscriber_id}/replay", responses={200: CHANGED})
    async def replay_to_subscriber(subscriber_id: UUID, wanted: Replay, person: Admin) -> Response:
        """Tells it everything from a position on, again, under the ids it had."""
        decided = await subscribing.rewind(subscriber_id, wanted.position, by=by_moderator(person.id))
        return await desk.done(subscriber_id, decided)

    @router.post("/{subscriber_id}/test", responses=shows(Pinged, "tried"))
    async def ping_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Posts a `pulse.subscriber.ping.v1`, also to a paused one, and says whether it was taken."""
        return answer(await ping(await subscribing.one(subscriber_id)))

    return router


class SubscriberDesk:
    """What the routes share: who may, commands, and a row."""

    def __init__(self, guard: Guard, subscribing: Subscribing, progresses: Progresses) -> None:
        self.guard = guard
        self.subscribing = subscribing
        self.progresses = progresses

    async def end(self) -> int:
        """The log's last position."""
        return await self.subscribing.store.log.last_position()

    async def row(self, subscriber: Subscriber, end: int) -> dict[str, Any]:
        return shown(subscriber, await self.progresses.of(subscriber), end)

    async def command(self, subscriber_id: UUID, person: Person, act: Callable[[Subscriber], None]) -> Response:
        """Raises NotFound."""
        return await self.done(
            subscriber_id, await self.subscribing.decide(subscriber_id, act, by=by_moderator(person.id))
        )

    async def done(self, subscriber_id: UUID, decided: Decided, status: int = 200, **more: object) -> Response:
        """Once this process's lists show it."""
        return await self.guard.done(decided, status, id=str(subscriber_id), **more)

    def require_room(self, subscriber_id: UUID | None) -> None:
        """Raises TooManySubscribers."""
        known = {found.id for found in self.guard.directory.subscribers()}
        if subscriber_id not in known and len(known) >= SUBSCRIBERS_LIMIT:
            raise TooManySubscribers
