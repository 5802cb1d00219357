"""`/api/views`: filters of the chat list under a name; one's own, and those that admins save for everybody."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from pulse.access import Person, by_moderator, may_manage
from pulse.aggregates.saved_views import SavedViews, saved_views_id
from pulse.desk.answers import WRITTEN, Listed, Shown, done, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.chat_query import ChatFilters
from pulse.desk.faults import fields_of, in_words
from pulse.desk.guard import AdminsOnly, Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore

Name = Annotated[
    str, Path(max_length=200, pattern=WITHOUT_NUL, description="of the view", examples=["Late deliveries"])
]
VIEW = "5b1f1f0a-8a0c-5b3e-9f51-6a1b8f0f7d10"
Filter = Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z_]+$")]
Value = Annotated[str, Field(max_length=200, pattern=WITHOUT_NUL)]


class View(Body):
    """`query` as `GET /api/chats` takes it; `everybody`: for all moderators, which admins may."""

    query: Annotated[dict[Filter, Value], Field(max_length=20, examples=[{"tag": "delivery", "sort": "waiting"}])]
    everybody: Annotated[bool, Field(examples=[False])] = False

    @field_validator("query")
    @classmethod
    def _can_be_listed(cls, query: dict[str, str]) -> dict[str, str]:
        try:
            ChatFilters.model_validate(query)
        except ValidationError as wrong:
            known = fields_of(ChatFilters)
            named = " ".join(f"{fault['loc'][0]}: {in_words(fault, known)}" for fault in wrong.errors())
            raise PydanticCustomError(
                "filters", "The chat list does not take this. {named}", {"named": named}
            ) from None
        return query


class ViewRow(Shown):
    """`GET /api/chats?saved=` takes the `id`."""

    id: Annotated[UUID, Field(examples=[VIEW])]
    name: Annotated[str, Field(examples=["Late deliveries"])]
    query: Annotated[dict[str, str], Field(examples=[{"tag": "delivery", "sort": "waiting"}])]
    everybody: Annotated[bool, Field(examples=[False])]


def saved_view_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/views", tags=["chats"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.get("", responses=shows(Listed[ViewRow]))
    async def list_views(person: Asking) -> Response:
        """Everybody's and yours, each by name."""
        rows = [row for owner in (None, person.id) for row in _rows(await _saved(store, owner))]
        return whole(rows)

    @router.put("/{name}", responses={200: WRITTEN})
    async def save_view(name: Name, view: View, person: Asking) -> Response:
        """Saves filters under a name, in place of what it stood for."""
        owner = _owner(person, everybody=view.everybody)
        return done(await _change(
            guard, store, person, owner, lambda saved: saved.save(name, view.query, now=guard.clock())
        ))  # fmt: skip

    @router.delete("/{name}", responses={200: WRITTEN})
    async def remove_view(
        name: Name, person: Asking, everybody: Annotated[bool, Query(description="of those for everybody")] = False
    ) -> Response:
        """Forgets a view."""
        owner = _owner(person, everybody=everybody)
        return done(await _change(guard, store, person, owner, lambda saved: saved.remove(name, now=guard.clock())))

    return router


async def view_of(store: EventStore, person: Person, view: UUID) -> dict[str, str]:
    """The filters of one of everybody's views or one's own. Raises NotFound."""
    for owner in (None, person.id):
        saved = await _saved(store, owner)
        if saved is not None and (found := saved.find(view)) is not None:
            return found
    raise NotFound("There is no such view, or it is somebody else's.")


def _owner(person: Person, *, everybody: bool) -> UUID | None:
    """Whose views are changed. Raises AdminsOnly."""
    if everybody and not may_manage(person):
        raise AdminsOnly("Only admins may save views for everybody.")
    return None if everybody else person.id


async def _saved(store: EventStore, owner: UUID | None) -> SavedViews | None:
    return await store.look(SavedViews, saved_views_id(owner))


def _rows(saved: SavedViews | None) -> Iterator[dict[str, Any]]:
    if saved is not None:
        for name, query in sorted(saved.views.items()):
            everybody = saved.moderator_id is None
            yield {"id": saved.view_id(name), "name": name, "query": query, "everybody": everybody}


async def _change(
    guard: Guard, store: EventStore, person: Person, owner: UUID | None, decision: Callable[[SavedViews], None]
) -> Decided:
    def on_saved(known: SavedViews | None) -> SavedViews | None:
        saved = known or SavedViews.begin(owner, now=guard.clock())
        decision(saved)
        return saved if known or saved.views else None

    return await store.decide(SavedViews, saved_views_id(owner), on_saved, by=by_moderator(person.id))
