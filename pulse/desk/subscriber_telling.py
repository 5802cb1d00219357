"""`/api/subscribers/{id}/…`: whether a subscriber is told, from where on, and whether it answers. For admins."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from pulse.access import Person, by_moderator
from pulse.aggregates.subscriber import Subscriber
from pulse.desk.answers import shows
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard
from pulse.desk.subscriber_desk import SubscriberDesk
from pulse.desk.subscriber_rows import CHANGED, Pinged, Position
from pulse.http import answer

Ping = Callable[[Subscriber], Awaitable[dict[str, Any]]]


class Replay(Body):
    position: Position


def subscriber_telling_routes(guard: Guard, desk: SubscriberDesk, ping: Ping) -> APIRouter:
    router = APIRouter(prefix="/api/subscribers/{subscriber_id}", tags=["subscribers"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("/pause", responses={200: CHANGED})
    async def pause_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Tells it nothing until it is resumed."""
        return await desk.command(subscriber_id, person, lambda found: found.pause("asked", now=guard.clock()))

    @router.post("/resume", responses={200: CHANGED})
    async def resume_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Goes on with the very event it was paused at."""
        return await desk.command(subscriber_id, person, lambda found: found.resume(now=guard.clock()))

    @router.post("/replay", responses={200: CHANGED})
    async def replay_to_subscriber(subscriber_id: UUID, wanted: Replay, person: Admin) -> Response:
        """Tells it everything from a position on, again, under the ids it had."""
        decided = await desk.subscribing.rewind(subscriber_id, wanted.position, by=by_moderator(person.id))
        return await desk.done(subscriber_id, decided)

    @router.post("/test", responses=shows(Pinged, "tried"))
    async def ping_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Posts a `pulse.subscriber.ping.v1`, also to a paused one, and says whether it was taken."""
        return answer(await ping(await desk.subscribing.one(subscriber_id)))

    return router
