"""Cursors of the chat list: where a page goes on, of which list, and in which direction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pulse.errors import BadInput
from pulse.projections.chat_filters import Filters
from pulse.projections.paging import END
from pulse.values import value

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253402300799999999  # microseconds; as far as times go
Row = dict[str, Any]


@value
class ListCursor:
    """`major` is what the list is sorted by before the position of the last word: a rank, microseconds, or nothing.

    `back`: the page before this place.
    """

    back: bool
    major: int
    place: int

    @classmethod
    def of(cls, text: str | None, filters: Filters) -> Self:
        """A cursor of an earlier page of the same list; None is the start. Raises BadInput."""
        if text is None:
            down = filters.sort in ("newest", "priority")
            return cls(False, LAST if down else -1, END if down else -1)
        way, _, rest = text.partition("-")
        numbers = rest.split("-")
        if (
            way in ("after", "before")
            and len(numbers) == 3
            and _is_number(numbers[0], LAST)
            and _is_number(numbers[1], END)
        ):
            if numbers[2] != filters.mark:
                raise BadInput("This cursor comes from a list with other filters or another order. Begin at its start.")
            return cls(way == "before", int(numbers[0]), int(numbers[1]))
        raise BadInput("This cursor does not come from an earlier page.")

    @property
    def since(self) -> datetime:
        """`major` as a moment, where the list is sorted by moments."""
        return EPOCH + timedelta(microseconds=self.major)

    def down(self, filters: Filters) -> bool:
        """Does this page read its index from higher to lower keys?"""
        return self.back != (filters.sort in ("newest", "priority"))


def cursor_text(way: str, key: tuple[int, int], filters: Filters) -> str:
    return f"{way}-{key[0]}-{key[1]}-{filters.mark}"


def key_of(row: Row, filters: Filters) -> tuple[int, int]:
    """A row's place in the list."""
    match filters.sort:
        case "waiting":
            major = (row["waiting_since"] - EPOCH) // timedelta(microseconds=1)
        case "priority":
            major = filters.rank(row["priority"])
        case _:
            major = 0
    return major, row["last_position"]


def _is_number(text: str, last: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= last
