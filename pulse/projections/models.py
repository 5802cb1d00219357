"""The one list of read models, on two shelves."""

from __future__ import annotations

from dataclasses import dataclass

from pulse.eventlog.envelope import Recorded
from pulse.projections import (
    callbacks,
    customers,
    deliveries,
    facts,
    files,
    health,
    inbox,
    joins,
    marks,
    notifications,
    room_words,
    rooms,
    search,
    thread,
)
from pulse.projections.changes import Changes, ReadModel

# Each is named after its table.
MODELS: dict[str, ReadModel] = {
    "inbox": inbox,
    "marks": marks,
    "thread": thread,
    "callbacks": callbacks,
    "customers": customers,
    "joins": joins,
    "deliveries": deliveries,
    "files": files,
    "health": health,
    "rooms": rooms,
    "notifications": notifications,
    "facts": facts,
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Read models that share a schema and a checkpoint: another shelf is behind, or anew, without delaying this one."""

    schema: str
    models: dict[str, ReadModel]
    gather_seconds: float


# A transaction costs as much as thirty events. The first message after a silence is written at once; what follows
# gathers meanwhile, so that a steady trickle makes 200 small transactions a second at most.
LISTS = Shelf("read", MODELS, 0.005)
# What the lists show must not wait for words to be taken apart, which takes longer than all the rest.
SEARCH = Shelf("search", {"search": search, "room_words": room_words}, 0.1)


def versions(shelf: Shelf = LISTS) -> dict[str, int]:
    """The read models this code makes."""
    return {name: model.VERSION for name, model in shelf.models.items()}


def project_all(recorded: Recorded, changes: Changes, shelf: Shelf = LISTS) -> None:
    """One event through every read model of a shelf."""
    for model in shelf.models.values():
        model.project(recorded, changes)
