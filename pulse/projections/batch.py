"""A batch: some events as the rows they become, ready to be written in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from psycopg.types.json import Json

from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import open_stored
from pulse.projections import dead_letters
from pulse.projections.changes import Changes
from pulse.projections.connections import Connection
from pulse.projections.dead_letters import dead_letter
from pulse.projections.models import LISTS, Shelf, project_all

BATCH_BYTES = 8 * 1024 * 1024
BREATH = 25  # events between two looks at the sockets: folding is long, and the batch before is still being sent
BURY = "dead_letters.bury"


class Unwritable(Exception):
    """Something in these events can't become rows."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`behind` is how many subjects were parked when it was folded, `parks` the subjects it parks itself."""

    page: list[Stored]
    rows: dict[str, bytes]
    behind: int
    parks: set[str]
    shelf: Shelf = LISTS
    unwritable: Exception | None = None

    @property
    def last(self) -> Stored:
        return self.page[-1]

    async def write(self, connection: Connection) -> None:
        """Sends every statement that has rows. Raises Unwritable."""
        if self.unwritable is not None:
            raise Unwritable from self.unwritable
        for name, model in self.shelf.models.items():
            for statement in model.WRITES:
                if rows := self.rows.get(f"{name}.{statement}"):
                    await connection.execute(model.SQL[statement], {"rows": Json(rows, bytes)})
        if rows := self.rows.get(BURY):
            await connection.execute(dead_letters.SQL["bury"], {"rows": Json(rows, bytes)})


async def fold(
    page: list[Stored], parked: frozenset[str], poison: Mapping[int, Exception] | None = None, shelf: Shelf = LISTS
) -> Batch:
    """A page as rows. Events that raise, or are known as poison, are set aside with all that follows of theirs."""
    poison = poison or {}
    changes, parks = Changes(), set[str]()
    for number, stored in enumerate(page):
        if number % BREATH == 0:
            await asyncio.sleep(0)
        error = poison.get(stored.position)
        if stored.subject in parked or stored.subject in parks:
            changes.add(BURY, dead_letter(stored, None))
            continue
        if error is None:
            try:
                recorded = open_stored(stored)
            except Exception as unreadable:  # noqa: BLE001  whatever it is, the rest must flow on
                error = unreadable
        if error is not None:
            parks.add(stored.subject)
            changes.add(BURY, dead_letter(stored, error))
            continue
        try:
            project_all(recorded, changes, shelf)
        except Exception as senseless:  # noqa: BLE001  it may have left half its rows, so once more without it
            return await fold(page, parked, {**poison, stored.position: senseless}, shelf)
    try:
        return Batch(page, changes.encoded(), len(parked), parks, shelf)
    except orjson.JSONEncodeError as unwritable:
        return Batch(page, {}, len(parked), parks, shelf, unwritable)


def parts(page: list[Stored]) -> Iterator[list[Stored]]:
    """A page in pieces that a transaction can take in one go."""
    first = size = 0
    for number, stored in enumerate(page):
        size += len(stored.body)
        if size > BATCH_BYTES and number > first:
            yield page[first:number]
            first, size = number, len(stored.body)
    if page:
        yield page[first:]
