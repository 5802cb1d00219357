"""Saved views: the filters that one moderator, or everybody, looks at the chat list with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput, Refusal

SAVED_VIEWS = UUID("4d7e0f5e-6f1b-5a55-9a3b-8f7f7a1f4c11")
VIEWS, NAME_LIMIT = 50, 60


class NotAView(BadInput):
    """A view's name has 1 to 60 characters and no line breaks."""


class TooManyViews(Refusal):
    """At most 50 views can be saved."""


class SavedViewsBegun(AggregateCreated):
    """`moderator_id` is None for everybody's."""

    moderator_id: UUID | None


class ViewSaved(AggregateEvent):
    """`query` holds the filters as `GET /api/chats` takes them."""

    name: str
    query: dict[str, str]

    def apply(self, saved: SavedViews) -> None:
        saved.views[self.name] = self.query


class ViewRemoved(AggregateEvent):
    name: str

    def apply(self, saved: SavedViews) -> None:
        del saved.views[self.name]


class SavedViews(Aggregate):
    moderator_id: UUID | None
    views: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def begin(cls, moderator_id: UUID | None, *, now: datetime) -> Self:
        """The id follows from whose they are."""
        return cls._create(SavedViewsBegun, id=saved_views_id(moderator_id), moderator_id=moderator_id, timestamp=now)

    def save(self, name: str, query: Mapping[str, str], *, now: datetime) -> None:
        """New, or in place of the one of that name. Raises NotAView, TooManyViews."""
        name = name.strip()
        if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
            raise NotAView
        if self.views.get(name) == query:
            return
        if len(self.views) >= VIEWS and name not in self.views:
            raise TooManyViews
        self.trigger_event(ViewSaved, name=name, query=dict(query), timestamp=now)

    def find(self, view: UUID) -> dict[str, str] | None:
        """The filters of a view by its id; None if there is none of that id here."""
        return next((query for name, query in self.views.items() if self.view_id(name) == view), None)

    def view_id(self, name: str) -> UUID:
        """Follows from whose it is and its name: saved again, it is the same view."""
        return uuid5(self.id, name)

    def remove(self, name: str, *, now: datetime) -> None:
        if name.strip() in self.views:
            self.trigger_event(ViewRemoved, name=name.strip(), timestamp=now)


def saved_views_id(moderator_id: UUID | None) -> UUID:
    return uuid5(SAVED_VIEWS, moderator_id.hex if moderator_id else "everybody")
