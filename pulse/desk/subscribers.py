"""`/api/subscribers`: other systems that are told of events, for admins. What they are told: `subscriber_telling`."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.desk.answers import Listed, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.guard import Guard
from pulse.desk.subscriber_desk import SubscriberDesk
from pulse.desk.subscriber_rows import CHANGED, WITH_SECRET, Position, SubscriberRow
from pulse.eventlog.envelope import new_event_id
from pulse.http import answer

Url = Annotated[str, Field(min_length=1, max_length=2000, pattern=WITHOUT_NUL, examples=["https://crm.example/hooks"])]
Types = Annotated[
    tuple[Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL)], ...],
    Field(max_length=50, examples=[["chat.message-received", "customer.*"]]),
]
Title = Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL, examples=["CRM"])]


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


def subscriber_routes(guard: Guard, desk: SubscriberDesk) -> APIRouter:
    router = APIRouter(prefix="/api/subscribers", tags=["subscribers"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[SubscriberRow]))
    async def list_subscribers(person: Admin) -> Response:
        """All of them, the oldest first, and how each is doing."""
        return whole(await desk.rows())

    @router.post("", status_code=201, responses={201: WITH_SECRET, 200: WITH_SECRET})
    async def register_subscriber(wanted: NewSubscriber, person: Admin) -> Response:
        """Tells another system of events. `secret` is shown this once; one that is there already has none to show."""
        desk.require_room(wanted.id)
        subscriber_id = wanted.id or new_event_id()
        decided, secret = await desk.subscribing.register(
            subscriber_id, url=wanted.url, types=wanted.types, title=wanted.title, position=wanted.position,
            by=by_moderator(person.id),
        )  # fmt: skip
        made = bool(decided.events)
        return await desk.done(subscriber_id, decided, 201 if made else 200, secret=secret if made else None)

    @router.get("/{subscriber_id}", responses=shows(SubscriberRow))
    async def show_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """One, and how it is doing: how far it is, the last error, when it is tried again."""
        return answer(await desk.row(await desk.subscribing.one(subscriber_id)))

    @router.patch("/{subscriber_id}", responses={200: CHANGED})
    async def change_subscriber(subscriber_id: UUID, wanted: ChangedSubscriber, person: Admin) -> Response:
        """Another address, title or other types. What waits to be tried again is tried at once."""
        decided = await desk.subscribing.change(
            subscriber_id, url=wanted.url, types=wanted.types, title=wanted.title, by=by_moderator(person.id)
        )
        return await desk.done(subscriber_id, decided)

    @router.delete("/{subscriber_id}", responses={200: CHANGED})
    async def remove_subscriber(subscriber_id: UUID, person: Admin) -> Response:
        """Ends it for good; one that was ended stays so."""
        return await desk.done(subscriber_id, await desk.subscribing.end(subscriber_id, by=by_moderator(person.id)))

    return router


def subscriber_secret_routes(guard: Guard, desk: SubscriberDesk) -> APIRouter:
    router = APIRouter(prefix="/api/subscribers/{subscriber_id}", tags=["subscribers"])

    @router.post("/rotate", responses={200: WITH_SECRET})
    async def rotate_subscriber(
        subscriber_id: UUID, person: Annotated[Person, Depends(guard.admin)], wanted: Rotation | None = None
    ) -> Response:
        """A new secret, shown this once. For a day, or `oldHours`, both sign."""
        old = timedelta(hours=(wanted or Rotation()).oldHours)
        decided, secret = await desk.subscribing.rotate(subscriber_id, old=old, by=by_moderator(person.id))
        return await desk.done(subscriber_id, decided, secret=secret)

    return router
