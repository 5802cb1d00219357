"""`/api/notifications`: what concerns one moderator, and what of it they have read."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator, reach_of
from pulse.aggregates.notification import Notifications, notifications_id
from pulse.desk.answers import WRITTEN, Listed, done, paged, shows
from pulse.desk.bodies import Body, Cursor, Limit
from pulse.desk.guard import Guard
from pulse.errors import there
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.projections import notifications
from pulse.projections.reads import Reads
from pulse.shapes.rooms import NotificationRow

Unread = Annotated[bool, Query(description="only what you have not read")]


class ListedNotifications(Listed[NotificationRow]):
    """`unread` is counted up to 100."""

    unread: Annotated[int, Field(examples=[3])]


class ReadUpTo(Body):
    """The newest notification that was looked at; without one, all there are now."""

    upTo: Annotated[int | None, Field(ge=0, le=2**53, examples=[1042])] = None


def notification_routes(guard: Guard, store: EventStore, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/notifications", tags=["notifications"])
    Reading = Annotated[Person, Depends(guard.reader)]

    def name_of(who: UUID) -> str:
        return guard.directory.name_of(who)

    @router.get("", responses=shows(ListedNotifications))
    async def list_notifications(
        person: Reading, unread: Unread = False, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        """What you were told and may see now, the newest first; with `unread` what you have not read."""
        reach = reach_of(person)
        page = await notifications.page(reads, reach=reach, unread=unread, limit=limit, cursor=cursor)
        count = await notifications.count_unread(reads, reach=reach)
        rows = [notifications.shown(row, name_of) for row in page.items]
        return paged(page, rows, unread=count)

    @router.post("/{number}/read", responses={200: WRITTEN})
    async def read_notification(number: Annotated[int, Path(ge=1, le=2**53)], person: Reading) -> Response:
        """You have read it."""
        await reads.wait_for(number)  # a socket tells of it before the lists have it
        there(await notifications.one(reads, number, reach=reach_of(person)))
        return done(await _decide(store, guard, person, lambda mine: mine.read(number, now=guard.clock())))

    @router.post("/read-all", responses={200: WRITTEN})
    async def read_all_notifications(person: Reading, wanted: ReadUpTo | None = None) -> Response:
        """You have read them all, or those up to `upTo`."""
        newest = await notifications.newest(reads, person.id)
        asked = wanted.upTo if wanted and wanted.upTo is not None else newest
        up_to = min(asked, newest)  # or what nobody was told yet would count as read
        return done(await _decide(store, guard, person, lambda mine: mine.read_all(up_to, now=guard.clock())))

    return router


async def _decide(
    store: EventStore, guard: Guard, person: Person, decision: Callable[[Notifications], None]
) -> Decided:
    def on_mine(known: Notifications | None) -> Notifications:
        mine = known or Notifications.begin(person.id, now=guard.clock())
        decision(mine)
        return mine

    return await store.decide(Notifications, notifications_id(person.id), on_mine, by=by_moderator(person.id))
